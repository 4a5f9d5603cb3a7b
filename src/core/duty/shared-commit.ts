/**
 * Commits that share one. A duty ends many things one by one, each with a few deletions under the same fence; what is asked for
 * in one turn goes to storage together, as far as a commit's limit lets it. Each caller hears of its own as if it were alone:
 * all of them expect the fence and nothing else, so what fails for one would have failed for each.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { type Expectation, storageLimits } from '../../storage/storage.ts';

interface Asked {
  readonly writes: readonly PlainWrite[];
  readonly fence: Expectation;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Batch {
  readonly fence: Expectation;
  readonly keys: Set<string>;
  readonly asked: Asked[];
}

export class SharedCommit {
  readonly #store: BarrierStore;
  #waiting: Asked[] = [];

  constructor(store: BarrierStore) {
    this.#store = store;
  }

  /** Resolves when the writes are on disk. Rejects as the store does, with nothing written: `ConflictError` when the fence is lost. */
  commit(writes: readonly PlainWrite[], fence: Expectation): Promise<void> {
    return new Promise((resolve, reject) => {
      // What runs side by side arrives in the same turn.
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ writes, fence, resolve, reject });
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { asked, fence } of batchesOf(waiting)) {
      this.#store
        .commit(
          asked.flatMap(({ writes }) => writes),
          [fence],
        )
        .then(
          () => {
            for (const { resolve } of asked) resolve();
          },
          (reason: unknown) => {
            for (const { reject } of asked) reject(reason);
          },
        );
    }
  }
}

/** In the order they were asked for; a commit takes no key twice. */
function batchesOf(waiting: readonly Asked[]): readonly Batch[] {
  const batches: Batch[] = [];
  let batch: Batch | undefined;
  for (const asked of waiting) {
    if (batch === undefined || !fits(batch, asked)) {
      batch = { fence: asked.fence, keys: new Set(), asked: [] };
      batches.push(batch);
    }
    batch.asked.push(asked);
    for (const { key } of asked.writes) batch.keys.add(key);
  }
  return batches;
}

function fits({ fence, keys }: Batch, asked: Asked): boolean {
  return (
    fence.key === asked.fence.key &&
    fence.revision === asked.fence.revision &&
    keys.size + asked.writes.length < storageLimits.commitItems &&
    asked.writes.every(({ key }) => !keys.has(key))
  );
}
