import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { bareField, encodeValue, secretOf } from '../../secret-value.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { scanJson } from '../format/json-scan.ts';
import { writeSecret } from '../mount-readers.ts';
import { type FieldOperand, parseField, ValueReader } from '../operands.ts';
import { safeOptions } from '../options.ts';
import { askHidden, isInteractive } from '../prompt.ts';
import { parseName } from '../secret-name.ts';
import type { Shell } from '../shell.ts';

export const command = defineCommand({
  summary: 'Store a secret',
  details: [
    'A secret is a map of fields. A bare VALUE is the field "value". Without VALUE it is read from standard ' +
      'input, or asked for without showing it at a terminal. Every put makes a new version and replaces all ' +
      'fields, unless --patch is given.',
    'VALUE may be - (standard input) or @FILE; FIELD=- and FIELD=@FILE do the same for one field. A leading ' +
      'backslash keeps a value that starts with @ or - as it is. Bytes are kept as they are, a final newline too.',
  ],
  operands: { NAME: 'one', VALUE: 'many' },
  options: {
    cas: { type: 'integer', value: 'N', help: 'only if N is the current version (0: if there is none)' },
    patch: { type: 'flag', help: 'change the given fields, keep the others' },
    json: {
      type: 'text',
      value: 'FILE',
      help: 'take all fields from a JSON object in FILE or -',
    },
    roles: {
      type: 'text',
      value: 'LIST',
      help: 'who may read it, such as app,userpass/ann; in mounts of type role-secrets',
    },
    'allow-empty': { type: 'flag', help: 'accept an empty value' },
    trim: { type: 'flag', help: 'leave out the newline at the end of a file or a pipe' },
    ...safeOptions,
  },
  examples: [
    'coffer put db/password',
    'coffer put db user=app password=@password.txt',
    'coffer put db/password --roles app,userpass/ann --safe https://host:8200/roles',
    'openssl rand -hex 32 | coffer put web/session-key --trim',
  ],
  async run({ options, operands }, shell) {
    const name = parseName(operands.NAME);
    if (options.patch && options.roles !== undefined)
      throw usageError('put', '--patch keeps the list; `coffer roles` changes it');
    const secret = await readSecret(shell, operands.VALUE, options);
    const safe = await openSafe(shell, options);
    await safe.requireUsable(name);
    const stored = options.patch
      ? await safe.patch(name, secret, options.cas)
      : await writeSecret(safe, name, secret, options);
    if (shell.ui.format === 'json') shell.ui.json(stored);
    else shell.ui.talk(`${name}: version ${String(stored['version'] ?? 'unknown')} stored`);
  },
});

interface ReadOptions {
  readonly json: string | undefined;
  readonly 'allow-empty': boolean;
  readonly trim: boolean;
}

async function readSecret(
  shell: Shell,
  values: readonly string[],
  options: ReadOptions,
): Promise<JsonObject> {
  const reader = new ValueReader(shell);
  if (options.json !== undefined) {
    if (values.length > 0) throw usageError('put', '--json gives all fields; leave the others out');
    return readMap(reader, options.json);
  }
  const sources = sourcesOf(values, options['allow-empty']);
  const fields: [string, string][] = [];
  for (const { name, source } of sources) {
    const bytes = await readValue(shell, reader, source, options);
    if (bytes.length === 0 && !options['allow-empty']) {
      throw usageError('put', 'a value is empty; if that is meant, add --allow-empty');
    }
    fields.push([name, encodeValue(bytes)]);
  }
  return secretOf(fields);
}

/** No source stands for a value that is piped in or asked for. */
function sourcesOf(
  values: readonly string[],
  emptyIsMeant: boolean,
): readonly { name: string; source: string | undefined }[] {
  const [first] = values;
  if (first === undefined) return [{ name: bareField, source: undefined }];
  const fields = values.map(parseField).filter((field) => field !== undefined);
  if (values.length === 1 && fields.length === 0) return [{ name: bareField, source: first }];
  if (fields.length < values.length) {
    throw usageError('put', 'several values must each be FIELD=VALUE (quote a value that has spaces)');
  }
  if (!emptyIsMeant) refuseAmbiguous(values, fields);
  refuseTwice(fields);
  return fields;
}

/** Base64 ends in `=` and looks like a field: storing it as one would split a secret and show half of it as a name. */
function refuseAmbiguous(values: readonly string[], fields: readonly FieldOperand[]): void {
  if (values.length === 1 && /^=?$/.test(fields[0]?.source ?? '')) {
    throw usageError(
      'put',
      'one value that ends in "=" may be a field or a value: write value=… for a bare value, or give it on standard input',
    );
  }
}

function refuseTwice(fields: readonly FieldOperand[]): void {
  if (new Set(fields.map((field) => field.name)).size < fields.length) {
    throw usageError('put', 'a field is given twice');
  }
}

async function readValue(
  shell: Shell,
  reader: ValueReader,
  source: string | undefined,
  options: ReadOptions,
): Promise<Uint8Array> {
  if (source === undefined && isInteractive(shell)) return askTwice(shell);
  const literal = source !== undefined && source !== '-' && !source.startsWith('@');
  const bytes = source === undefined ? await reader.readStdin() : await reader.read(source);
  if (literal) return bytes;
  return options.trim ? withoutLineEnd(bytes) : noteLineEnd(shell, bytes);
}

async function askTwice(shell: Shell): Promise<Uint8Array> {
  const value = await askHidden(shell, 'value');
  if ((await askHidden(shell, 'again')) !== value) throw usageError('put', 'the two values differ');
  return Buffer.from(value);
}

function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

/** `echo secret | coffer put` stores a newline that nobody sees. It is kept, because a file's bytes are; but it is said. */
function noteLineEnd(shell: Shell, bytes: Uint8Array): Uint8Array {
  if (bytes.indexOf(0x0a) === bytes.length - 1 && bytes.length > 0) {
    shell.ui.talk('note: the value ends in a newline, which is kept; --trim leaves it out');
  }
  return bytes;
}

async function readMap(reader: ValueReader, file: string): Promise<JsonObject> {
  const text = Buffer.from(await reader.readFile(file)).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // No cause: the parser's message repeats a piece of the text.
    throw new CofferError('usage', 'what --json reads is not JSON');
  }
  if (!isJsonObject(value))
    throw new CofferError('usage', 'what --json reads must be a JSON object of fields');
  if (Object.keys(value).length === 0) throw new CofferError('usage', 'what --json reads has no fields');
  scanJson(text);
  return value;
}
