/**
 * Reads of records by their keys, always consistent. Single ones that come together share a batch, which is no snapshot and need not
 * be; those of several keys are a transaction, which is one.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { AttributeMap, DynamoClient } from '../../aws/dynamo.ts';
import type { StorageKey, StorageRecord } from '../storage.ts';
import { failureKind } from './failure.ts';
import { type Found, Gathering, type Items } from './gathering.ts';
import { addressOf, keyOf } from './layout.ts';
import { persist, type Surroundings } from './patience.ts';

/** DynamoDB's own bound of a batch. */
const mostBatched = 100;
/** Keys of one transaction where there is more than one reader: the larger, the more often another one is in its way. */
const mostInTransaction = 32;
/** So many of the largest records are within the 4 MB of a transaction. */
const surelyFit = 15;

/** Everything here rejects with `AwsError`, or as `Surroundings.admit` does. */
export class Reads {
  readonly #client: DynamoClient;
  readonly #table: string;
  readonly #surroundings: Surroundings;
  readonly #singles: Gathering;
  readonly #snapshots: Gathering;

  constructor(client: DynamoClient, table: string, surroundings: Surroundings) {
    this.#client = client;
    this.#table = table;
    this.#surroundings = surroundings;
    this.#singles = new Gathering({
      mostKeys: mostBatched,
      together: (keys) => this.#batch(keys),
      alone: (keys) => this.#get(keys),
    });
    this.#snapshots = new Gathering({
      mostKeys: mostInTransaction,
      together: (keys) => this.#admitted(() => this.#snapshot(keys)),
      alone: (keys) => this.#patientSnapshot(keys),
    });
  }

  async one(key: StorageKey): Promise<StorageRecord | undefined> {
    return (await this.#singles.read([key]))[0];
  }

  /** One answer a key, in their order, as one snapshot. */
  async many(keys: readonly StorageKey[]): Promise<Found> {
    const [first] = keys;
    if (first === undefined) return [];
    return keys.length === 1 ? this.#singles.read(keys) : this.#snapshots.read(keys);
  }

  async #get(keys: readonly StorageKey[]): Promise<Items> {
    const items = new Map<StorageKey, AttributeMap | undefined>();
    for (const key of keys) {
      const asked = { TableName: this.#table, Key: addressOf(key), ConsistentRead: true };
      items.set(key, await persist(this.#surroundings, () => this.#client.get(asked)));
    }
    return items;
  }

  /** What a batch leaves undone is asked for again by the client. */
  async #batch(keys: readonly StorageKey[]): Promise<Items> {
    if (keys.length === 1) return this.#get(keys);
    const found = await this.#admitted(() =>
      this.#client.batchGet(this.#table, keys.map(addressOf), { ConsistentRead: true }),
    );
    return new Map(found.map((item) => [keyOf(item), item]));
  }

  async #admitted<T>(ask: () => Promise<T>): Promise<T> {
    const admission = this.#surroundings.admit();
    if (admission !== undefined) await admission;
    return ask();
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

function mayBeTooLarge(error: unknown): boolean {
  return (
    failureKind(error) === 'refused' &&
    error instanceof AwsError &&
    ['invalid', 'conflict'].includes(error.reason)
  );
}
