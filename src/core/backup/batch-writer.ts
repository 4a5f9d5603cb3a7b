/** Many records into a storage: in commits as large as they may be, several under way, so that they share a flush. */
import {
  type Expectation,
  type Storage,
  type StorageKey,
  storageLimits,
  type Write,
} from '../../storage/storage.ts';

/** Bytes that may be under way at once. */
const mostPending = 8 * 1024 * 1024;
const mostCommits = 128;

export class BatchWriter {
  readonly #storage: Storage;
  readonly #guard: readonly Expectation[];
  readonly #running = new Set<Promise<void>>();
  #batch: Write[] = [];
  #bytes = 0;
  #pending = 0;
  #failure: { readonly error: unknown } | undefined;

  /** @param guard has to hold at each commit; on a key that is not written */
  constructor(storage: Storage, guard: readonly Expectation[] = []) {
    this.#storage = storage;
    this.#guard = guard;
  }

  /** Resolves when there is room for more. Rejects as `commit` does, with the first failure. */
  async add(key: StorageKey, value: Buffer | null): Promise<void> {
    const bytes = Buffer.byteLength(key) + (value?.length ?? 0);
    const most = storageLimits.commitItems - this.#guard.length;
    if (this.#batch.length === most || this.#bytes + bytes > storageLimits.commitBytes) {
      this.#send();
    }
    this.#batch.push({ key, value });
    this.#bytes += bytes;
    while (this.#pending > mostPending || this.#running.size >= mostCommits)
      await Promise.race(this.#running);
    this.#throwFailure();
  }

  /** Resolves when everything is on disk. */
  async flush(): Promise<void> {
    if (this.#batch.length > 0) this.#send();
    await Promise.all(this.#running);
    this.#throwFailure();
  }

  #send(): void {
    const bytes = this.#bytes;
    const commit = this.#storage
      .commit(this.#batch, this.#guard)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .then(() => {
        this.#running.delete(commit);
        this.#pending -= bytes;
      });
    this.#running.add(commit);
    this.#pending += bytes;
    this.#batch = [];
    this.#bytes = 0;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Removes every record that `which` names; for a place that a restore was cut off in. */
export async function removeAll(
  storage: Storage,
  which: (key: StorageKey) => boolean,
  guard: readonly Expectation[] = [],
): Promise<void> {
  const writer = new BatchWriter(storage, guard);
  let after: string | undefined;
  do {
    const page = await storage.range('', {
      limit: storageLimits.pageItems,
      ...(after === undefined ? {} : { after }),
    });
    for (const { key } of page.items) if (which(key)) await writer.add(key, null);
    after = page.next;
  } while (after !== undefined);
  await writer.flush();
}
