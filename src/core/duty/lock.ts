/**
 * A duty's lock: one record that names its holder, a fence that grows with each change of holder, and when the lock ends by
 * itself. Every commit of the duty expects the record as it is, so that a holder paused past its lock is refused.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { ConflictError } from '../../errors.ts';
import { type Expectation, parseStorageKey, type Revision, type StorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

interface LockRecord {
  readonly holder: string;
  readonly fence: number;
  /** Milliseconds; a lock whose time has come is free. */
  readonly until: number;
}

/** How long a lock lasts without being renewed, in milliseconds. */
const lockTime = 30_000;

export interface HeldLock {
  /** Grows with each holder. */
  readonly fence: number;
  /** For every commit made under the lock. */
  expectation(): Expectation;
  /** Whether a call to the outside may begin: the lock has time left. */
  holds(): boolean;
  /** Takes more time where half of it has gone. Throws `conflict` when the lock was lost. */
  extend(): Promise<void>;
  release(): Promise<void>;
}

/** Undefined when somebody else holds the lock. */
export async function acquireLock(
  store: BarrierStore,
  clock: Clock,
  name: string,
  holder: string,
): Promise<HeldLock | undefined> {
  const key = parseStorageKey(`core/duty/${name}`);
  const sealed = await store.read(key);
  const current = sealed === undefined ? undefined : decodeStored<LockRecord>(sealed.open());
  if (current !== undefined && current.until > clock.now() && current.holder !== holder) return undefined;
  const fence = (current?.fence ?? 0) + 1;
  try {
    const lock = new Lock(store, clock, key, { holder, fence, until: clock.now() + lockTime });
    await lock.write(sealed?.revision ?? null);
    return lock;
  } catch (error) {
    if (error instanceof ConflictError) return undefined;
    throw error;
  }
}

class Lock implements HeldLock {
  readonly #store: BarrierStore;
  readonly #clock: Clock;
  readonly #key: StorageKey;
  #record: LockRecord;
  #revision: Revision | null = null;

  constructor(store: BarrierStore, clock: Clock, key: StorageKey, record: LockRecord) {
    this.#store = store;
    this.#clock = clock;
    this.#key = key;
    this.#record = record;
  }

  get fence(): number {
    return this.#record.fence;
  }

  async write(expected: Revision | null): Promise<void> {
    const [revision] = await this.#store.commit(
      [{ key: this.#key, value: encodeStored(this.#record) }],
      [{ key: this.#key, revision: expected }],
    );
    this.#revision = revision ?? null;
  }

  expectation(): Expectation {
    return { key: this.#key, revision: this.#revision };
  }

  holds(): boolean {
    return this.#record.until > this.#clock.now();
  }

  async extend(): Promise<void> {
    if (this.#record.until - this.#clock.now() > lockTime / 2) return;
    this.#record = { ...this.#record, until: this.#clock.now() + lockTime };
    await this.write(this.#revision);
  }

  async release(): Promise<void> {
    this.#record = { ...this.#record, until: 0 };
    try {
      await this.write(this.#revision);
    } catch (error) {
      // Lost already: the successor's record stands.
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}
