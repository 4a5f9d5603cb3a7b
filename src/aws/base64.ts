/** Bytes as AWS's JSON protocols carry them: base64 with its padding (RFC 4648 §4). */
import { AwsError } from './aws-error.ts';

/** A value to be sent, where bytes have become text. What is undefined is left out by JSON itself. */
export function encodeBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  if (Array.isArray(value)) return value.map(encodeBytes);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, encodeBytes(inner)]));
}

/** The caller's, to use and to zero. Throws `AwsError` for what is no base64. */
export function decodeBytes(text: unknown): Buffer {
  if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new AwsError('aws-fault', 'AWS answered bytes that cannot be read; try again');
  }
  return Buffer.from(text, 'base64');
}
