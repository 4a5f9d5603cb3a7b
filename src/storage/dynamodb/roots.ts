/**
 * The directory of roots. A root is entered before the first record goes there, and stays: so a process that has seen it never has to
 * look again, and a list over several roots finds all that were acknowledged before it began.
 */
import type { AttributeMap, DynamoClient } from '../../aws/dynamo.ts';
import { compareKeys } from '../key-order.ts';
import { behindPrefix, directoryRoot, keyOf, rootOf, rootsAbove } from './layout.ts';
import { persist, type Surroundings } from './patience.ts';

const mark = 'r:';

export class Roots {
  readonly #client: DynamoClient;
  readonly #table: string;
  readonly #surroundings: Surroundings;
  readonly #known = new Set<string>();

  constructor(client: DynamoClient, table: string, surroundings: Surroundings) {
    this.#client = client;
    this.#table = table;
    this.#surroundings = surroundings;
  }

  /** Resolves when every key's root is in the directory. Nobody has to take that back if the keys do not come. */
  async enter(keys: readonly string[]): Promise<void> {
    const missing = new Set<string>();
    for (const key of keys) {
      const root = rootOf(key);
      if (!this.#known.has(root)) missing.add(root);
    }
    if (missing.size === 0) return;
    await Promise.all([...missing].map((root) => this.#enter(root)));
  }

  /** Looks which of a few roots are in the directory, in one request with another item, which it answers. Rejects with `AwsError`. */
  async recall(roots: readonly string[], other: AttributeMap): Promise<AttributeMap | undefined> {
    const keys = roots.map((root) => ({ root: { S: directoryRoot }, key: { S: mark + root } }));
    const found = await this.#client.batchGet(this.#table, [other, ...keys], { ConsistentRead: true });
    let answer: AttributeMap | undefined;
    for (const item of found) {
      if (item['root']?.S === directoryRoot) this.#known.add(keyOf(item).slice(mark.length));
      else answer = item;
    }
    return answer;
  }

  /** Roots of keys that may start with `prefix`, in order. One request for each thousands of them. */
  async below(prefix: string): Promise<readonly string[]> {
    const found = new Set(rootsAbove(prefix));
    const start = mark + prefix;
    for (let from = {}; ; ) {
      const page = await persist(this.#surroundings, () =>
        this.#client.query({
          TableName: this.#table,
          KeyConditionExpression: '#root = :root AND #key BETWEEN :start AND :end',
          ExpressionAttributeNames: { '#root': 'root', '#key': 'key' },
          ExpressionAttributeValues: {
            ':root': { S: directoryRoot },
            ':start': { S: start },
            // Behind a mark there is always something.
            ':end': { S: behindPrefix(start) ?? start },
          },
          ConsistentRead: true,
          ...from,
        }),
      );
      for (const item of page.items) {
        const key = keyOf(item);
        if (!key.startsWith(start)) continue;
        const root = key.slice(mark.length);
        found.add(root);
        this.#known.add(root);
      }
      if (page.next === undefined) return [...found].toSorted(compareKeys);
      from = { ExclusiveStartKey: page.next };
    }
  }

  async #enter(root: string): Promise<void> {
    await persist(this.#surroundings, () =>
      this.#client.put({
        TableName: this.#table,
        Item: { root: { S: directoryRoot }, key: { S: mark + root } },
      }),
    );
    this.#known.add(root);
  }
}
