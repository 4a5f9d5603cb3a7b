/**
 * How values rest in a secret. A secret is a map of fields; a bare value is the field `value`. Text is kept as text. Bytes that
 * are not valid UTF-8 are kept as a data URL (RFC 2397): the mark travels inside the value, so it is written in the same commit,
 * belongs to its own version, and other clients see what it is. A mark in kv's custom metadata could do none of these: it is
 * written apart from the data and is one for all versions. Text that happens to look like such a URL is kept as bytes too, so that
 * whatever is put comes back byte for byte.
 */
import { isUtf8 } from 'node:buffer';
import { emptyObject, type JsonObject, type JsonValue } from './json.ts';

export const bareField = 'value';
const mark = 'data:application/octet-stream;base64,';

/** The JSON text that keeps these bytes. */
export function encodeValue(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = isUtf8(buffer) ? buffer.toString('utf8') : undefined;
  if (text !== undefined && !text.startsWith(mark)) return text;
  return mark + buffer.toString('base64');
}

export type Value =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'binary'; readonly bytes: Buffer }
  /** A number, list or map that another client wrote: its JSON text. */
  | { readonly kind: 'json'; readonly text: string };

export function decodeValue(value: JsonValue): Value {
  if (typeof value !== 'string') return { kind: 'json', text: JSON.stringify(value) };
  if (!value.startsWith(mark)) return { kind: 'text', text: value };
  const encoded = value.slice(mark.length);
  const bytes = Buffer.from(encoded, 'base64');
  // Only what `encodeValue` would have written is read back as bytes; anything else is somebody's text.
  return bytes.toString('base64') === encoded ? { kind: 'binary', bytes } : { kind: 'text', text: value };
}

/** A map from a bare value or from fields; a field named `__proto__` is only a field. */
export function secretOf(fields: Iterable<readonly [string, JsonValue]>): JsonObject {
  const secret = emptyObject();
  for (const [name, value] of fields) secret[name] = value;
  return secret;
}

/** The one value of a secret that is nothing but a bare value. */
export function bareValue(secret: JsonObject): JsonValue | undefined {
  return Object.keys(secret).length === 1 && Object.hasOwn(secret, bareField) ? secret[bareField] : undefined;
}
