/**
 * One encoding for everything that is bound to a place: key derivation's info and the AEAD's associated data alike.
 *
 * A context is a label and a list of parts. Each is written with its type and its length, so that two different contexts never
 * have the same bytes and none is the beginning of another:
 *
 *     text     0x01, length in bytes (u32, big-endian), UTF-8
 *     number   0x02, u64, big-endian
 */
import { CofferError } from '../errors.ts';

const textTag = 1;
const numberTag = 2;
const textHeader = 5;
const numberLength = 9;

/**
 * Encodes a context. `passing`: it is used at once and not kept. Numbers are integers from 0 to 2^53 - 1. Throws `invalid_request` for text with lone surrogates, since two
 * such texts could encode alike, and for other numbers.
 */
export function encodeContext(
  label: string,
  parts: readonly (string | number)[],
  { passing = false }: { readonly passing?: boolean } = {},
): Buffer {
  let size = sizeOf(label);
  for (const part of parts) size += sizeOf(part);
  // Not from the pool unless it passes: contexts are kept beside cached keys, and a pooled slice would keep its whole slab alive.
  const bytes = passing ? Buffer.allocUnsafe(size) : Buffer.alloc(size);
  let offset = append(bytes, 0, label);
  for (const part of parts) offset = append(bytes, offset, part);
  return bytes;
}

function sizeOf(part: string | number): number {
  if (typeof part === 'string') {
    if (!part.isWellFormed()) throw new CofferError('invalid_request', 'text is not well-formed Unicode');
    return textHeader + Buffer.byteLength(part);
  }
  if (!Number.isSafeInteger(part) || part < 0) {
    throw new CofferError('invalid_request', 'a number in a context is an integer from 0 to 2^53 - 1');
  }
  return numberLength;
}

function append(bytes: Buffer, start: number, part: string | number): number {
  if (typeof part === 'number') {
    bytes.writeUInt8(numberTag, start);
    bytes.writeBigUInt64BE(BigInt(part), start + 1);
    return start + numberLength;
  }
  const length = bytes.write(part, start + textHeader, 'utf8');
  bytes.writeUInt8(textTag, start);
  bytes.writeUInt32BE(length, start + 1);
  return start + textHeader + length;
}
