/**
 * A secret as dssss stores it: sealed under a key of its own, along with the list of roles, and that key sealed under the installation's
 * master key. The name is not bound to it: whoever could write parameters could put one record in another's place.
 */
import { openSecretbox } from '../crypto/secretbox.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';

export interface OpenedRecord {
  /** The caller's, to use and to zero. */
  readonly secret: Buffer;
  /** Bare names of roles; none where the list was null, which is nobody. */
  readonly roles: readonly string[];
}

/** Throws `integrity`, and says nothing of what it holds. */
export function openRecord(text: string, masterKey: Uint8Array): OpenedRecord {
  const record = objectOf(text, 'the record');
  const key = openSecretbox(masterKey, bytesOf(record, 'KeyCiphertext'));
  let inner: Buffer | undefined;
  try {
    inner = openSecretbox(key, bytesOf(record, 'Bytes'));
    const parts = objectOf(inner.toString('utf8'), 'what is sealed in the record');
    return { secret: openSecretbox(key, bytesOf(parts, 'SecretCiphertext')), roles: rolesOf(parts) };
  } finally {
    key.fill(0);
    inner?.fill(0);
  }
}

function rolesOf({ RoleList: list }: JsonObject): readonly string[] {
  if (list === null || list === undefined) return [];
  if (Array.isArray(list) && list.every((role) => typeof role === 'string')) return list;
  throw new CofferError('integrity', 'RoleList is no list of names');
}

function objectOf(text: string, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // The engine's own message quotes the text.
  }
  throw new CofferError('integrity', `${what} is no JSON object`);
}

/** Standard base64 with padding, as Go writes bytes. */
function bytesOf(object: JsonObject, name: string): Buffer {
  const text = object[name];
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
  if (bytes !== undefined && bytes.toString('base64') === text) return bytes;
  throw new CofferError('integrity', `${name} is not base64`);
}
