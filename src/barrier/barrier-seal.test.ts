import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import {
  createStore,
  keyOf,
  otherStoreId,
  overwrite,
  present,
  put,
  raw,
  stillClock,
  storeId,
  textAt,
  watched,
} from './barrier.fixture.ts';
import { Barrier } from './barrier.ts';

describe('creating', () => {
  it('writes nothing itself; keyring and first records land in one commit', async () => {
    const storage = new MemoryStorage();
    const rootKey = systemRandom.bytes(32);
    const options = { storage, random: systemRandom, clock: stillClock };
    const creation = Barrier.create({ ...options, rootKey, storeId });
    expect((await storage.children('', { limit: 10 })).items).toEqual([]);
    expect(creation.barrier.sealed).toBe(false);
    const digestKey = creation.barrier.purposeKey('digest');
    const first = creation.encrypt({ key: keyOf('core/mounts'), value: Buffer.from('mounts') });
    await storage.commit([...creation.writes, first], creation.expectations);

    const node = new Barrier(options);
    await node.unseal(rootKey, storeId);
    expect(await textAt(node, 'core/mounts')).toBe('mounts');
    expect(await textAt(creation.barrier, 'core/mounts')).toBe('mounts');
    expect(node.purposeKey('digest').equals(digestKey)).toBe(true);
  });

  it('threat 30: never replaces a keyring that is there', async () => {
    const { storage } = await createStore();
    const before = await raw(storage, 'core/keyring');
    await expect(createStore({ storage })).rejects.toMatchObject({ code: 'conflict' });
    expect((await raw(storage, 'core/keyring')).equals(before)).toBe(true);
  });

  it('refuses to seal its own places, and more than one commit can hold', () => {
    const options = { storage: new MemoryStorage(), random: systemRandom, clock: stillClock };
    const { encrypt } = Barrier.create({ ...options, rootKey: systemRandom.bytes(32), storeId });
    expect(() => encrypt({ key: keyOf('core/keyring'), value: Buffer.alloc(1) })).toThrow('core/keyring');
    const many = () => {
      for (let count = 0; count < 300; count++) encrypt({ key: keyOf('k'), value: Buffer.alloc(1) });
    };
    expect(many).toThrow('more records than fit');
  });
});

describe('unsealing', () => {
  it('tells a wrong root key, a missing keyring and a damaged one apart', async () => {
    const { storage, rootKey } = await createStore();
    const options = { storage, random: systemRandom, clock: stillClock };
    const unseal = (key: Buffer, id = storeId) => new Barrier(options).unseal(key, id);
    await expect(unseal(systemRandom.bytes(32))).rejects.toMatchObject({ code: 'wrong_key' });
    await expect(unseal(rootKey.subarray(1))).rejects.toMatchObject({ code: 'wrong_key' });
    await expect(unseal(Buffer.alloc(0))).rejects.toMatchObject({ code: 'wrong_key' });
    await expect(unseal(rootKey, otherStoreId)).rejects.toMatchObject({ code: 'integrity' });
    const keyring = await raw(storage, 'core/keyring');
    await overwrite(storage, 'core/keyring', keyring.subarray(0, 40));
    await expect(unseal(rootKey)).rejects.toMatchObject({ code: 'integrity' });
    await storage.commit([{ key: keyOf('core/keyring'), value: null }]);
    await expect(unseal(rootKey)).rejects.toMatchObject({ code: 'store_unusable' });
  });

  it('leaves the barrier sealed when it fails, and unsealed when it was', async () => {
    const { storage, barrier, rootKey } = await createStore();
    const node = new Barrier({ storage, random: systemRandom, clock: stillClock });
    await expect(node.unseal(systemRandom.bytes(32), storeId)).rejects.toMatchObject({ code: 'wrong_key' });
    expect(node.sealed).toBe(true);
    await expect(barrier.unseal(systemRandom.bytes(32), storeId)).rejects.toMatchObject({
      code: 'wrong_key',
    });
    expect(barrier.sealed).toBe(false);
    await put(barrier, 'k', 'v');
    const record = present(await barrier.read(keyOf('k')));
    await Promise.all([barrier.unseal(rootKey, storeId), barrier.unseal(rootKey, storeId)]);
    expect(record.open().toString()).toBe('v');
  });

  it('does not keep or change the caller’s root key', async () => {
    const { storage, rootKey } = await createStore();
    const node = new Barrier({ storage, random: systemRandom, clock: stillClock });
    const copy = Buffer.from(rootKey);
    await node.unseal(copy, storeId);
    expect(copy.equals(rootKey)).toBe(true);
    copy.fill(0);
    expect(await node.rotate()).toBe(2);
  });
});

describe('sealing', () => {
  it('makes every call answer `sealed`', async () => {
    const { barrier, join } = await createStore();
    await put(barrier, 'k', 'v');
    const record = present(await barrier.read(keyOf('k')));
    barrier.seal();
    const sealed = { code: 'sealed' };
    expect(barrier.sealed).toBe(true);
    await expect(barrier.read(keyOf('k'))).rejects.toMatchObject(sealed);
    await expect(barrier.readMany([keyOf('k')])).rejects.toMatchObject(sealed);
    await expect(barrier.children('', { limit: 1 })).rejects.toMatchObject(sealed);
    await expect(barrier.range('', { limit: 1 })).rejects.toMatchObject(sealed);
    await expect(put(barrier, 'k', 'w')).rejects.toMatchObject(sealed);
    await expect(barrier.rotate()).rejects.toMatchObject(sealed);
    await expect(barrier.reloadKeyring()).rejects.toMatchObject(sealed);
    expect(() => barrier.purposeKey('digest')).toThrow(expect.objectContaining(sealed));
    expect(() => record.open()).toThrow(expect.objectContaining(sealed));
    expect(await textAt(await join(), 'k')).toBe('v');
  });

  it('keeps shut what was read before, also after the next unseal', async () => {
    const { barrier, rootKey } = await createStore();
    await put(barrier, 'k', 'v');
    const record = present(await barrier.read(keyOf('k')));
    barrier.seal();
    barrier.seal();
    await barrier.unseal(rootKey, storeId);
    expect(() => record.open()).toThrow(expect.objectContaining({ code: 'sealed' }));
    expect(await textAt(barrier, 'k')).toBe('v');
  });

  it('ends what is under way, and writes nothing more', async () => {
    const inner = new MemoryStorage();
    let action: () => void = () => undefined;
    const storage = watched(inner, () => action());
    const { rootKey } = await createStore({ storage });
    const calls: ((barrier: Barrier) => Promise<unknown>)[] = [
      (barrier) => barrier.read(keyOf('k')),
      (barrier) => barrier.readMany([keyOf('k')]),
      (barrier) => barrier.children('', { limit: 1 }),
      (barrier) => barrier.range('', { limit: 1 }),
      // The first commit reserves seals before it seals anything: that is where it is caught.
      (barrier) => put(barrier, 'k', 'v'),
      (barrier) => barrier.rotate(),
      (barrier) => barrier.reloadKeyring(),
    ];
    for (const call of calls) {
      const node = new Barrier({ storage, random: systemRandom, clock: stillClock });
      await node.unseal(rootKey, storeId);
      const before = await raw(inner, 'core/keyring');
      action = () => node.seal();
      await expect(call(node)).rejects.toMatchObject({ code: 'sealed' });
      action = () => undefined;
      expect(await inner.read(keyOf('k'))).toBeUndefined();
      expect((await raw(inner, 'core/keyring')).equals(before)).toBe(true);
    }
  });

  it('is not undone by an unseal that was under way', async () => {
    const inner = new MemoryStorage();
    const { rootKey } = await createStore({ storage: inner });
    const node: Barrier = new Barrier({
      storage: watched(inner, () => node.seal()),
      random: systemRandom,
      clock: stillClock,
    });
    await expect(node.unseal(rootKey, storeId)).rejects.toMatchObject({ code: 'sealed' });
    expect(node.sealed).toBe(true);
  });
});

describe('purpose keys', () => {
  it('are one for each purpose, the same on every node, after rotation, sealing and restarts', async () => {
    const { barrier, rootKey, join } = await createStore();
    const key = barrier.purposeKey('token digest');
    await barrier.rotate();
    barrier.seal();
    await barrier.unseal(rootKey, storeId);
    for (const node of [barrier, await join()]) {
      expect(node.purposeKey('token digest').equals(key)).toBe(true);
      expect(node.purposeKey('token digest ').equals(key)).toBe(false);
      expect(node.purposeKey('').equals(key)).toBe(false);
    }
    const other = await createStore({ rootKey });
    expect(other.barrier.purposeKey('token digest').equals(key)).toBe(false);
  });
});
