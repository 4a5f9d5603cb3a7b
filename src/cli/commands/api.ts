import type { Method } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { connect } from '../context.ts';
import { parseField, ValueReader } from '../operands.ts';
import { serverOptions } from '../options.ts';
import { printField, showWarnings } from '../print-data.ts';

const methods: readonly Method[] = ['GET', 'LIST', 'POST', 'PUT', 'PATCH', 'DELETE'];

export const command = defineCommand({
  summary: 'Call any endpoint',
  details: [
    'FIELD=VALUE gives a field of the body, or of the query of a GET, LIST or DELETE; FIELD=@FILE and FIELD=- read ' +
      'it; a field given several times is a list. @FILE or - alone is the whole body, as JSON. The answer is ' +
      'printed as JSON.',
  ],
  operands: { METHOD: 'one', PATH: 'one', FIELD: 'many' },
  options: {
    field: { type: 'text', short: 'f', value: 'NAME', help: 'print this part alone, such as data.role_id' },
    'wrap-ttl': { type: 'text', value: 'TTL', help: 'answer with a single-use wrapping token of this life' },
    ...serverOptions,
  },
  examples: [
    'coffer api POST auth/approle/role/web token_policies=web token_ttl=1h',
    'coffer api GET auth/approle/role/web/role-id --field data.role_id',
  ],
  async run({ options, operands }, shell) {
    const method = methodOf(operands.METHOD);
    const reader = new ValueReader(shell);
    const path = operands.PATH.replace(/^\/?v1\//, '');
    const sent = sendsBody(method)
      ? { body: await bodyOf(reader, operands.FIELD) }
      : { query: await queryOf(reader, operands.FIELD) };
    const client = await connect(shell, options);
    const wish = { wrapTtl: options['wrap-ttl'], wrapped: true };
    const answer = await client.request(method, path, { ...sent, ...wish });
    if (options.field !== undefined) {
      showWarnings(shell.ui, answer.body);
      printField(shell.ui, answer.body, options.field);
    } else if (answer.body !== undefined || shell.ui.format === 'json') {
      shell.ui.json(answer.body ?? null);
    }
  },
});

function methodOf(word: string): Method {
  const method = methods.find((known) => known === word.toUpperCase());
  if (method === undefined) throw usageError('api', `METHOD must be one of: ${methods.join(', ')}`);
  return method;
}

function sendsBody(method: Method): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

async function bodyOf(reader: ValueReader, words: readonly string[]): Promise<JsonObject> {
  const [first] = words;
  if (words.length === 1 && first !== undefined && (first === '-' || first.startsWith('@'))) {
    return jsonBody(await reader.read(first));
  }
  const body = new Map<string, JsonValue>();
  for (const [name, text] of await fieldsOf(reader, words)) {
    const earlier = body.get(name);
    body.set(name, earlier === undefined ? text : [...(Array.isArray(earlier) ? earlier : [earlier]), text]);
  }
  return Object.fromEntries(body);
}

async function queryOf(reader: ValueReader, words: readonly string[]): Promise<Record<string, string>> {
  return Object.fromEntries(await fieldsOf(reader, words));
}

async function fieldsOf(
  reader: ValueReader,
  words: readonly string[],
): Promise<readonly (readonly [string, string])[]> {
  const fields: [string, string][] = [];
  for (const word of words) {
    const field = parseField(word);
    if (field === undefined) throw usageError('api', 'each FIELD must be NAME=VALUE');
    fields.push([field.name, Buffer.from(await reader.read(field.source)).toString('utf8')]);
  }
  return fields;
}

function jsonBody(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // No cause: the parser's message repeats a piece of the text.
    throw new CofferError('usage', 'the body is not JSON');
  }
  if (!isJsonObject(value)) throw new CofferError('usage', 'the body must be a JSON object');
  return value;
}
