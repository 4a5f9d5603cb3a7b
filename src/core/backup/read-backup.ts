/** Goes through a backup once, in bounded memory, and proves what can be proven with the keys at hand. */
import { Barrier } from '../../barrier/barrier.ts';
import { isPresentRecord } from '../../barrier/record.ts';
import type { Clock } from '../../clock.ts';
import { equalBytes } from '../../crypto/digest.ts';
import type { Random } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { bootKeys, decodeHeader, type StoreHeader } from '../../seal/boot.ts';
import { decodeSlots, type Slot } from '../../seal/slots.ts';
import type { KeyedRecord, Storage, StorageKey } from '../../storage/storage.ts';
import { tagKeyOf } from './backups.ts';
import { type BackupHeader, type BackupManifest, computeTag } from './format.ts';
import { type BackupPart, backupParts } from './parser.ts';

/** What of a backup is in the clear and opens the rest. */
export interface BackupBoot {
  readonly header: StoreHeader;
  readonly slots: readonly Slot[];
}

/** The root key that one of the slots yields. It is zeroed afterwards. */
export type Unlock = (boot: BackupBoot) => Promise<Buffer>;

export interface BackupProgress {
  readonly bytes: number;
  readonly records: number;
  /** About how many there are in all; 0 while that is not known. */
  readonly about: number;
}

export interface ReadOptions {
  readonly chunks: AsyncIterable<Buffer>;
  /** Undefined checks what needs no key. */
  readonly unlock: Unlock | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly onProgress?: (progress: BackupProgress) => void;
  /** Handed every group of records, opened (empty without keys) and not yet vouched for by checksum and tag. */
  readonly onRecords?: (records: readonly OpenedRecord[]) => Promise<void>;
}

export interface OpenedRecord {
  readonly record: KeyedRecord;
  /** Zeroed once `onRecords` is done; undefined for what is in the clear, for the keyring, and without keys. */
  readonly plaintext: Buffer | undefined;
}

export interface BackupReport {
  readonly header: BackupHeader;
  readonly manifest: BackupManifest;
  /** SHA-256 of the file, in hex. */
  readonly checksum: string;
  /** Bytes of the file. */
  readonly bytes: number;
  /** Records opened with the store's keys, those in the clear among them; undefined without keys. */
  readonly opened: number | undefined;
  /** `signed`: the tag fits. `unsigned`: there is none. `unchecked`: no key was at hand. */
  readonly tag: 'signed' | 'unsigned' | 'unchecked';
}

const shownProblems = 10;

/**
 * Reads all of it. Rejects as the parser does for a file that is not whole; with `wrong_key` for a slot's key that is another
 * store's; with `integrity`, naming them, when records do not open at their keys, and when the tag does not fit.
 */
export async function readBackup(options: ReadOptions): Promise<BackupReport> {
  const reading = new Reading(options);
  for await (const part of backupParts(options.chunks, (bytes) => reading.progress(bytes)))
    await reading.take(part);
  return reading.report();
}

class Reading {
  readonly #options: ReadOptions;
  readonly #problems: string[] = [];
  #barrier: Barrier | undefined;
  #header: BackupHeader | undefined;
  #end: Extract<BackupPart, { kind: 'end' }> | undefined;
  #bytes = 0;
  #records = 0;
  #broken = 0;

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  progress(bytes: number): void {
    this.#bytes = bytes;
    this.#options.onProgress?.({ bytes, records: this.#records, about: this.#header?.about ?? 0 });
  }

  async take(part: BackupPart): Promise<void> {
    if (part.kind === 'header') this.#header = part.header;
    else if (part.kind === 'end') this.#end = part;
    else {
      if (this.#records === 0) await this.#unlock(part.records);
      await this.#takeRecords(part.records);
    }
  }

  report(): BackupReport {
    const { header, end } = { header: this.#header, end: this.#end };
    if (header === undefined || end === undefined)
      throw new CofferError('internal', 'a backup without parts');
    if (this.#broken > 0) throw this.#brokenError();
    const opened = this.#barrier === undefined ? undefined : this.#records;
    const { manifest, checksum } = end;
    return { header, manifest, checksum, bytes: this.#bytes, opened, tag: this.#checkTag(end) };
  }

  async #unlock(leading: readonly KeyedRecord[]): Promise<void> {
    const boot = bootOf(leading);
    if (boot.header.id !== this.#header?.storeId) {
      throw new CofferError('integrity', 'the backup’s header names another store than its records');
    }
    const { unlock, random, clock } = this.#options;
    if (unlock === undefined) return;
    const barrier = new Barrier({ storage: new LeadingRecords(leading), random, clock });
    const rootKey = await unlock(boot);
    await barrier.unseal(rootKey, boot.header.id).finally(() => rootKey.fill(0));
    this.#barrier = barrier;
  }

  async #takeRecords(records: readonly KeyedRecord[]): Promise<void> {
    const opened = records.map((record) => ({ record, plaintext: this.#openRecord(record) }));
    this.#records += records.length;
    try {
      await this.#options.onRecords?.(opened);
    } finally {
      for (const { plaintext } of opened) plaintext?.fill(0);
    }
  }

  #openRecord({ key, value }: KeyedRecord): Buffer | undefined {
    if (this.#barrier === undefined || isClear(key) || isPresentRecord(value)) return undefined;
    try {
      return this.#barrier.open(key, value);
    } catch (error) {
      if (asCofferError(error).code !== 'integrity') throw error;
      this.#broken += 1;
      if (this.#problems.length < shownProblems) this.#problems.push(key);
      return undefined;
    }
  }

  #brokenError(): CofferError {
    const more = this.#broken > this.#problems.length ? ', …' : '';
    const count = this.#broken === 1 ? '1 record does' : `${this.#broken} records do`;
    return new CofferError(
      'integrity',
      `${count} not open at the key it is for: ${this.#problems.join(', ')}${more}`,
    );
  }

  #checkTag({ tag, digest }: Extract<BackupPart, { kind: 'end' }>): BackupReport['tag'] {
    if (this.#barrier === undefined) return 'unchecked';
    if (tag === undefined) return 'unsigned';
    if (equalBytes(tag, computeTag(tagKeyOf(this.#barrier), digest))) return 'signed';
    throw new CofferError(
      'integrity',
      'the backup’s tag does not fit: who put these records together did not have the store’s keys',
    );
  }
}

/** The keyring is opened by unsealing, and what is in the clear has nothing to open. */
function isClear(key: StorageKey): boolean {
  return key === bootKeys.keyring || key.startsWith('boot/');
}

function bootOf(leading: readonly KeyedRecord[]): BackupBoot {
  const valueAt = (wanted: StorageKey) => leading.find(({ key }) => key === wanted)?.value ?? Buffer.alloc(0);
  return { header: decodeHeader(valueAt(bootKeys.header)), slots: decodeSlots(valueAt(bootKeys.slots)) };
}

/** As much of a store as unsealing reads. */
class LeadingRecords implements Storage {
  readonly kind = 'backup';
  readonly #records: readonly KeyedRecord[];

  constructor(records: readonly KeyedRecord[]) {
    // Copies: the records are parts of a buffer that is given back.
    this.#records = records.map((record) => ({ ...record, value: Buffer.from(record.value) }));
  }

  async read(key: StorageKey): Promise<KeyedRecord | undefined> {
    return this.#records.find((record) => record.key === key);
  }

  async readMany(keys: readonly StorageKey[]): Promise<readonly (KeyedRecord | undefined)[]> {
    return Promise.all(keys.map((key) => this.read(key)));
  }

  children(): Promise<never> {
    return refused();
  }

  range(): Promise<never> {
    return refused();
  }

  commit(): Promise<never> {
    return refused();
  }

  async close(): Promise<void> {}
}

function refused(): Promise<never> {
  return Promise.reject(new CofferError('unavailable', 'a backup is read from its beginning to its end'));
}
