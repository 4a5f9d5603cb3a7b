import { describe, expect, it } from 'vitest';
import { systemRandom } from '../crypto/random.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import { type Revision, storageLimits } from '../storage/storage.ts';
import { createStore, keyOf, overwrite, present, put, raw, textAt } from './barrier.fixture.ts';
import type { Barrier } from './barrier.ts';
import { recordOverhead } from './record.ts';

async function resealAll(barrier: Barrier): Promise<{ resealed: number; missed: number; damaged: string[] }> {
  const sum = { resealed: 0, missed: 0, damaged: [] as string[] };
  let after: string | undefined;
  do {
    const page = await barrier.resealPage(after, []);
    sum.resealed += page.resealed;
    sum.missed += page.missed;
    sum.damaged.push(...page.damaged);
    after = page.next;
  } while (after !== undefined);
  return sum;
}

describe('re-sealing', () => {
  it('puts every record under the newest term, and changes none', async () => {
    const { barrier, storage, join } = await createStore();
    for (let index = 0; index < 130; index++) await put(barrier, `k/${index}`, `v${index}`);
    await barrier.rotate();
    await put(barrier, 'k/7', 'changed since');
    expect(await resealAll(barrier)).toMatchObject({ resealed: 129, missed: 0, damaged: [] });
    expect(await resealAll(barrier)).toMatchObject({ resealed: 0 });
    const other = await join();
    for (let index = 0; index < 130; index++) {
      expect((await raw(storage, `k/${index}`)).readUInt32BE(1)).toBe(2);
      expect(await textAt(other, `k/${index}`)).toBe(index === 7 ? 'changed since' : `v${index}`);
    }
  });

  it('leaves entries without content as they are', async () => {
    const { barrier, storage } = await createStore();
    await barrier.commit([{ key: keyOf('index/1'), value: 'present' }]);
    await put(barrier, 'k', 'v');
    await barrier.rotate();
    expect(await resealAll(barrier)).toMatchObject({ resealed: 1, damaged: [] });
    expect(await raw(storage, 'index/1')).toEqual(Buffer.of(0));
  });

  it('takes records as large as a record can be', async () => {
    const { barrier, storage } = await createStore();
    const largest = Buffer.alloc(storageLimits.recordBytes - recordOverhead, 7);
    for (const key of ['a', 'b', 'c']) await barrier.commit([{ key: keyOf(key), value: largest }]);
    await barrier.rotate();
    expect(await resealAll(barrier)).toMatchObject({ resealed: 3 });
    for (const key of ['a', 'b', 'c']) {
      expect((await raw(storage, key)).readUInt32BE(1)).toBe(2);
      expect(
        present(await barrier.read(keyOf(key)))
          .open()
          .equals(largest),
      ).toBe(true);
    }
  });

  it('leaves damaged records as they are, and names them', async () => {
    const { barrier, storage } = await createStore();
    for (const key of ['a', 'b', 'c']) await put(barrier, key, key);
    const damaged = await raw(storage, 'b');
    damaged.writeUInt8(damaged.readUInt8(20) ^ 1, 20);
    await overwrite(storage, 'b', damaged);
    await overwrite(storage, 'short', Buffer.from('x'));
    await barrier.rotate();
    expect(await resealAll(barrier)).toMatchObject({
      resealed: 2,
      missed: 0,
      damaged: expect.arrayContaining(['b', 'short']),
    });
    expect((await raw(storage, 'b')).equals(damaged)).toBe(true);
  });

  it('never overwrites what is written meanwhile', async () => {
    const inner = new MemoryStorage();
    let meanwhile: (() => Promise<void>) | undefined;
    const { barrier, join } = await createStore({ storage: racing(inner, () => meanwhile) });
    for (const key of ['a', 'b', 'c']) await put(barrier, key, 'old');
    const node = await join();
    await barrier.rotate();
    meanwhile = async () => {
      meanwhile = undefined;
      await put(node, 'b', 'new');
    };
    expect(await resealAll(barrier)).toMatchObject({ resealed: 2, missed: 1 });
    expect(await textAt(barrier, 'b')).toBe('new');
  });

  it('ends with the duty: a fence that has moved on stops it', async () => {
    const { barrier, storage } = await createStore();
    await put(barrier, 'k', 'v');
    await put(barrier, 'fence', '1');
    await barrier.rotate();
    const stale = { key: keyOf('fence'), revision: 12345 as Revision };
    await expect(barrier.resealPage(undefined, [stale])).rejects.toMatchObject({ code: 'conflict' });
    expect((await raw(storage, 'k')).readUInt32BE(1)).toBe(1);
  });
});

/** Storage before whose commits something else may come. */
function racing(inner: MemoryStorage, before: () => (() => Promise<void>) | undefined): MemoryStorage {
  const commit = inner.commit.bind(inner);
  inner.commit = async (writes, expectations) => {
    if ((expectations?.length ?? 0) > 1) await before()?.();
    return commit(writes, expectations);
  };
  return inner;
}

describe('whoever read a record before it was re-sealed', () => {
  it('is not in conflict', async () => {
    const { barrier, join } = await createStore();
    for (const key of ['a', 'b']) await put(barrier, key, 'old');
    const node = await join();
    const [a, b] = await node.readMany([keyOf('a'), keyOf('b')]);
    await barrier.rotate();
    await resealAll(barrier);
    await node.commit(
      [{ key: keyOf('a'), value: Buffer.from('new') }],
      [
        { key: keyOf('a'), revision: present(a).revision },
        { key: keyOf('b'), revision: present(b).revision },
      ],
    );
    expect(await textAt(barrier, 'a')).toBe('new');
    expect(await textAt(barrier, 'b')).toBe('old');
  });

  it('is in conflict all the same when the record was changed before or after', async () => {
    const { barrier } = await createStore();
    for (const order of ['before', 'after']) {
      await put(barrier, order, 'old');
      const { revision } = present(await barrier.read(keyOf(order)));
      if (order === 'before') await put(barrier, order, 'changed');
      await barrier.rotate();
      await resealAll(barrier);
      if (order === 'after') await put(barrier, order, 'changed');
      const write = { key: keyOf(order), value: Buffer.from('mine') };
      await expect(barrier.commit([write], [{ key: write.key, revision }])).rejects.toMatchObject({
        code: 'conflict',
        key: order,
      });
      expect(await textAt(barrier, order)).toBe('changed');
    }
  });

  it('threat 25: is in conflict when the mark was put there by another hand', async () => {
    const { barrier, storage } = await createStore();
    await put(barrier, 'k', 'old');
    const { revision } = present(await barrier.read(keyOf('k')));
    await put(barrier, 'k', 'changed');
    await barrier.rotate();
    await resealAll(barrier);
    const forged = await raw(storage, 'k');
    expect(forged.readUInt8(0)).toBe(0x81);
    forged.writeBigUInt64BE(BigInt(revision), 5);
    await overwrite(storage, 'k', forged);
    const write = { key: keyOf('k'), value: Buffer.from('mine') };
    await expect(barrier.commit([write], [{ key: write.key, revision }])).rejects.toMatchObject({
      code: 'integrity',
    });
    await expect(barrier.read(keyOf('k')).then((record) => present(record).open())).rejects.toMatchObject({
      code: 'integrity',
    });
  });
});

describe('retiring terms', () => {
  it('keeps their keys for a while, so that what comes late still opens, and drops them then', async () => {
    const { barrier, storage, join } = await createStore();
    await put(barrier, 'k', 'v');
    const late = await raw(storage, 'k');
    await barrier.rotate();
    await resealAll(barrier);
    const node = await join();
    expect((await barrier.newestTerm()).older).toEqual([1]);
    expect(await barrier.retireTerms({ firstInUse: 2, droppedBefore: 0 }, [], [])).toEqual([]);
    expect((await barrier.newestTerm()).older).toEqual([]);
    await overwrite(storage, 'k', late);
    expect(await textAt(await join(), 'k')).toBe('v');
    await resealAll(barrier);
    const epoch = { key: keyOf('core/epoch'), value: Buffer.from('2') };
    const far = Number.MAX_SAFE_INTEGER;
    expect(await barrier.retireTerms({ firstInUse: 2, droppedBefore: far }, [epoch], [])).toEqual([1]);
    await node.reloadKeyring();
    await overwrite(storage, 'k', late);
    for (const each of [barrier, node]) {
      await expect(textAt(each, 'k')).rejects.toMatchObject({ code: 'integrity' });
    }
    expect(await storage.read(keyOf('core/keyring/usage/1'))).toBeUndefined();
    expect(await textAt(barrier, 'core/epoch')).toBe('2');
  });

  it('leaves alone the terms since: another node may have rotated', async () => {
    const { barrier } = await createStore();
    await barrier.rotate();
    await barrier.rotate();
    await barrier.retireTerms({ firstInUse: 2, droppedBefore: 0 }, [], []);
    expect((await barrier.newestTerm()).older).toEqual([2]);
    const far = Number.MAX_SAFE_INTEGER;
    expect(await barrier.retireTerms({ firstInUse: 9, droppedBefore: far }, [], [])).toEqual([1]);
    expect(await barrier.newestTerm()).toMatchObject({ id: 3, older: [] });
  });

  it('threat 25: a keyring from before is refused: dropped terms do not return', async () => {
    const { barrier, storage } = await createStore();
    await barrier.rotate();
    const before = await raw(storage, 'core/keyring');
    await barrier.retireTerms({ firstInUse: 2, droppedBefore: 0 }, [], []);
    await barrier.retireTerms({ firstInUse: 2, droppedBefore: Number.MAX_SAFE_INTEGER }, [], []);
    await overwrite(storage, 'core/keyring', before);
    await expect(barrier.reloadKeyring()).rejects.toMatchObject({ code: 'integrity' });
  });
});

it('the root key is lent, and zeroed after', async () => {
  const { barrier, rootKey } = await createStore({ rootKey: systemRandom.bytes(32) });
  let lent: Buffer | undefined;
  await barrier.withRootKey(async (key) => {
    lent = key;
    expect(key.equals(rootKey)).toBe(true);
  });
  expect(lent?.every((byte) => byte === 0)).toBe(true);
  barrier.seal();
  await expect(barrier.withRootKey(async () => undefined)).rejects.toMatchObject({ code: 'sealed' });
});
