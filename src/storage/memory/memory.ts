import { CofferError, ConflictError } from '../../errors.ts';
import { checkReadMany, pageOfChildren, pageOfRange } from '../listing.ts';
import type { OccupiedStorage } from '../occupants.ts';
import type { SnapshotStorage, StorageSnapshot } from '../snapshot.ts';
import {
  checkCommit,
  type Expectation,
  type KeyedRecord,
  type Page,
  type PageRequest,
  type Revision,
  type StorageKey,
  type StorageRecord,
  type Write,
} from '../storage.ts';
import { SortedKeys } from './sorted-keys.ts';

/**
 * A store that lives and dies with its process: for `--dev` and for tests. Every call works in one go on the calling
 * thread, so a multi-get is a snapshot and a commit is whole by construction; nothing of it is durable.
 */
export class MemoryStorage implements SnapshotStorage, OccupiedStorage {
  readonly kind = 'memory';
  readonly #records = new Map<StorageKey, StorageRecord>();
  readonly #keys = new SortedKeys();
  #revision = 0;
  #closed = false;

  read(key: StorageKey): Promise<StorageRecord | undefined> {
    return this.#attempt(() => this.#copyOf(key));
  }

  readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    return this.#attempt(() => {
      checkReadMany(keys);
      return keys.map((key) => this.#copyOf(key));
    });
  }

  children(prefix: string, page: PageRequest): Promise<Page<string>> {
    return this.#attempt(() => pageOfChildren(prefix, page, (start) => this.#keys.from(start)));
  }

  range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    return this.#attempt(() =>
      pageOfRange(prefix, page, (start) => recordsFrom(this.#keys, this.#records, start)),
    );
  }

  commit(writes: readonly Write[], expectations: readonly Expectation[] = []): Promise<readonly Revision[]> {
    return this.#attempt(() => {
      checkCommit(writes, expectations);
      for (const { key, revision } of expectations) {
        if ((this.#records.get(key)?.revision ?? null) !== revision) throw new ConflictError(key);
      }
      return writes.map((write) => this.#apply(write));
    });
  }

  /** Remembers which records there are, not their bytes: a record is replaced and never changed. */
  snapshot(): Promise<StorageSnapshot> {
    return this.#attempt(() => {
      const records = new Map(this.#records);
      const keys = new SortedKeys();
      for (const key of records.keys()) keys.add(key);
      let ended = false;
      return {
        records: records.size,
        range: (prefix: string, page: PageRequest) => {
          if (ended)
            return Promise.reject(new CofferError('unavailable', 'the snapshot of the store has ended'));
          return this.#attempt(() => pageOfRange(prefix, page, (start) => recordsFrom(keys, records, start)));
        },
        [Symbol.dispose]: () => {
          ended = true;
        },
      };
    });
  }

  /** Nobody else can reach it. */
  occupants(): Promise<readonly string[]> {
    return this.#attempt(() => []);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #apply({ key, value }: Write): Revision {
    this.#revision += 1;
    const revision = this.#revision as Revision;
    if (value === null) {
      this.#records.delete(key);
      this.#keys.remove(key);
    } else {
      this.#records.set(key, { value, revision });
      this.#keys.add(key);
    }
    return revision;
  }

  #copyOf(key: StorageKey): StorageRecord | undefined {
    return copyOf(this.#records.get(key));
  }

  #attempt<T>(action: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new CofferError('unavailable', 'the memory store is closed'));
    try {
      return Promise.resolve(action());
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }
}

type Records = ReadonlyMap<StorageKey, StorageRecord>;

/** What is handed out belongs to the caller, who may change or wipe it. */
function copyOf(record: StorageRecord | undefined): StorageRecord | undefined {
  return record && { value: Buffer.from(record.value), revision: record.revision };
}

function* recordsFrom(
  keys: SortedKeys,
  records: Records,
  start: string,
): Generator<KeyedRecord, void, undefined> {
  for (const text of keys.from(start)) {
    const key = text as StorageKey;
    const record = copyOf(records.get(key));
    if (record !== undefined) yield { key, ...record };
  }
}
