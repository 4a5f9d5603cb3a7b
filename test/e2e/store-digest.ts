/** One digest of everything a store holds, to show that a refused request changed nothing. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import type { Storage, StorageKey } from '../../src/storage/storage.ts';

/** What a server writes on its own account: heads of its audit log, how often a key sealed, who holds a duty. */
const ownAccount = ['core/audit/', 'core/keyring/usage/', 'core/duty/'];

/** Reads the store of a data directory from beside its server. */
export function digestOf(data: string): Promise<string> {
  return withStore(data, { readOnly: true }, async (storage) => {
    const hash = createHash('sha256');
    let after: string | undefined;
    do {
      const page = await storage.range('', { limit: 1_000, ...(after === undefined ? {} : { after }) });
      for (const { key, value } of page.items) {
        if (ownAccount.some((prefix) => key.startsWith(prefix))) continue;
        hash.update(`${key.length} ${value.length} ${key} `).update(value);
      }
      after = page.next;
    } while (after !== undefined);
    return hash.digest('hex');
  });
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
