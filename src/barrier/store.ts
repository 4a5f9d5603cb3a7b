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

/**
 * Plaintext to be sealed at `key`; `null` deletes.
 *
 * `present` is for a record that says only that it is there: an entry of an index, whose key says everything. There is nothing in it
 * to seal, and it never opens: where content is read, one that somebody put there is refused as `integrity`. Whoever can write to
 * storage can make and delete such entries unseen, as they could delete sealed ones: what an entry leads to decides, never the entry.
 */
export interface PlainWrite {
  readonly key: StorageKey;
  readonly value: Buffer | 'present' | null;
}

/** Every method rejects with `sealed` while the barrier is sealed. */
export interface BarrierStore {
  read(key: StorageKey): Promise<SealedRecord | undefined>;
  readMany(keys: readonly StorageKey[]): Promise<readonly (SealedRecord | undefined)[]>;
  children(prefix: string, page: PageRequest): Promise<Page<string>>;
  range(prefix: string, page: PageRequest): Promise<Page<KeyedSealedRecord>>;
  commit(writes: readonly PlainWrite[], expectations?: readonly Expectation[]): Promise<readonly Revision[]>;
}

/** What was sealed to leave the store, as it came back. */
export interface OpenedText {
  /** The term that it was sealed under. */
  readonly term: number;
  readonly plaintext: Buffer;
}

/** Sealing what is kept outside of the store (see `sealed-text.ts`). All reject, or throw, with `sealed` while the barrier is sealed. */
export interface SealedTexts {
  /** Under the newest term; writes nothing. */
  sealText(purpose: string, plaintext: Buffer): Buffer;
  /** Undefined for what was not sealed here for this purpose, also for what a term sealed that is dropped. */
  openText(purpose: string, sealed: Buffer): Promise<OpenedText | undefined>;
  /** Whether what a term sealed still opens. */
  keepsTerm(term: number): boolean;
}

/** How one term is used, for people and for the rule that rotates by itself. */
export interface TermStatus {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly installedAt: number;
  /** Seals reserved under it so far: never fewer than were done. */
  readonly seals: number;
  /** Ids of older terms that still open records, those under which nothing is sealed any more left out. */
  readonly older: readonly number[];
}

/** What came of one page of re-sealing. */
export interface ResealedPage {
  /** Records looked at. */
  readonly seen: number;
  /** Records sealed anew under the newest term. */
  readonly resealed: number;
  /** Records that another commit changed meanwhile: whether they are under the newest term, the next pass shows. */
  readonly missed: number;
  /** Records that do not open, by key. */
  readonly damaged: readonly StorageKey[];
  /** Where to go on; undefined after the last page. */
  readonly next: string | undefined;
}

/** The terms of a store's keyring and what is sealed under them. All reject with `sealed` while the barrier is sealed. */
export interface Terms {
  newestTerm(): Promise<TermStatus>;
  /** Takes in the terms that other nodes added since this one last looked. */
  reloadKeyring(): Promise<void>;
  /** Adds a term, which seals from now on, in one commit with `writes`. Rejects with `ConflictError` if another node came first. */
  rotate(writes?: readonly PlainWrite[], expectations?: readonly Expectation[]): Promise<number>;
  /**
   * Seals anew, under the newest term, those records of one page that older terms sealed. Never overwrites what somebody else
   * writes meanwhile, and is no conflict for them. `expectations` (at most 2) hold for each of its commits.
   */
  resealPage(after: string | undefined, expectations: readonly Expectation[]): Promise<ResealedPage>;
  /**
   * Marks the terms before `firstInUse` as retired: the caller has seen that nothing is sealed under them. Those that were retired
   * before `droppedBefore` (milliseconds) are dropped for good, with their keys. Resolves to the ids dropped.
   */
  retireTerms(
    terms: { readonly firstInUse: number; readonly droppedBefore: number },
    writes: readonly PlainWrite[],
    expectations: readonly Expectation[],
  ): Promise<readonly number[]>;
}
