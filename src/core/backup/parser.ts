/** Takes a backup apart as its bytes come in, in whatever pieces. Every kind of spoiled file has its own clear refusal. */
import { createHash } from 'node:crypto';
import { equalBytes } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';
import type { KeyedRecord } from '../../storage/storage.ts';
import {
  type BackupHeader,
  type BackupManifest,
  backupFormat,
  decodeBackupHeader,
  decodeManifest,
  digestBytes,
  type FrameType,
  frameHeaderBytes,
  largestFrame,
  leadingKeys,
  ManifestCount,
  magic,
  prefixBytes,
} from './format.ts';
import { decodeRecords } from './records.ts';

export type BackupPart =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  | { readonly kind: 'records'; readonly records: readonly KeyedRecord[] }
  | {
      /** The whole file has been read, and its checksum fits. */
      readonly kind: 'end';
      readonly manifest: BackupManifest;
      /** Undefined where the writer had no key. */
      readonly tag: Buffer | undefined;
      /** What the tag is over. */
      readonly digest: Buffer;
      /** SHA-256 as the file ends with it, in hex. */
      readonly checksum: string;
    };

/** Which frames may come next. */
const successors: Readonly<Record<FrameType | 'prefix', readonly FrameType[]>> = {
  prefix: ['H'],
  H: ['R'],
  R: ['R', 'M'],
  M: ['T'],
  T: ['S'],
  S: [],
};

export class BackupParser {
  readonly #hash = createHash('sha256');
  readonly #count = new ManifestCount();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #last: FrameType | 'prefix' | undefined;
  #bytes = 0;
  #manifest: BackupManifest | undefined;
  #lastKey: string | undefined;
  #tag: { readonly tag: Buffer | undefined; readonly digest: Buffer } | undefined;

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The parts that end in `chunk`. Throws `invalid_request`, `store_unusable` or `integrity`; see `docs/reference/backup-format.md`. */
  *push(chunk: Buffer): Generator<BackupPart, void, undefined> {
    this.#bytes += chunk.length;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    for (;;) {
      if (this.#last === undefined) {
        if (!this.#takePrefix()) return;
        continue;
      }
      if (this.#last === 'S' && this.#pendingBytes > 0) {
        throw new CofferError('integrity', 'the backup is damaged: something follows its end');
      }
      const frame = this.#takeFrame();
      if (frame === undefined) return;
      const part = this.#part(frame);
      if (part !== undefined) yield part;
    }
  }

  /** To be called after the last byte. Throws where the file is not whole. */
  finish(): void {
    if (this.#bytes === 0) throw foreign('it is empty');
    if (this.#last === undefined) throw foreign('it is too short');
    if (this.#last === 'S') return;
    throw new CofferError(
      'integrity',
      `the backup is cut off: it ends after ${this.#bytes} bytes and ${this.#count.manifest.records} records`,
    );
  }

  #takePrefix(): boolean {
    const head = this.#peek(Math.min(prefixBytes, this.#pendingBytes));
    const known = head.subarray(0, magic.length);
    if (!known.equals(magic.subarray(0, known.length))) throw foreign('it does not begin as one');
    if (head.length < prefixBytes) return false;
    const version = head.readUInt16BE(magic.length);
    if (version > backupFormat) {
      throw new CofferError(
        'store_unusable',
        `the backup has format ${version} and was written by a newer Coffer; this one reads format ${backupFormat}`,
      );
    }
    if (version !== backupFormat)
      throw new CofferError('integrity', 'the backup is damaged: it has no format');
    this.#hash.update(this.#take(prefixBytes));
    this.#last = 'prefix';
    return true;
  }

  #takeFrame(): { readonly type: FrameType; readonly bytes: Buffer } | undefined {
    if (this.#last === undefined || this.#pendingBytes < frameHeaderBytes) return undefined;
    const header = this.#peek(frameHeaderBytes);
    const type = successors[this.#last].find((name) => name.charCodeAt(0) === header.readUInt8(0));
    const length = header.readUInt32BE(1);
    if (type === undefined || length > largestFrame) {
      const at = this.#bytes - this.#pendingBytes;
      throw new CofferError('integrity', `the backup is damaged: at byte ${at} there is no part of one`);
    }
    if (this.#pendingBytes < frameHeaderBytes + length) return undefined;
    this.#last = type;
    return { type, bytes: this.#take(frameHeaderBytes + length) };
  }

  #part({ type, bytes }: { readonly type: FrameType; readonly bytes: Buffer }): BackupPart | undefined {
    const payload = bytes.subarray(frameHeaderBytes);
    if (type === 'S') return this.#end(payload);
    const digest = type === 'T' ? this.#hash.copy().digest() : undefined;
    this.#hash.update(bytes);
    if (type === 'H') return { kind: 'header', header: decodeBackupHeader(payload) };
    if (type === 'R') return { kind: 'records', records: this.#counted(decodeRecords(payload)) };
    if (type === 'M') this.#manifest = decodeManifest(payload);
    if (digest !== undefined) this.#tag = { tag: tagOf(payload), digest };
    return undefined;
  }

  #counted(records: readonly KeyedRecord[]): readonly KeyedRecord[] {
    if (this.#lastKey === undefined) {
      const leading =
        records.length === leadingKeys.length && leadingKeys.every((key, at) => records[at]?.key === key);
      if (!leading)
        throw new CofferError('integrity', 'the backup is damaged: the records that open it are missing');
      this.#lastKey = '';
    } else this.#checkOrder(records);
    for (const { key, value } of records) this.#count.add(key, value);
    return records;
  }

  /** Keys only grow: none is there twice, and none stands where it would not be looked for. */
  #checkOrder(records: readonly KeyedRecord[]): void {
    for (const { key } of records) {
      const after = Buffer.compare(Buffer.from(key), Buffer.from(this.#lastKey ?? '')) > 0;
      if (!after || leadingKeys.includes(key)) {
        throw new CofferError('integrity', 'the backup is damaged: its records are not in order');
      }
      this.#lastKey = key;
    }
  }

  #end(payload: Buffer): BackupPart {
    const computed = this.#hash.digest();
    const [manifest, tag] = [this.#manifest, this.#tag];
    if (payload.length !== digestBytes || !equalBytes(payload, computed) || !manifest || !tag) {
      throw new CofferError('integrity', 'the backup is damaged: its checksum does not fit');
    }
    const counted = this.#count.manifest;
    if (JSON.stringify(manifest) !== JSON.stringify(counted)) {
      throw new CofferError(
        'integrity',
        `the backup holds ${counted.records} records, and its manifest speaks of ${manifest.records}, or of others`,
      );
    }
    return { kind: 'end', manifest, ...tag, checksum: computed.toString('hex') };
  }

  #peek(length: number): Buffer {
    const [first] = this.#pending;
    if (first !== undefined && first.length >= length) return first.subarray(0, length);
    const joined = Buffer.concat(this.#pending);
    this.#pending = [joined];
    return joined.subarray(0, length);
  }

  #take(length: number): Buffer {
    const taken = this.#peek(length);
    const [first, ...others] = this.#pending;
    const rest = first?.subarray(length) ?? Buffer.alloc(0);
    this.#pending = rest.length > 0 ? [rest, ...others] : others;
    this.#pendingBytes -= length;
    return taken;
  }
}

/** The parts of a whole backup. Throws as `push` and `finish` do, and as reading does. */
export async function* backupParts(
  chunks: AsyncIterable<Buffer>,
  onChunk: (bytes: number) => void = () => {},
): AsyncGenerator<BackupPart, void, undefined> {
  const parser = new BackupParser();
  for await (const chunk of chunks) {
    yield* parser.push(chunk);
    onChunk(parser.bytes);
  }
  parser.finish();
}

function tagOf(payload: Buffer): Buffer | undefined {
  if (payload.length === 0) return undefined;
  if (payload.length === digestBytes) return payload;
  throw new CofferError('integrity', 'the backup is damaged: its tag cannot be read');
}

function foreign(why: string): CofferError {
  return new CofferError('invalid_request', `this file is no backup of Coffer: ${why}`);
}
