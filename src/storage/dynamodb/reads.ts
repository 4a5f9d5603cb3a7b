/**
 * Reads of records by their keys. One is a consistent get. Several are one transaction, which is a snapshot; readers that come in one
 * turn of the event loop share it, so that what all of them read (the epoch, a token) is asked for once: that record's partition
 * answers only so many a second.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { AttributeMap, DynamoClient } from '../../aws/dynamo.ts';
import type { StorageKey, StorageRecord } from '../storage.ts';
import { failureKind } from './failure.ts';
import { addressOf, recordOf } from './layout.ts';
import { persist, type Surroundings } from './patience.ts';

/** Keys of one transaction where there is more than one reader. */
const mostKeys = 32;
/** Transactions under way; what comes then waits for the next. */
const mostUnderWay = 24;
/** So many of the largest records are within the 4 MB of a transaction. */
const surelyFit = 15;

type Found = readonly (StorageRecord | undefined)[];
type Items = ReadonlyMap<StorageKey, AttributeMap | undefined>;

interface Waiting {
  readonly keys: readonly StorageKey[];
  readonly resolve: (found: Found) => void;
  readonly reject: (reason: unknown) => void;
}

export class Reads {
  readonly #client: DynamoClient;
  readonly #table: string;
  readonly #surroundings: Surroundings;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(client: DynamoClient, table: string, surroundings: Surroundings) {
    this.#client = client;
    this.#table = table;
    this.#surroundings = surroundings;
  }

  /** Rejects with `AwsError`, as everything here. */
  async one(key: StorageKey): Promise<StorageRecord | undefined> {
    const item = await persist(this.#surroundings, () =>
      this.#client.get({ TableName: this.#table, Key: addressOf(key), ConsistentRead: true }),
    );
    return item && recordOf(item);
  }

  /** One answer a key, in their order, as one snapshot. */
  async many(keys: readonly StorageKey[]): Promise<Found> {
    const [first] = keys;
    if (first === undefined) return [];
    if (keys.length === 1) return [await this.one(first)];
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
      if (count > 0 && keys.size > mostKeys) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Readers whose common transaction met another one, or is too large, go each by itself: no one waits for another's records. */
  async #answer(readers: readonly Waiting[]): Promise<void> {
    this.#underWay += 1;
    try {
      await (readers.length === 1 ? this.#answerEach(readers) : this.#answerTogether(readers));
    } finally {
      this.#underWay -= 1;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }

  async #answerTogether(readers: readonly Waiting[]): Promise<void> {
    let items: Items;
    try {
      items = await this.#snapshot(unique(readers.flatMap(({ keys }) => keys)));
    } catch {
      return this.#answerEach(readers);
    }
    hand(items, readers);
  }

  async #answerEach(readers: readonly Waiting[]): Promise<void> {
    await Promise.all(
      readers.map(async (reader) => {
        try {
          hand(await this.#patientSnapshot(unique(reader.keys)), [reader]);
        } catch (error) {
          reader.reject(error);
        }
      }),
    );
  }

  async #patientSnapshot(keys: readonly StorageKey[]): Promise<Items> {
    try {
      return await persist(this.#surroundings, () => this.#snapshot(keys));
    } catch (error) {
      if (keys.length <= surelyFit || !mayBeTooLarge(error)) throw error;
      return persist(this.#surroundings, () => this.#largeSnapshot(keys));
    }
  }

  async #snapshot(keys: readonly StorageKey[]): Promise<Items> {
    const found = await this.#client.transactGet({
      TransactItems: keys.map((key) => ({ Get: { TableName: this.#table, Key: addressOf(key) } })),
    });
    return new Map(keys.map((key, index) => [key, found[index]]));
  }

  /**
   * More than a transaction may hold, in parts: all but the last are looked at again afterwards. What has its revision still had
   * it when the last one was read, since a revision never comes back; what was absent is read again with the last one.
   */
  async #largeSnapshot(keys: readonly StorageKey[]): Promise<Items> {
    const items = new Map<StorageKey, AttributeMap | undefined>();
    let rest = keys;
    while (rest.length > surelyFit) {
      for (const [key, item] of await this.#snapshot(rest.slice(0, surelyFit))) items.set(key, item);
      rest = rest.slice(surelyFit);
    }
    const first = [...items].flatMap(([key, item]) => (item === undefined ? [] : [key]));
    const last = [...[...items.keys()].filter((key) => items.get(key) === undefined), ...rest];
    for (const [key, item] of await this.#snapshot(last)) items.set(key, item);
    for (let start = 0; start < first.length; start += surelyFit) {
      for (const [key, item] of await this.#snapshot(first.slice(start, start + surelyFit))) {
        if (item?.['r']?.N === items.get(key)?.['r']?.N) continue;
        throw new AwsError('conflict', 'records change faster than they can be read together');
      }
    }
    return items;
  }
}

function unique(keys: readonly StorageKey[]): readonly StorageKey[] {
  return [...new Set(keys)];
}

function mayBeTooLarge(error: unknown): boolean {
  return (
    failureKind(error) === 'refused' &&
    error instanceof AwsError &&
    ['invalid', 'conflict'].includes(error.reason)
  );
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
