/** How a record rests in LMDB: its revision as eight bytes, big-endian, then its value. */
import { CofferError } from '../../errors.ts';
import type { Revision, StorageRecord } from '../storage.ts';

const revisionBytes = 8;

export function encodeRecord(revision: Revision, value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(revisionBytes + value.length);
  bytes.writeUInt32BE(Math.floor(revision / 2 ** 32), 0);
  bytes.writeUInt32BE(revision % 2 ** 32, 4);
  bytes.set(value, revisionBytes);
  return bytes;
}

/** Revision of the record in the first `length` of `bytes`. Throws `integrity` for what no writer has written. */
export function decodeRevision(bytes: Buffer, length: number): Revision {
  if (length < revisionBytes) {
    throw new CofferError('integrity', 'a stored record is shorter than its revision');
  }
  return (bytes.readUInt32BE(0) * 2 ** 32 + bytes.readUInt32BE(4)) as Revision;
}

/** Decodes the first `length` of `bytes`, copying the value: the next read may write over them. */
export function decodeRecord(bytes: Buffer, length: number): StorageRecord {
  const revision = decodeRevision(bytes, length);
  const value = Buffer.allocUnsafe(length - revisionBytes);
  value.set(bytes.subarray(revisionBytes, length));
  return { value, revision };
}
