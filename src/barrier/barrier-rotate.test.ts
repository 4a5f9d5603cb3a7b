import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import type { Storage, StorageKey } from '../storage/storage.ts';
import { createStore, keyOf, present, put, raw, storeId, textAt, watched } from './barrier.fixture.ts';
import type { Barrier } from './barrier.ts';
import { openKeyring } from './keyring.ts';
import { sealLimit, usageWrite } from './seal-budget.ts';
import type { SealedRecord } from './store.ts';

describe('rotating', () => {
  it('seals under the new term, opens under the old, and carries other writes in its commit', async () => {
    const { barrier, storage, join } = await createStore();
    await put(barrier, 'old', 'before');
    const epoch = { key: keyOf('core/epoch'), value: Buffer.from('2') };
    expect(await barrier.rotate([epoch], [{ key: epoch.key, revision: null }])).toBe(2);
    await put(barrier, 'new', 'after');
    expect((await raw(storage, 'old')).readUInt32BE(1)).toBe(1);
    expect((await raw(storage, 'core/epoch')).readUInt32BE(1)).toBe(2);
    expect((await raw(storage, 'new')).readUInt32BE(1)).toBe(2);
    for (const node of [barrier, await join()]) {
      expect(await textAt(node, 'old')).toBe('before');
      expect(await textAt(node, 'new')).toBe('after');
      expect(await textAt(node, 'core/epoch')).toBe('2');
    }
  });

  it('is whole or not at all', async () => {
    const { barrier, storage } = await createStore();
    const before = await raw(storage, 'core/keyring');
    await put(barrier, 'k', 'v');
    const rotation = barrier.rotate(
      [{ key: keyOf('k'), value: Buffer.from('w') }],
      [{ key: keyOf('k'), revision: null }],
    );
    await expect(rotation).rejects.toMatchObject({ code: 'conflict', key: 'k' });
    expect((await raw(storage, 'core/keyring')).equals(before)).toBe(true);
    await put(barrier, 'k', 'x');
    expect((await raw(storage, 'k')).readUInt32BE(1)).toBe(1);
  });

  it('of two nodes at once succeeds on one, and both go on', async () => {
    const { barrier, join } = await createStore();
    const node = await join();
    const outcomes = await Promise.allSettled([barrier.rotate(), node.rotate()]);
    expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await put(barrier, 'a', '1');
    await put(node, 'b', '2');
    expect(await textAt(node, 'a')).toBe('1');
    expect(await textAt(barrier, 'b')).toBe('2');
  });

  it('is noticed by other nodes when they meet the new term, however they read', async () => {
    const { barrier, storage, join } = await createStore();
    const reads: ((node: Barrier) => Promise<SealedRecord | undefined>)[] = [
      (node) => node.read(keyOf('k')),
      async (node) => (await node.readMany([keyOf('k')]))[0],
      async (node) => (await node.range('k', { limit: 1 })).items[0],
    ];
    for (const read of reads) {
      const node = await join();
      await barrier.rotate();
      await put(barrier, 'k', 'v');
      expect(
        present(await read(node))
          .open()
          .toString(),
      ).toBe('v');
      await put(node, 'own', 'w');
      expect((await raw(storage, 'own')).readUInt32BE(1)).toBe((await raw(storage, 'k')).readUInt32BE(1));
    }
  });

  it('is noticed by reloading, too', async () => {
    const { barrier, storage, join } = await createStore();
    const node = await join();
    await barrier.rotate();
    await node.reloadKeyring();
    await put(node, 'own', 'w');
    expect((await raw(storage, 'own')).readUInt32BE(1)).toBe(2);
  });

  it('is not mistaken for a keyring put back when a slow reload ends after it', async () => {
    const inner = new MemoryStorage();
    let release: () => void = () => undefined;
    let holding = false;
    const storage: Storage = {
      ...watched(inner, () => undefined),
      async read(key: StorageKey) {
        const record = await inner.read(key);
        if (holding) {
          holding = false;
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return record;
      },
    };
    const { barrier } = await createStore({ storage });
    holding = true;
    const slow = barrier.reloadKeyring();
    await new Promise((resolve) => setImmediate(resolve));
    await barrier.rotate();
    release();
    await slow;
    await put(barrier, 'k', 'v');
    expect((await raw(inner, 'k')).readUInt32BE(1)).toBe(2);
  });
});

describe('counting seals', () => {
  it('threat 25: two nodes on one storage never use more seals than are written down', async () => {
    const { barrier, join } = await createStore();
    const node = await join();
    const writes = Array.from({ length: 40 }, (_, index) => ({
      key: keyOf(`k/${index}`),
      value: Buffer.from('v'),
    }));
    let sealed = 0;
    for (let round = 0; round < 20; round++) {
      await Promise.all([barrier.commit(writes), node.commit(writes), node.commit(writes)]);
      sealed += 3 * writes.length;
      const usage = present(await barrier.read(keyOf('core/keyring/usage/1')));
      const { reserved } = JSON.parse(usage.open().toString()) as { reserved: number };
      expect(reserved).toBeGreaterThan(sealed);
    }
  });

  it('costs a deletion and an empty commit nothing', async () => {
    const { storage, join } = await createStore();
    const node = await join();
    const before = await raw(storage, 'core/keyring/usage/1');
    await node.commit([{ key: keyOf('k'), value: null }]);
    await node.commit([]);
    expect((await raw(storage, 'core/keyring/usage/1')).equals(before)).toBe(true);
  });

  it('a used-up term refuses writes, and rotation is the way out', async () => {
    const { storage, rootKey, join } = await createStore();
    const keyring = await raw(storage, 'core/keyring');
    const term = openKeyring(createSecretKey(rootKey), storeId, keyring).newest;
    await storage.commit([usageWrite(systemRandom, term, sealLimit)]);
    const node = await join();
    await expect(put(node, 'k', 'v')).rejects.toMatchObject({ code: 'unavailable' });
    expect(await node.read(keyOf('k'))).toBeUndefined();
    await node.rotate([{ key: keyOf('epoch'), value: Buffer.from('2') }]);
    await put(node, 'k', 'v');
    expect(await textAt(node, 'k')).toBe('v');
  });
});
