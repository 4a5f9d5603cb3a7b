import { isUtf8 } from 'node:buffer';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { secretOf } from '../../secret-value.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { parseField, ValueReader } from '../operands.ts';
import { fieldOption, serverOptions } from '../options.ts';
import { printData, showWarnings } from '../print-data.ts';
import { isInteractive } from '../prompt.ts';
import { wrapInfoOf } from '../wrapped.ts';

export const command = defineCommand({
  summary: 'Wrap data for one reader, once',
  details: [
    'FIELD=VALUE gives a field; FIELD=@FILE and FIELD=- read it, so that it is no argument. Without FIELD a JSON ' +
      'object is read from standard input. Prints the wrapping token: whoever has it may say `coffer unwrap`, once, ' +
      'before its TTL ends.',
  ],
  operands: { FIELD: 'many' },
  options: {
    ttl: { type: 'text', value: 'TTL', help: 'how long it waits for its reader (5m)' },
    ...fieldOption,
    ...serverOptions,
  },
  examples: ['coffer wrap password=@password.txt --ttl 1h --field token', 'coffer wrap < credentials.json'],
  async run({ options, operands }, shell) {
    const reader = new ValueReader(shell);
    if (operands.FIELD.length === 0 && isInteractive(shell)) throw usageError('wrap', 'FIELD is missing');
    const body =
      operands.FIELD.length === 0 ? jsonOf(await reader.readStdin()) : await fieldsOf(reader, operands.FIELD);
    const client = await connect(shell, options);
    const answer = await client.request('POST', 'sys/wrapping/wrap', { body, wrapTtl: options.ttl ?? '5m' });
    showWarnings(shell.ui, answer.body);
    printData(shell.ui, wrapInfoOf(answer.body), options.field);
  },
});

async function fieldsOf(reader: ValueReader, words: readonly string[]): Promise<JsonObject> {
  const fields: [string, string][] = [];
  for (const word of words) {
    const field = parseField(word);
    if (field === undefined) {
      const hint = word === 'lookup' ? '; a wrapping token is looked up by `coffer unwrap --lookup`' : '';
      throw usageError('wrap', `each FIELD must be NAME=VALUE${hint}`);
    }
    const bytes = Buffer.from(await reader.read(field.source));
    if (!isUtf8(bytes))
      throw new CofferError('usage', `the value of ${field.name} is no text; encode it first`);
    fields.push([field.name, bytes.toString('utf8')]);
  }
  if (new Set(fields.map(([name]) => name)).size < fields.length)
    throw usageError('wrap', 'a field is given twice');
  return secretOf(fields);
}

function jsonOf(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // No cause: the parser's message repeats a piece of the text.
    throw new CofferError('usage', 'what is on standard input is not JSON');
  }
  if (!isJsonObject(value)) throw new CofferError('usage', 'what is on standard input must be a JSON object');
  return value;
}
