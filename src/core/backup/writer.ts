/** Makes a backup while it is taken: each piece is read from the snapshot when somebody asks for it. */
import { createHash, type KeyObject } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CofferError } from '../../errors.ts';
import type { StorageSnapshot } from '../../storage/snapshot.ts';
import type { KeyedRecord, StorageKey } from '../../storage/storage.ts';
import type { AnswerStream } from '../request.ts';
import {
  type BackupHeader,
  computeTag,
  encodeBackupHeader,
  encodeFrame,
  encodeManifest,
  encodePrefix,
  type FrameType,
  groupBytes,
  leadingKeys,
  ManifestCount,
} from './format.ts';
import { encodeRecords, recordBytes } from './records.ts';

/** Records read from the snapshot at a time. */
const pageRecords = 256;

export interface BackupWriterOptions {
  readonly header: BackupHeader;
  readonly snapshot: StorageSnapshot;
  /** The keyring's key of tags; undefined where no key is at hand, and the backup says so. */
  readonly tagKey: KeyObject | undefined;
  /** Called once, when the snapshot is no longer held. */
  readonly afterwards?: () => void;
}

export class BackupWriter implements AnswerStream {
  readonly header: BackupHeader;
  readonly #options: BackupWriterOptions;
  readonly #pieces: AsyncGenerator<Buffer, void, undefined>;
  readonly #hash = createHash('sha256');
  readonly #count = new ManifestCount();
  #failure: CofferError | undefined;
  #closed = false;

  constructor(options: BackupWriterOptions) {
    this.#options = options;
    this.header = options.header;
    this.#pieces = this.#make();
  }

  /** Records so far. */
  get records(): number {
    return this.#count.manifest.records;
  }

  /** The next piece of the file; undefined at its end. Rejects as reading the store does, and after `abort` with its reason. */
  async next(): Promise<Buffer | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) return undefined;
    const { value } = await this.#pieces.next();
    if (value === undefined) await this.close();
    return value ?? undefined;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.snapshot[Symbol.dispose]();
    this.#options.afterwards?.();
  }

  /** Lets go of the snapshot at once; whoever reads on is told why. */
  abort(reason: CofferError): void {
    if (this.#closed) return;
    this.#failure = reason;
    void this.close();
  }

  async *#make(): AsyncGenerator<Buffer, void, undefined> {
    yield this.#taken(encodePrefix());
    yield this.#frame('H', encodeBackupHeader(this.header));
    for await (const group of this.#groups()) {
      for (const { key, value } of group) this.#count.add(key, value);
      yield this.#frame('R', encodeRecords(group));
      // Reading LMDB and hashing are synchronous: everybody else gets a turn in between.
      await nextTurn();
    }
    yield this.#frame('M', encodeManifest(this.#count.manifest));
    const { tagKey } = this.#options;
    const digest = this.#hash.copy().digest();
    yield this.#frame('T', tagKey === undefined ? Buffer.alloc(0) : computeTag(tagKey, digest));
    yield encodeFrame('S', this.#hash.copy().digest());
  }

  #frame(type: FrameType, payload: Buffer): Buffer {
    return this.#taken(encodeFrame(type, payload));
  }

  #taken(bytes: Buffer): Buffer {
    this.#hash.update(bytes);
    return bytes;
  }

  async *#groups(): AsyncGenerator<readonly KeyedRecord[], void, undefined> {
    yield await this.#leading();
    let group: KeyedRecord[] = [];
    let bytes = 0;
    for await (const record of this.#records()) {
      group.push(record);
      bytes += recordBytes(record);
      if (bytes < groupBytes) continue;
      yield group;
      group = [];
      bytes = 0;
    }
    if (group.length > 0) yield group;
  }

  async #leading(): Promise<readonly KeyedRecord[]> {
    const found: KeyedRecord[] = [];
    for (const key of leadingKeys) {
      const { items } = await this.#options.snapshot.range(key, { limit: 1 });
      const [record] = items;
      if (record?.key !== key)
        throw new CofferError('store_unusable', `the store has no ${key}: it cannot be backed up`);
      found.push(record);
    }
    return found;
  }

  async *#records(): AsyncGenerator<KeyedRecord, void, undefined> {
    let after: string | undefined;
    do {
      const page = await this.#options.snapshot.range('', {
        limit: pageRecords,
        ...(after === undefined ? {} : { after }),
      });
      for (const record of page.items) if (!leads(record.key)) yield record;
      after = page.next;
    } while (after !== undefined);
  }
}

function leads(key: StorageKey): boolean {
  return leadingKeys.includes(key);
}
