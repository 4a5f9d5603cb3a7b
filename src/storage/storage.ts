/**
 * The storage seam: ordered keys to opaque bytes. What the types cannot say:
 *
 * - A read sees every commit that was acknowledged before the read began, on whichever node or process it was made.
 * - `readMany` is one snapshot: it never shows one half of a commit.
 * - `commit` is all or nothing, and when it resolves the data survives power loss. Writers that commit at the same time may
 *   share one flush. When it rejects with `ConflictError` nothing was written; when it rejects with `unavailable` the outcome
 *   is unknown and only a read can tell.
 * - Keys are ordered by their UTF-8 bytes, everywhere.
 * - Every method may be called concurrently. After `close` everything rejects with `unavailable`.
 * - The bytes handed in are not changed afterwards by the caller, and the bytes handed out belong to the caller.
 */
import { CofferError } from '../errors.ts';

declare const storageKey: unique symbol;
/** Segments separated by `/`; 1 to 1,000 bytes of UTF-8, no NUL. */
export type StorageKey = string & { readonly [storageKey]: true };

declare const revisionMark: unique symbol;
/** Changes at each write of a record and never returns to an earlier value. Only equality means anything. */
export type Revision = number & { readonly [revisionMark]: true };

export interface StorageRecord {
  readonly value: Buffer;
  readonly revision: Revision;
}

/** `value: null` deletes; deleting what is not there is fine. */
export interface Write {
  readonly key: StorageKey;
  readonly value: Buffer | null;
}

/** `revision: null` expects that the key is absent. */
export interface Expectation {
  readonly key: StorageKey;
  readonly revision: Revision | null;
}

/** `next` is handed back as `after` to go on; absent on the last page. A page may hold fewer items than asked for and have a `next`. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface PageRequest {
  /** Start strictly after this item: a child's name for `children`, a key for `range`. */
  readonly after?: string;
  /** Most items a page holds; 1 to 1,000. */
  readonly limit: number;
}

export interface KeyedRecord extends StorageRecord {
  readonly key: StorageKey;
}

export interface Storage {
  /** The catalog's word for this implementation: `lmdb`, `memory`, … */
  readonly kind: string;
  read(key: StorageKey): Promise<StorageRecord | undefined>;
  /** One answer a key, in the order asked, as one snapshot. At most 64 keys. */
  readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]>;
  /**
   * Names directly below `prefix`, which is empty or ends in `/`. A name that has keys below it is given with a trailing `/`;
   * a key and a folder of the same name both appear, and a key that is `prefix` itself is the empty name. A page costs what it holds, not what lies below the folders it names.
   */
  children(prefix: string, page: PageRequest): Promise<Page<string>>;
  /** Records whose key starts with `prefix`, in order. */
  range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>>;
  /** Returns the revision of each write, in order (deletions have one too, and it means nothing). */
  commit(writes: readonly Write[], expectations?: readonly Expectation[]): Promise<readonly Revision[]>;
  close(): Promise<void>;
}

/** Limits of every implementation, so that nothing works on one store and breaks on another. */
export const storageLimits = {
  keyBytes: 1_000,
  recordBytes: 256 * 1024,
  /** Of keys and values: what Consul takes in one request of 512 KiB, where values are in base64. */
  commitBytes: 340 * 1024,
  /** Writes and expectations together; one on a key that is also written counts once. */
  commitItems: 64,
  readKeys: 64,
  pageItems: 1_000,
} as const;

/** Throws `invalid_request` for a key that no store would take. */
export function parseStorageKey(text: string): StorageKey {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0 || bytes > storageLimits.keyBytes) {
    throw new CofferError(
      'invalid_request',
      `a storage key has 1 to ${storageLimits.keyBytes} bytes, not ${bytes}`,
    );
  }
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new CofferError('invalid_request', 'a storage key is well-formed text without NUL');
  }
  return text as StorageKey;
}

/** Throws `invalid_request` for a commit beyond the limits. Every implementation calls it first. */
export function checkCommit(writes: readonly Write[], expectations: readonly Expectation[]): void {
  const keys = new Set<string>();
  let bytes = 0;
  for (const { key, value } of writes) {
    if (keys.has(key)) throw new CofferError('invalid_request', 'a commit writes each key at most once');
    keys.add(parseStorageKey(key));
    const size = value?.length ?? 0;
    if (size > storageLimits.recordBytes) {
      throw new CofferError('invalid_request', `a record has at most ${storageLimits.recordBytes} bytes`);
    }
    bytes += size + Buffer.byteLength(key);
  }
  if (bytes > storageLimits.commitBytes) {
    throw new CofferError('invalid_request', `a commit has at most ${storageLimits.commitBytes} bytes`);
  }
  const expected = new Set<string>();
  for (const { key } of expectations) {
    if (expected.has(key)) throw new CofferError('invalid_request', 'a commit expects each key at most once');
    expected.add(key);
    keys.add(parseStorageKey(key));
  }
  if (keys.size > storageLimits.commitItems) {
    throw new CofferError('invalid_request', `a commit names at most ${storageLimits.commitItems} keys`);
  }
}
