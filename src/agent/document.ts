/** The documents that applications read, as they come from a source: looked at before they go anywhere. */
import { isUtf8 } from 'node:buffer';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

export const documentNames = ['user', 'client'] as const;
export type DocumentName = (typeof documentNames)[number];

/** Texts by name. */
export type Documents = { readonly [N in DocumentName]?: string };

/** Bytes of one; far more than credentials need. */
export const longestDocument = 256 * 1024;

/** Throws `integrity` for what no application could read as this document; nothing of it is repeated. */
export function checkDocument(name: DocumentName, bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw broken(name, 'is not text in UTF-8');
  const text = Buffer.from(bytes).toString('utf8');
  const value = parseJson(text);
  if (!isJsonObject(value)) throw broken(name, 'is not a JSON object');
  const missing = members[name].find((member) => !isSound(name, member, value));
  if (missing !== undefined) throw broken(name, `has no ${missing} of the kind it should`);
  return text;
}

const members = {
  user: ['application_username', 'application_password'],
  client: ['client_id', 'client_secret'],
} as const satisfies Record<DocumentName, readonly string[]>;

function isSound(name: DocumentName, member: string, value: JsonObject): boolean {
  const held = Object.hasOwn(value, member) ? value[member] : undefined;
  // A public client has none.
  if (name === 'client' && member === 'client_secret' && held === null) return true;
  return typeof held === 'string' && held !== '';
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function broken(name: DocumentName, what: string): CofferError {
  return new CofferError('integrity', `the source’s document ${name}.json ${what}; what was there is kept`);
}
