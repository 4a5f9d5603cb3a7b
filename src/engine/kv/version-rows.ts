/**
 * The versions of a secret as rows of fixed width, in the bytes they are stored in. A secret may have a thousand versions; a
 * write adds a row and copies the others as one block, and a read decodes the one row it asks for.
 *
 * Numbers are without gaps: the first row is the oldest version kept. A row is the time of creation and the time of deletion
 * (48 bits of milliseconds each, 0 for none), and a byte: bit 0 destroyed, bit 1 ends by itself, bits 4 to 7 the number of parts
 * of a large value. Tables in which a large value occurs are wide: each row ends with the 16 bytes of an upload's uuid.
 */
import { CofferError } from '../../errors.ts';
import type { Upload } from './large-value.ts';

export interface VersionRecord {
  /** Milliseconds. */
  readonly createdAt: number;
  /** Milliseconds; null never. In the future it is when the version will be deleted by itself. */
  readonly deletedAt: number | null;
  readonly destroyed: boolean;
  /** Whether `deletedAt` was set in advance: the value is removed for good some time after it. */
  readonly endsByItself: boolean;
  /** Where a value larger than one record lies. */
  readonly upload?: Upload;
}

const narrow = 13;
const wide = narrow + 16;
const destroyedBit = 1;
const endsByItselfBit = 2;
const none = Buffer.alloc(0);

export class VersionRows {
  static readonly empty = new VersionRows(1, false, none);

  /** Number of the oldest version kept; 1 where none was ever dropped. */
  readonly first: number;
  readonly isWide: boolean;
  /** As stored. Not to be changed. */
  readonly bytes: Buffer;

  /** Throws `integrity` when the bytes are no whole number of rows. */
  constructor(first: number, isWide: boolean, bytes: Buffer) {
    this.first = first;
    this.isWide = isWide;
    this.bytes = bytes;
    if (bytes.length % this.#width !== 0) {
      throw new CofferError('integrity', 'a stored record is not readable');
    }
  }

  /** Rows for versions `first`, `first` + 1, … */
  static of(first: number, records: readonly VersionRecord[]): VersionRows {
    const isWide = records.some((record) => record.upload !== undefined);
    return new VersionRows(first, isWide, Buffer.concat(records.map((record) => encodeRow(record, isWide))));
  }

  get count(): number {
    return this.bytes.length / this.#width;
  }

  /** Number of the newest version; 0 where there is none yet. */
  get last(): number {
    return this.first + this.count - 1;
  }

  at(number: number): VersionRecord | undefined {
    const start = (number - this.first) * this.#width;
    if (start < 0 || start >= this.bytes.length) return undefined;
    return decodeRow(this.bytes, start, this.isWide);
  }

  /** Oldest first. */
  *entries(): Generator<readonly [number, VersionRecord]> {
    for (let number = this.first; number <= this.last; number++) {
      yield [number, decodeRow(this.bytes, (number - this.first) * this.#width, this.isWide)];
    }
  }

  /** One version more; those before number `from` are dropped. */
  appended(record: VersionRecord, from: number): VersionRows {
    const first = Math.min(Math.max(from, this.first), this.last + 1);
    const kept = new VersionRows(
      first,
      this.isWide,
      this.bytes.subarray((first - this.first) * this.#width),
    ).#forUploads(record.upload !== undefined);
    return new VersionRows(first, kept.isWide, Buffer.concat([kept.bytes, encodeRow(record, kept.isWide)]));
  }

  /** The same with some versions changed. None of them gains an upload. */
  changed(records: ReadonlyMap<number, VersionRecord>): VersionRows {
    const bytes = Buffer.from(this.bytes);
    for (const [number, record] of records) {
      encodeRow(record, this.isWide).copy(bytes, (number - this.first) * this.#width);
    }
    return new VersionRows(this.first, this.isWide, bytes);
  }

  #forUploads(needed: boolean): VersionRows {
    if (this.isWide || !needed) return this;
    const bytes = Buffer.alloc(this.count * wide);
    for (let row = 0; row < this.count; row++) {
      this.bytes.copy(bytes, row * wide, row * narrow, (row + 1) * narrow);
    }
    return new VersionRows(this.first, true, bytes);
  }

  get #width(): number {
    return this.isWide ? wide : narrow;
  }
}

function encodeRow(record: VersionRecord, isWide: boolean): Buffer {
  const row = Buffer.alloc(isWide ? wide : narrow);
  row.writeUIntBE(record.createdAt, 0, 6);
  row.writeUIntBE(record.deletedAt ?? 0, 6, 6);
  const bits = (record.destroyed ? destroyedBit : 0) | (record.endsByItself ? endsByItselfBit : 0);
  row[12] = bits | ((record.upload?.parts ?? 0) << 4);
  if (record.upload !== undefined) row.write(record.upload.id.replaceAll('-', ''), narrow, 'hex');
  return row;
}

function decodeRow(bytes: Buffer, start: number, isWide: boolean): VersionRecord {
  const deletedAt = bytes.readUIntBE(start + 6, 6);
  const bits = bytes[start + 12] ?? 0;
  const parts = bits >> 4;
  return {
    createdAt: bytes.readUIntBE(start, 6),
    deletedAt: deletedAt === 0 ? null : deletedAt,
    destroyed: (bits & destroyedBit) !== 0,
    endsByItself: (bits & endsByItselfBit) !== 0,
    ...(isWide && parts > 0 ? { upload: { id: uuidText(bytes, start + narrow), parts } } : {}),
  };
}

function uuidText(bytes: Buffer, start: number): string {
  const hex = bytes.toString('hex', start, start + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
