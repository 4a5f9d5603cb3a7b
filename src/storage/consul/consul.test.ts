import { randomBytes } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { consulPlace } from '../../../test/setup/consul-place.ts';
import { bytes, key } from '../opened-storage.ts';
import { withSnapshots } from '../snapshot.ts';
import { storageContract } from '../storage.contract.ts';
import { parseConsulPlace } from './address.ts';
import { openConsulStorage } from './consul.ts';

const agent = await consulPlace();
afterAll(() => agent.close());
const env = { CONSUL_HTTP_ADDR: agent.address };

storageContract('consul', async () => {
  const place = parseConsulPlace(`consul:test/${randomBytes(6).toString('hex')}`);
  let storage = await openConsulStorage({ place, env, create: true });
  return {
    storage,
    reopen: async () => {
      await storage.close();
      storage = await openConsulStorage({ place, env, create: false });
      return storage;
    },
    dispose: () => storage.close(),
  };
});

it('takes no snapshot of a store that is too large to be held, and says what to do', async () => {
  const place = parseConsulPlace('consul:large');
  const storage = await openConsulStorage({ place, env, create: true, largestSnapshot: 1_000_000 });
  try {
    const value = Buffer.alloc(240_000, 1);
    for (const name of ['a', 'b', 'c', 'd']) await storage.commit([{ key: key(name), value }]);
    using snapshot = await withSnapshots(storage)?.snapshot();
    expect(snapshot?.records).toBe(4);
    await storage.commit([{ key: key('e'), value }]);
    await expect(withSnapshots(storage)?.snapshot()).rejects.toMatchObject({
      code: 'unsupported_operation',
      message: expect.stringContaining('consul snapshot save'),
    });
    expect((await snapshot?.range('', { limit: 10 }))?.items).toHaveLength(4);
  } finally {
    await storage.close();
  }
});

it('finds its way in a folder of many names, whatever their order was', async () => {
  const storage = await openConsulStorage({ place: parseConsulPlace('consul:wide'), env, create: true });
  try {
    const names = Array.from({ length: 3_000 }, (_, index) => `f/${(index * 7_919) % 3_000}`);
    for (let start = 0; start < names.length; start += 60) {
      await storage.commit(
        names.slice(start, start + 60).map((name) => ({ key: key(name), value: bytes('1') })),
      );
    }
    const sorted = names.toSorted();
    const found: string[] = [];
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await storage.range('f/', { limit: 700, ...(after === undefined ? {} : { after }) });
      found.push(...page.items.map((item) => item.key));
      after = page.next;
    }
    expect(found).toEqual(sorted);
    expect(await storage.children('f/', { limit: 2, after: '2998' })).toEqual({
      items: ['2999', '3'],
      next: '3',
    });
  } finally {
    await storage.close();
  }
});
