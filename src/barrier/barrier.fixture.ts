/** What barrier tests stand on: a real storage, real randomness, and a clock that stands still. */
import type { Clock } from '../clock.ts';
import { systemRandom } from '../crypto/random.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { parseStorageKey, type Storage, type StorageKey } from '../storage/storage.ts';
import { Barrier } from './barrier.ts';
import type { SealedRecord } from './store.ts';

export const stillClock: Clock = {
  now: () => 1_790_000_000_000,
  steady: () => 0,
  after: () => ({ [Symbol.dispose]: () => undefined }),
};

export const storeId = '6b1d5a52-6f0c-4f5e-9f0a-0c1f6f1f7a11';
export const otherStoreId = '0d9c3c0e-93c5-4a55-8a57-3a1f36f5c2b2';

export function keyOf(text: string): StorageKey {
  return parseStorageKey(text);
}

export interface TestStore {
  readonly storage: Storage;
  readonly rootKey: Buffer;
  readonly barrier: Barrier;
  /** Another node on the same storage, unsealed. */
  join(): Promise<Barrier>;
}

export async function createStore({
  storage = new MemoryStorage() as Storage,
  id = storeId,
  rootKey = systemRandom.bytes(32),
} = {}): Promise<TestStore> {
  const options = { storage, random: systemRandom, clock: stillClock };
  const { barrier, writes, expectations } = Barrier.create({ ...options, rootKey, storeId: id });
  await storage.commit(writes, expectations);
  return {
    storage,
    rootKey,
    barrier,
    async join() {
      const node = new Barrier(options);
      await node.unseal(rootKey, id);
      return node;
    },
  };
}

/** Storage whose calls first pass through `before`, which may wait or throw. */
export function watched(storage: Storage, before: (call: keyof Storage) => Promise<void> | void): Storage {
  return {
    kind: storage.kind,
    read: async (key) => {
      await before('read');
      return storage.read(key);
    },
    readMany: async (keys) => {
      await before('readMany');
      return storage.readMany(keys);
    },
    children: async (prefix, page) => {
      await before('children');
      return storage.children(prefix, page);
    },
    range: async (prefix, page) => {
      await before('range');
      return storage.range(prefix, page);
    },
    commit: async (writes, expectations) => {
      await before('commit');
      return storage.commit(writes, expectations);
    },
    close: () => storage.close(),
  };
}

export async function put(barrier: Barrier, key: string, text: string): Promise<void> {
  await barrier.commit([{ key: keyOf(key), value: Buffer.from(text) }]);
}

export async function textAt(barrier: Barrier, key: string): Promise<string | undefined> {
  return (await barrier.read(keyOf(key)))?.open().toString();
}

export async function raw(storage: Storage, key: string): Promise<Buffer> {
  const record = await storage.read(keyOf(key));
  if (record === undefined) throw new Error(`nothing at ${key}`);
  return record.value;
}

export async function overwrite(storage: Storage, key: string, value: Buffer): Promise<void> {
  await storage.commit([{ key: keyOf(key), value }]);
}

export function present(record: SealedRecord | undefined): SealedRecord {
  if (record === undefined) throw new Error('a record expected');
  return record;
}
