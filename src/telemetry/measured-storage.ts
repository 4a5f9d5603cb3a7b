/** Counts and times what the storage is asked, and shows it in traces. Keys and values are nobody's business here. */
import { CofferError, ConflictError } from '../errors.ts';
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
} from '../storage/storage.ts';
import type { Reading } from './catalogue.ts';
import { Histogram, isTimed } from './histogram.ts';
import type { Spans } from './spans.ts';

const calls = ['read', 'read_many', 'children', 'range', 'commit'] as const;
type CallName = (typeof calls)[number];

export class StorageSeries {
  readonly #calls = byCall(() => ({ count: 0 }));
  readonly #durations = byCall(() => new Histogram());
  readonly #conflicts = byCall(() => ({ count: 0 }));
  readonly #failures = byCall(() => ({ count: 0 }));

  /** Counts a call; whether it is to be timed. */
  begun(call: CallName): boolean {
    return isTimed(this.#calls[call].count++) || call === 'commit';
  }

  done(call: CallName, milliseconds: number): void {
    this.#durations[call].add(milliseconds);
  }

  failed(call: CallName, error: unknown): void {
    const counts = error instanceof ConflictError ? this.#conflicts : this.#failures;
    counts[call].count++;
  }

  read(reading: Reading): void {
    for (const operation of calls) {
      reading.set('coffer_storage_calls_total', this.#calls[operation].count, { operation });
      reading.distribution('coffer_storage_seconds', this.#durations[operation], { operation });
      const conflicts = this.#conflicts[operation].count;
      const failures = this.#failures[operation].count;
      if (operation === 'commit' || conflicts > 0) {
        reading.set('coffer_storage_failures_total', conflicts, { operation, reason: 'conflict' });
      }
      reading.set('coffer_storage_failures_total', failures, { operation, reason: 'failure' });
    }
  }
}

function byCall<T>(make: () => T): Readonly<Record<CallName, T>> {
  return Object.fromEntries(calls.map((call) => [call, make()])) as Record<CallName, T>;
}

export interface Measures {
  readonly series: StorageSeries;
  readonly spans: Spans;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

/** The same storage, with its further abilities (see `withAbilities`). */
export function measuredStorage(storage: Storage, measures: Measures): Storage {
  const { series, spans, monotonic } = measures;
  const measured = <T>(call: CallName, run: () => Promise<T>): Promise<T> => {
    const timed = series.begun(call);
    const end = spans.child(spanNames[call]);
    const failed = (error: unknown): never => {
      series.failed(call, error);
      end?.(error instanceof CofferError ? error.code : 'internal');
      throw error;
    };
    if (!timed && end === undefined) return run().catch(failed);
    const began = monotonic();
    return run().then((answer) => {
      if (timed) series.done(call, monotonic() - began);
      end?.(undefined);
      return answer;
    }, failed);
  };
  const own: Storage = {
    kind: storage.kind,
    read: (key: StorageKey): Promise<StorageRecord | undefined> => measured('read', () => storage.read(key)),
    readMany: (keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> =>
      measured('read_many', () => storage.readMany(keys)),
    children: (prefix: string, page: PageRequest): Promise<Page<string>> =>
      measured('children', () => storage.children(prefix, page)),
    range: (prefix: string, page: PageRequest): Promise<Page<KeyedRecord>> =>
      measured('range', () => storage.range(prefix, page)),
    commit: (writes: readonly Write[], expectations?: readonly Expectation[]): Promise<readonly Revision[]> =>
      measured('commit', () => storage.commit(writes, expectations)),
    close: () => storage.close(),
  };
  return withAbilities(own, storage);
}

/** An extra ability of a storage is an extra method that is looked for by its name: it is passed on as it is. */
function withAbilities(measured: Storage, storage: Storage): Storage {
  const abilities: Record<string, unknown> = {};
  for (let level: object | null = storage; level !== null && level !== Object.prototype; ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value !== 'function' || name === 'constructor' || Object.hasOwn(abilities, name)) continue;
      abilities[name] = value.bind(storage);
    }
    level = Object.getPrototypeOf(level) as object | null;
  }
  return { ...abilities, ...measured };
}

const spanNames = {
  read: 'storage read',
  read_many: 'storage read_many',
  children: 'storage children',
  range: 'storage range',
  commit: 'storage commit',
} as const satisfies Record<CallName, string>;
