/** One digest of everything a store holds, to show that a refused request changed nothing. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import type { KeyedRecord, Storage, StorageKey } from '../../src/storage/storage.ts';

/** What a server writes on its own account: heads of its audit log, how often a key sealed, who holds a duty. */
const ownAccount = ['core/audit/', 'core/keyring/usage/', 'core/duty/'];

/** Reads the store of a data directory from beside its server. */
export function digestOf(data: string): Promise<string> {
  return withStore(data, { readOnly: true }, async (storage) => {
    const hash = createHash('sha256');
    for await (const { key, value } of records(storage)) {
      if (ownAccount.some((prefix) => key.startsWith(prefix))) continue;
      hash.update(`${key.length} ${value.length} ${key} `).update(value);
    }
    return hash.digest('hex');
  });
}

export function keysOf(data: string): Promise<readonly StorageKey[]> {
  return withStore(data, { readOnly: true }, async (storage) => {
    const keys: StorageKey[] = [];
    for await (const { key } of records(storage)) keys.push(key);
    return keys;
  });
}

/** A record as it rests on disk. */
export function readRecord(data: string, key: StorageKey): Promise<Buffer> {
  return withStore(data, { readOnly: true }, async (storage) => {
    const found = await storage.read(key);
    if (found === undefined) throw new Error(`there is no record ${key}`);
    return found.value;
  });
}

async function* records(storage: Storage): AsyncGenerator<KeyedRecord, void, undefined> {
  let after: string | undefined;
  do {
    const page = await storage.range('', { limit: 1_000, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

/** Writes or, with null, removes one record of a store that no server has open. */
export function tamper(
  data: string,
  key: StorageKey,
  change: (value: Buffer) => Buffer | null,
): Promise<void> {
  return withStore(data, { readOnly: false }, async (storage) => {
    const found = await storage.read(key);
    if (found === undefined) throw new Error(`there is no record ${key} to change`);
    await storage.commit([{ key, value: change(found.value) }]);
  });
}

async function withStore<T>(
  data: string,
  { readOnly }: { readonly readOnly: boolean },
  work: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = await openLmdbStorage({ path: join(data, 'store'), create: false, readOnly });
  try {
    return await work(storage);
  } finally {
    await storage.close();
  }
}
