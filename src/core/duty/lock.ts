/**
 * A duty's lock: one record that names its holder, and a fence that grows with each change of holder. Every commit of the duty
 * expects the record as it is, so that a holder paused past its lock is refused.
 *
 * Who wants a lock that another holds does not believe the time that stands in it, because clocks of two nodes may differ: it
 * watches the record for as long as a lock lasts, by its own steady clock, and takes the lock only if nothing was written to it
 * meanwhile. The holder counts from before it wrote. So nobody takes a lock that its holder may still act under, however wrong
 * the time of either may be; only their seconds have to be equally long. A holder on this machine whose process has ended is
 * not waited for.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { ConflictError } from '../../errors.ts';
import { type Expectation, parseStorageKey, type Revision, type StorageKey } from '../../storage/storage.ts';
import { currentProcess, isSurelyGone, type ProcessIdentity } from '../audit/process-identity.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { withinTime } from '../within-time.ts';

interface LockRecord {
  readonly holder: string;
  readonly fence: number;
  /** Milliseconds, by its holder's clock: until when it holds the lock; 0 once it is given back. */
  readonly until: number;
  /** Counts what this holder wrote: its sign of life. */
  readonly turn: number;
  /** Absent in locks of earlier programs. */
  readonly process?: ProcessIdentity;
}

/** Who asks for locks: a name of its own, and the process that it is in. */
interface Holder {
  readonly name: string;
  readonly process: ProcessIdentity;
}

/** Where the lock of a duty is. */
export function dutyKey(name: string): StorageKey {
  return parseStorageKey(`core/duty/${name}`);
}

/** How long a lock lasts without being renewed, in milliseconds. */
export const lockTime = 30_000;

export interface HeldLock {
  /** Grows with each holder. */
  readonly fence: number;
  /** For every commit made under the lock. */
  expectation(): Expectation;
  /** Whether the lock has time left. */
  holds(): boolean;
  /**
   * A call to the outside: begins only while the record in the store is still the holder's and has time left, and is waited for
   * no longer than that. The signal ends with it. Throws `conflict` with the lock's key when the lock was lost, `unavailable`
   * when its time ran out during the call: whether that had an effect is not known then, and whoever holds the lock next does it
   * again.
   */
  outside<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Takes more time where half of it has gone; may be asked for at any time. Throws `conflict` when the lock was lost. */
  extend(): Promise<void>;
  release(): Promise<void>;
}

/** What one node sees of one lock: it must have watched a lock to take it from somebody who no longer says anything. */
export class DutyLock {
  readonly #store: BarrierStore;
  readonly #clock: Clock;
  readonly #key: StorageKey;
  readonly #holder: Holder;
  #seen: { readonly fence: number; readonly turn: number; readonly since: number } | undefined;

  /** @param name of the duty @param holder names this process @param process the one that this is, unless told */
  constructor(
    store: BarrierStore,
    clock: Clock,
    name: string,
    holder: string,
    process: ProcessIdentity = currentProcess(),
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#key = dutyKey(name);
    this.#holder = { name: holder, process };
  }

  /** Undefined while somebody else holds the lock, or may. */
  async acquire(): Promise<HeldLock | undefined> {
    const sealed = await this.#store.read(this.#key);
    const current = sealed === undefined ? undefined : decodeStored<LockRecord>(sealed.open());
    if (current !== undefined && !this.#isFree(current)) return undefined;
    const fence = (current?.fence ?? 0) + 1;
    const lock = new Lock(this.#store, this.#clock, this.#key, this.#holder, fence);
    try {
      await lock.take(sealed?.revision ?? null);
      return lock;
    } catch (error) {
      if (error instanceof ConflictError) return undefined;
      throw error;
    }
  }

  #isFree(current: LockRecord): boolean {
    if (current.until === 0 || current.holder === this.#holder.name) return true;
    const { process } = current;
    if (process !== undefined && isSurelyGone(process, this.#holder.process)) return true;
    const now = this.#clock.steady();
    // Not by its revision: sealing it anew changes that, and is no sign of life.
    if (this.#seen?.fence !== current.fence || this.#seen.turn !== current.turn) {
      this.#seen = { fence: current.fence, turn: current.turn, since: now };
    }
    return now - this.#seen.since >= lockTime;
  }
}

class Lock implements HeldLock {
  readonly #store: BarrierStore;
  readonly #clock: Clock;
  readonly #key: StorageKey;
  readonly #holder: Holder;
  readonly fence: number;
  #turn = 0;
  #revision: Revision | null = null;
  /** The lock's end, by both clocks: steady time stands still while the machine sleeps, and the other can be set back. */
  #end = { steady: 0, time: 0 };
  #extending: Promise<void> | undefined;

  constructor(store: BarrierStore, clock: Clock, key: StorageKey, holder: Holder, fence: number) {
    this.#store = store;
    this.#clock = clock;
    this.#key = key;
    this.#holder = holder;
    this.fence = fence;
  }

  async take(expected: Revision | null): Promise<void> {
    // Read before it is written, and counted only once it is: the holder's end is never later than a successor's.
    const end = { steady: this.#clock.steady() + lockTime, time: this.#clock.now() + lockTime };
    await this.#write(end.time, expected);
    this.#end = end;
  }

  expectation(): Expectation {
    return { key: this.#key, revision: this.#revision };
  }

  holds(): boolean {
    return this.#timeLeft() > 0;
  }

  async outside<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const record = await this.#store.read(this.#key);
    const current = record === undefined ? undefined : decodeStored<LockRecord>(record.open());
    const left = this.#timeLeft();
    if (current?.fence !== this.fence || current.holder !== this.#holder.name || left <= 0) {
      throw new ConflictError(this.#key);
    }
    const late = 'a call to the outside took longer than the duty’s lock lasts';
    return withinTime(this.#clock, { milliseconds: left, late }, call);
  }

  async extend(): Promise<void> {
    if (this.#timeLeft() > lockTime / 2) return;
    // A timer and the work itself may ask at the same time: two writes would take each other for a successor's.
    this.#extending ??= this.take(this.#revision).finally(() => {
      this.#extending = undefined;
    });
    await this.#extending;
  }

  async release(): Promise<void> {
    await this.#extending?.catch(() => undefined);
    this.#end = { steady: 0, time: 0 };
    try {
      await this.#write(0, this.#revision);
    } catch (error) {
      // Lost already: the successor's record stands.
      if (!(error instanceof ConflictError)) throw error;
    }
  }

  #timeLeft(): number {
    return Math.min(this.#end.steady - this.#clock.steady(), this.#end.time - this.#clock.now());
  }

  async #write(until: number, expected: Revision | null): Promise<void> {
    const record: LockRecord = {
      holder: this.#holder.name,
      fence: this.fence,
      until,
      turn: ++this.#turn,
      process: this.#holder.process,
    };
    const [revision] = await this.#store.commit(
      [{ key: this.#key, value: encodeStored(record) }],
      [{ key: this.#key, revision: expected }],
    );
    this.#revision = revision ?? null;
  }
}
