/**
 * A store that fails or dawdles when told, around one that works: for showing that a room keeps its promises when storage
 * does not. Calls are counted from 1 over all methods but `close`; a plan says what happens to the n-th.
 */
import { CofferError } from '../../src/errors.ts';
import type {
  Expectation,
  KeyedRecord,
  Page,
  PageRequest,
  Revision,
  Storage,
  StorageKey,
  StorageRecord,
  Write,
} from '../../src/storage/storage.ts';

export type Operation = 'read' | 'readMany' | 'children' | 'range' | 'commit';

export type Fault =
  /** Rejects with `unavailable`, and the inner store never hears of the call. */
  | { readonly kind: 'before' }
  /** The inner store does it, and the caller is told `unavailable`: an outcome that only a read can tell. */
  | { readonly kind: 'after' }
  /** Goes on once `until` resolves; the call is made after it, so others overtake it. */
  | { readonly kind: 'delay'; readonly until: Promise<unknown> };

/** What happens to the call that is the `count`-th of all; `undefined` for nothing. */
export type FaultPlan = (count: number, operation: Operation) => Fault | undefined;

export interface FaultyStorage extends Storage {
  /** Every call so far, and what was done to it. */
  readonly calls: readonly { readonly operation: Operation; readonly fault: Fault['kind'] | undefined }[];
}

/** Closing `inner` stays possible whatever the plan says. */
export function faultyStorage(inner: Storage, plan: FaultPlan): FaultyStorage {
  return new PlannedStorage(inner, plan);
}

/** Exactly the `target`-th call of `operation` fails, whatever other calls there are. */
export function failNth(operation: Operation, target: number, kind: 'before' | 'after'): FaultPlan {
  let seen = 0;
  return (_count, current) => {
    if (current !== operation) return undefined;
    seen += 1;
    return seen === target ? { kind } : undefined;
  };
}

/**
 * Faults drawn from `seed`, the same ones for the same calls: `rate` (0 to 1) of the calls fail, half of them after their
 * effect, and as many more are put behind other work of the event loop.
 */
export function seededFaults(seed: number, rate: number): FaultPlan {
  const random = generator(seed);
  return () => {
    const drawn = random();
    if (drawn >= 2 * rate) return undefined;
    if (drawn >= rate) return { kind: 'delay', until: new Promise((resolve) => setImmediate(resolve)) };
    return { kind: drawn < rate / 2 ? 'before' : 'after' };
  };
}

class PlannedStorage implements FaultyStorage {
  readonly kind: string;
  readonly calls: { operation: Operation; fault: Fault['kind'] | undefined }[] = [];
  readonly #inner: Storage;
  readonly #plan: FaultPlan;

  constructor(inner: Storage, plan: FaultPlan) {
    this.kind = inner.kind;
    this.#inner = inner;
    this.#plan = plan;
  }

  read(key: StorageKey): Promise<StorageRecord | undefined> {
    return this.#call('read', () => this.#inner.read(key));
  }

  readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    return this.#call('readMany', () => this.#inner.readMany(keys));
  }

  children(prefix: string, page: PageRequest): Promise<Page<string>> {
    return this.#call('children', () => this.#inner.children(prefix, page));
  }

  range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> {
    return this.#call('range', () => this.#inner.range(prefix, page));
  }

  commit(writes: readonly Write[], expectations?: readonly Expectation[]): Promise<readonly Revision[]> {
    return this.#call('commit', () => this.#inner.commit(writes, expectations));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #call<T>(operation: Operation, action: () => Promise<T>): Promise<T> {
    const fault = this.#plan(this.calls.length + 1, operation);
    this.calls.push({ operation, fault: fault?.kind });
    if (fault?.kind === 'before') throw injected(operation);
    if (fault?.kind === 'delay') await fault.until;
    const result = await action();
    if (fault?.kind === 'after') throw injected(operation);
    return result;
  }
}

function injected(operation: Operation): CofferError {
  return new CofferError('unavailable', `the store did not answer a ${operation}`);
}

/** Mulberry32: small, seeded, and good enough to pick faults. Numbers from 0 to 1. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
