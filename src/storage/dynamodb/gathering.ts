/**
 * Readers that come in one turn of the event loop, and those that come while enough is under way, are answered together: what all of
 * them read (the epoch, a token) is asked for once, and a call of the SDK costs this process more than anything else in a request.
 */
import type { AttributeMap } from '../../aws/dynamo.ts';
import type { StorageKey, StorageRecord } from '../storage.ts';
import { recordOf } from './layout.ts';

export type Found = readonly (StorageRecord | undefined)[];
export type Items = ReadonlyMap<StorageKey, AttributeMap | undefined>;

export interface GatheringOptions {
  /** Keys that are asked for together, where there is more than one reader. */
  readonly mostKeys: number;
  /** For several readers: one try. */
  readonly together: (keys: readonly StorageKey[]) => Promise<Items>;
  /** For one reader, or where trying together failed: to the end of all patience. */
  readonly alone: (keys: readonly StorageKey[]) => Promise<Items>;
}

/** What comes while so much is under way waits for the next: a few milliseconds. */
const mostUnderWay = 6;

interface Waiting {
  readonly keys: readonly StorageKey[];
  readonly resolve: (found: Found) => void;
  readonly reject: (reason: unknown) => void;
}

export class Gathering {
  readonly #options: GatheringOptions;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /** One answer a key, in their order. Rejects as `alone` does. */
  read(keys: readonly StorageKey[]): Promise<Found> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject });
      this.#schedule();
    });
  }

  /** Behind everything that is ready now: who else reads in this turn comes along. */
  #schedule(): void {
    if (this.#scheduled || this.#underWay >= mostUnderWay) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#underWay < mostUnderWay) void this.#answer(this.#take());
    });
  }

  #take(): readonly Waiting[] {
    const keys = new Set<StorageKey>();
    let count = 0;
    for (const each of this.#waiting) {
      for (const key of each.keys) keys.add(key);
      if (count > 0 && keys.size > this.#options.mostKeys) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #answer(readers: readonly Waiting[]): Promise<void> {
    this.#underWay += 1;
    try {
      await (readers.length === 1 ? this.#answerEach(readers) : this.#answerTogether(readers));
    } finally {
      this.#underWay -= 1;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }

  /** If that fails, each goes by itself: no one waits for another's records. */
  async #answerTogether(readers: readonly Waiting[]): Promise<void> {
    let items: Items;
    try {
      items = await this.#options.together(unique(readers.flatMap(({ keys }) => keys)));
    } catch {
      return this.#answerEach(readers);
    }
    hand(items, readers);
  }

  async #answerEach(readers: readonly Waiting[]): Promise<void> {
    await Promise.all(
      readers.map(async (reader) => {
        try {
          hand(await this.#options.alone(unique(reader.keys)), [reader]);
        } catch (error) {
          reader.reject(error);
        }
      }),
    );
  }
}

function unique(keys: readonly StorageKey[]): readonly StorageKey[] {
  return [...new Set(keys)];
}

/** What is handed out belongs to whom it is handed to, so that a second one gets bytes of its own. */
function hand(items: Items, readers: readonly Waiting[]): void {
  const handed = new Set<StorageKey>();
  for (const { keys, resolve } of readers) {
    resolve(
      keys.map((key) => {
        const item = items.get(key);
        if (item === undefined) return undefined;
        const record = recordOf(item);
        if (!handed.has(key)) {
          handed.add(key);
          return record;
        }
        return { ...record, value: Buffer.from(record.value) };
      }),
    );
  }
}
