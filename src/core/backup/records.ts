/** Groups of records in a backup's file; see `format.ts` for the layout. */
import { CofferError } from '../../errors.ts';
import { type KeyedRecord, parseStorageKey, type Revision, storageLimits } from '../../storage/storage.ts';
import { recordHeaderBytes } from './format.ts';

const largestRevision = 2n ** 53n;

/** Bytes that a record takes in a group. */
export function recordBytes({ key, value }: KeyedRecord): number {
  return recordHeaderBytes + Buffer.byteLength(key) + value.length;
}

export function encodeRecords(records: readonly KeyedRecord[]): Buffer {
  const bytes = Buffer.allocUnsafe(records.reduce((sum, record) => sum + recordBytes(record), 0));
  let offset = 0;
  for (const { key, value, revision } of records) {
    const keyBytes = bytes.write(key, offset + recordHeaderBytes, 'utf8');
    bytes.writeUInt16BE(keyBytes, offset);
    bytes.writeUInt32BE(value.length, offset + 2);
    bytes.writeBigUInt64BE(BigInt(revision), offset + 6);
    offset += recordHeaderBytes + keyBytes;
    offset += value.copy(bytes, offset);
  }
  return bytes;
}

/** Throws `integrity` for bytes that no writer has written. The values are parts of `bytes`. */
export function decodeRecords(bytes: Buffer): readonly KeyedRecord[] {
  const records: KeyedRecord[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes.length - offset < recordHeaderBytes) throw unreadable();
    const keyEnd = offset + recordHeaderBytes + bytes.readUInt16BE(offset);
    const valueBytes = bytes.readUInt32BE(offset + 2);
    const revision = bytes.readBigUInt64BE(offset + 6);
    const end = keyEnd + valueBytes;
    if (end > bytes.length || valueBytes > storageLimits.recordBytes || revision >= largestRevision) {
      throw unreadable();
    }
    const key = parseKey(bytes.subarray(offset + recordHeaderBytes, keyEnd));
    records.push({ key, value: bytes.subarray(keyEnd, end), revision: Number(revision) as Revision });
    offset = end;
  }
  return records;
}

function parseKey(bytes: Buffer): KeyedRecord['key'] {
  const text = bytes.toString('utf8');
  // What is not UTF-8 would be read as something else than was written.
  if (Buffer.byteLength(text) !== bytes.length || !Buffer.from(text).equals(bytes)) throw unreadable();
  try {
    return parseStorageKey(text);
  } catch {
    throw unreadable();
  }
}

function unreadable(): CofferError {
  return new CofferError('integrity', 'the backup is damaged: a group of records cannot be read');
}
