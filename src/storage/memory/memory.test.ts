import { expect, it } from 'vitest';
import { storageContract } from '../storage.contract.ts';
import { parseStorageKey } from '../storage.ts';
import { MemoryStorage } from './memory.ts';

storageContract(
  'memory',
  async () => {
    const storage = new MemoryStorage();
    return { storage, dispose: () => storage.close() };
  },
  { persistence: 'a memory store is gone when it is closed' },
);

it('keeps many keys in order while they come and go', async () => {
  const storage = new MemoryStorage();
  const names = Array.from({ length: 20_000 }, (_, index) => `k${(index * 7919) % 20_000}`);
  for (const name of names) await storage.commit([{ key: parseStorageKey(name), value: Buffer.alloc(1) }]);
  for (const name of names.filter((_, index) => index % 3 !== 0)) {
    await storage.commit([{ key: parseStorageKey(name), value: null }]);
  }
  const expected = names.filter((_, index) => index % 3 === 0).toSorted();
  const found: string[] = [];
  let page = await storage.children('', { limit: 1000 });
  for (;;) {
    found.push(...page.items);
    if (page.next === undefined) break;
    page = await storage.children('', { limit: 1000, after: page.next });
  }
  expect(found).toEqual(expected);
});
