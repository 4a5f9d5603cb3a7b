/** A table in memory with a KMS of its own, for tests of what is above both. */
import { createHmac, randomBytes } from 'node:crypto';
import { AwsError } from '../../src/aws/aws-error.ts';
import { DataKeys, type KeyService } from '../../src/credstash/data-keys.ts';
import type { EncryptionContext } from '../../src/credstash/encryption-context.ts';
import type { Item, ItemKey } from '../../src/credstash/item.ts';
import { headAttributes, type ItemStore } from '../../src/credstash/item-store.ts';
import { SecretTable, type TableWishes } from '../../src/credstash/secret-table.ts';
import { compareText } from '../../src/credstash/version.ts';
import { systemRandom } from '../../src/crypto/random.ts';

/** Counts of calls, by what they were. */
export type Counts = Record<string, number>;

export class MemoryItems implements ItemStore {
  readonly title = 'memory-table';
  readonly calls: Counts = {};
  readonly items = new Map<string, Item>();
  /** Called before each call takes place; what it throws, the call throws. */
  before: (call: string) => Promise<void> | void = () => {};

  async *versions(
    name: string,
    extent: 'whole' | 'head',
    limit = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<Item> {
    await this.#count('query');
    const found = [...this.items.values()]
      .filter((item) => item['name']?.S === name)
      .toSorted((left, right) => compareText(right['version']?.S ?? '', left['version']?.S ?? ''));
    for (const item of found.slice(0, limit)) yield shown(item, extent);
  }

  async read(key: ItemKey): Promise<Item | undefined> {
    await this.#count('get');
    return this.items.get(idOf(key));
  }

  async readMany(keys: readonly ItemKey[]): Promise<readonly Item[]> {
    await this.#count('batch');
    return keys.map((key) => this.items.get(idOf(key))).filter((item) => item !== undefined);
  }

  async *scan(extent: 'whole' | 'head'): AsyncGenerator<Item> {
    await this.#count('scan');
    for (const item of [...this.items.values()]) yield shown(item, extent);
  }

  async create(item: Item): Promise<'created' | 'exists'> {
    await this.#count('put');
    const id = idOf({ name: item['name']?.S ?? '', version: item['version']?.S ?? '' });
    if (this.items.has(id)) return 'exists';
    this.items.set(id, item);
    return 'created';
  }

  async change(
    key: ItemKey,
    { set = {}, remove = [] }: Parameters<ItemStore['change']>[1],
    expected: Item | object,
  ) {
    await this.#count('update');
    const item = this.items.get(idOf(key));
    const holds = Object.entries(expected).every(
      ([name, value]) => JSON.stringify(item?.[name]) === JSON.stringify(value),
    );
    if (item === undefined || !holds) return false;
    const kept = Object.entries({ ...item, ...set }).filter(([name]) => !remove.includes(name));
    this.items.set(idOf(key), Object.fromEntries(kept));
    return true;
  }

  async remove(key: ItemKey): Promise<void> {
    await this.#count('delete');
    this.items.delete(idOf(key));
  }

  close(): void {}

  async #count(call: string): Promise<void> {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
    await this.before(call);
  }
}

/** Wraps as KMS does: under a context, with one answer to a context that is another and to a ciphertext that was changed. */
export class MemoryKms implements KeyService {
  readonly calls: Counts = {};
  readonly contexts: EncryptionContext[] = [];
  readonly #root = randomBytes(32);
  /** The key that wrapped, by what it wrapped. */
  readonly #keys = new Map<string, string>();
  before: (call: string, context: EncryptionContext) => Promise<void> | void = () => {};

  async generateDataKey({ key, bytes, context }: { key: string; bytes: number; context: EncryptionContext }) {
    await this.#count('generate', context);
    const plaintext = randomBytes(bytes);
    const ciphertext = this.#wrap(plaintext, context);
    this.#keys.set(ciphertext.toString('hex'), key);
    return {
      plaintext,
      ciphertext,
      keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/k',
    };
  }

  async decrypt({ key, ciphertext, context }: Parameters<KeyService['decrypt']>[0]) {
    await this.#count('decrypt', context);
    if (key !== undefined && this.#keys.get(ciphertext.toString('hex')) !== key) {
      throw new AwsError('wrong-key', 'the ciphertext was made by another key');
    }
    const masked = ciphertext.subarray(32);
    const plaintext = this.#mask(masked, context);
    if (!this.#wrap(plaintext, context).equals(ciphertext))
      throw new AwsError('bad-ciphertext', 'KMS refuses the ciphertext');
    return { plaintext, keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/k' };
  }

  close(): void {}

  #wrap(plaintext: Buffer, context: EncryptionContext): Buffer {
    const tag = createHmac('sha256', this.#root).update(plaintext).update(canonical(context)).digest();
    return Buffer.concat([tag, this.#mask(plaintext, context)]);
  }

  #mask(bytes: Buffer, context: EncryptionContext): Buffer {
    const stream = createHmac('sha512', this.#root)
      .update(`mask ${canonical(context)}`)
      .digest();
    return Buffer.from(bytes.map((byte, index) => byte ^ (stream[index % stream.length] ?? 0)));
  }

  async #count(call: string, context: EncryptionContext): Promise<void> {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
    this.contexts.push(context);
    await this.before(call, context);
  }
}

function canonical(context: EncryptionContext): string {
  return JSON.stringify(Object.entries(context).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function idOf({ name, version }: ItemKey): string {
  return JSON.stringify([name, version]);
}

function shown(item: Item, extent: 'whole' | 'head'): Item {
  if (extent === 'whole') return item;
  const seen: readonly string[] = ['name', 'version', ...headAttributes];
  return Object.fromEntries(Object.entries(item).filter(([name]) => seen.includes(name)));
}

export interface TablePlace {
  readonly items: MemoryItems;
  readonly kms: MemoryKms;
  /** Moved by hand. */
  now: number;
  /** @param key the KMS key for new data keys; `alias/test` unless told */
  open(wishes?: Partial<TableWishes>, key?: string): SecretTable;
}

export function makeTablePlace(): TablePlace {
  const items = new MemoryItems();
  const kms = new MemoryKms();
  const place: TablePlace = {
    items,
    kms,
    now: Date.parse('2026-03-01T12:00:00Z'),
    open: (wishes = {}, key = 'alias/test') =>
      new SecretTable(
        { store: items, keys: new DataKeys(kms, key), random: systemRandom, now: () => place.now },
        { context: {}, ...wishes },
      ),
  };
  return place;
}
