/**
 * What the core sees of storage: the storage seam's shape with every record sealed. Guarantees are storage's own
 * (see `storage/storage.ts`), and besides: a record opens only at the key it was sealed for.
 */
import type { Expectation, Page, PageRequest, Revision, StorageKey } from '../storage/storage.ts';

/** A record as read: its revision is free, opening costs one decryption. */
export interface SealedRecord {
  readonly revision: Revision;
  /** The plaintext. Throws `integrity` if the record is not what was sealed at this key, `sealed` after a seal. */
  open(): Buffer;
}

export interface KeyedSealedRecord extends SealedRecord {
  readonly key: StorageKey;
}

/** Plaintext to be sealed at `key`; `null` deletes. */
export interface PlainWrite {
  readonly key: StorageKey;
  readonly value: Buffer | null;
}

/** Every method rejects with `sealed` while the barrier is sealed. */
export interface BarrierStore {
  read(key: StorageKey): Promise<SealedRecord | undefined>;
  readMany(keys: readonly StorageKey[]): Promise<readonly (SealedRecord | undefined)[]>;
  children(prefix: string, page: PageRequest): Promise<Page<string>>;
  range(prefix: string, page: PageRequest): Promise<Page<KeyedSealedRecord>>;
  commit(writes: readonly PlainWrite[], expectations?: readonly Expectation[]): Promise<readonly Revision[]>;
}
