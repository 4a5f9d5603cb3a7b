import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStore, keyOf, otherStoreId, overwrite, present, put, raw, textAt } from './barrier.fixture.ts';
import type { Barrier } from './barrier.ts';

const canary = 'canary-plaintext-0123456789';

describe('a barrier', () => {
  it('gives back what was written, by every way of reading', async () => {
    const { barrier, join } = await createStore();
    await put(barrier, 'a/1', 'one');
    await put(barrier, 'a/2', 'two');
    await put(barrier, 'a/b/3', '');
    for (const node of [barrier, await join()]) {
      expect(await textAt(node, 'a/1')).toBe('one');
      expect(await textAt(node, 'a/b/3')).toBe('');
      expect(await node.read(keyOf('a/none'))).toBeUndefined();
      const many = await node.readMany([keyOf('a/2'), keyOf('nope'), keyOf('a/1')]);
      expect(many.map((record) => record?.open().toString())).toEqual(['two', undefined, 'one']);
      expect((await node.children('a/', { limit: 10 })).items).toEqual(['1', '2', 'b/']);
      const page = await node.range('a/', { limit: 2 });
      expect(page.items.map((item) => [item.key, item.open().toString()])).toEqual([
        ['a/1', 'one'],
        ['a/2', 'two'],
      ]);
      const next = await node.range('a/', { limit: 2, after: page.next ?? '' });
      expect(next.items.map((item) => item.key)).toEqual(['a/b/3']);
    }
  });

  it('gives back any sequence of writes and deletions, as a map would', async () => {
    const operation = fc.record({
      key: fc.constantFrom('a', 'a/b', 'a/b/c', 'ä/ü', 'z'),
      value: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: null }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 20 }), async (operations) => {
        const { barrier } = await createStore();
        const model = new Map<string, Buffer>();
        for (const { key, value } of operations) {
          const bytes = value === null ? null : Buffer.from(value);
          await barrier.commit([{ key: keyOf(key), value: bytes }]);
          if (bytes === null) model.delete(key);
          else model.set(key, bytes);
        }
        const stored = await barrier.readMany(['a', 'a/b', 'a/b/c', 'ä/ü', 'z'].map(keyOf));
        const expected = ['a', 'a/b', 'a/b/c', 'ä/ü', 'z'].map((key) => model.get(key));
        expect(stored.map((record) => record?.open())).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps what only says that it is there without a seal, and never opens it', async () => {
    const { barrier, storage } = await createStore();
    const before = (await barrier.newestTerm()).seals;
    for (let count = 0; count < 100; count++) {
      await barrier.commit([{ key: keyOf(`index/${count}`), value: 'present' }]);
    }
    expect((await barrier.newestTerm()).seals).toBe(before);
    expect(await raw(storage, 'index/1')).toEqual(Buffer.of(0));
    expect((await barrier.children('index/', { limit: 3 })).items).toEqual(['0', '1', '10']);
    const entry = present(await barrier.read(keyOf('index/1')));
    expect(() => entry.open()).toThrow(expect.objectContaining({ code: 'integrity' }));
    await barrier.commit([{ key: keyOf('index/1'), value: null }], [{ ...entry, key: keyOf('index/1') }]);
    expect(await barrier.read(keyOf('index/1'))).toBeUndefined();
  });

  it('threat 25: takes an entry without content, put where a secret was, for damage', async () => {
    const { barrier, storage } = await createStore();
    await put(barrier, 'secret', 'content');
    await overwrite(storage, 'secret', Buffer.of(0));
    await expect(textAt(barrier, 'secret')).rejects.toMatchObject({ code: 'integrity' });
  });

  it('passes expectations and conflicts through', async () => {
    const { barrier } = await createStore();
    const key = keyOf('counter');
    const [revision] = await barrier.commit([{ key, value: Buffer.from('1') }], [{ key, revision: null }]);
    expect((await barrier.read(key))?.revision).toBe(revision);
    const again = barrier.commit([{ key, value: Buffer.from('2') }], [{ key, revision: null }]);
    await expect(again).rejects.toMatchObject({ code: 'conflict', key });
    expect(await textAt(barrier, 'counter')).toBe('1');
  });

  it('leaves its own records and those in the clear to their owners', async () => {
    const { barrier, storage } = await createStore();
    const before = await raw(storage, 'core/keyring');
    for (const key of ['core/keyring', 'core/keyring/usage/1', 'boot/store', 'boot/slots']) {
      const refused = { code: 'internal', message: expect.stringContaining(key) };
      await expect(put(barrier, key, 'x')).rejects.toMatchObject(refused);
      await expect(barrier.commit([{ key: keyOf(key), value: null }])).rejects.toMatchObject(refused);
      await expect(barrier.rotate([{ key: keyOf(key), value: null }])).rejects.toMatchObject(refused);
    }
    expect((await raw(storage, 'core/keyring')).equals(before)).toBe(true);
    await put(barrier, 'core/keyrings', 'fine');
  });

  it('threat 16: keeps plaintext and root key out of storage', async () => {
    const { barrier, storage, rootKey } = await createStore();
    await put(barrier, 'secret', canary);
    await barrier.rotate([{ key: keyOf('secret/2'), value: Buffer.from(canary) }]);
    const { items } = await storage.range('', { limit: 1000 });
    expect(items.length).toBe(5);
    for (const { value } of items) {
      expect(value.includes(canary)).toBe(false);
      expect(value.includes(rootKey)).toBe(false);
      expect(value.includes(rootKey.toString('base64'))).toBe(false);
    }
  });
});

describe('threat 25: storage that is not trusted', () => {
  const refused = expect.objectContaining({ code: 'integrity' });

  async function refuses(barrier: Barrier, key: string): Promise<void> {
    const record = present(await barrier.read(keyOf(key)));
    expect(() => record.open()).toThrow(refused);
    const [listed] = (await barrier.range(key, { limit: 1 })).items;
    expect(() => present(listed).open()).toThrow(refused);
    const [one] = await barrier.readMany([keyOf(key)]);
    expect(() => present(one).open()).toThrow(refused);
  }

  it('refuses a record with any byte flipped or cut off', async () => {
    const { barrier, storage } = await createStore();
    await put(barrier, 'k', canary);
    const good = await raw(storage, 'k');
    for (let index = 0; index < good.length; index++) {
      const flipped = Buffer.from(good);
      flipped.writeUInt8(flipped.readUInt8(index) ^ 1, index);
      await overwrite(storage, 'k', flipped);
      await refuses(barrier, 'k');
      await overwrite(storage, 'k', good.subarray(0, index));
      await refuses(barrier, 'k');
    }
    await overwrite(storage, 'k', good);
    expect(await textAt(barrier, 'k')).toBe(canary);
  });

  it('refuses two records that were swapped, with warm keys and with cold ones', async () => {
    const { barrier, storage, join } = await createStore();
    await put(barrier, 'mounts/1111/x', 'mine');
    await put(barrier, 'mounts/2222/x', 'theirs');
    const [mine, theirs] = [await raw(storage, 'mounts/1111/x'), await raw(storage, 'mounts/2222/x')];
    await overwrite(storage, 'mounts/1111/x', theirs);
    await overwrite(storage, 'mounts/2222/x', mine);
    for (const node of [barrier, await join()]) {
      await refuses(node, 'mounts/1111/x');
      await refuses(node, 'mounts/2222/x');
    }
  });

  it('refuses a record of another store, also of one with the same keys and names', async () => {
    const one = await createStore();
    const two = await createStore({ id: otherStoreId, rootKey: one.rootKey });
    await put(one.barrier, 'k', 'one');
    await put(two.barrier, 'k', 'two');
    await overwrite(one.storage, 'k', await raw(two.storage, 'k'));
    await refuses(one.barrier, 'k');
  });

  it('refuses a record relabelled to another term', async () => {
    const { barrier, storage } = await createStore();
    await put(barrier, 'k', 'old');
    await barrier.rotate();
    const relabelled = await raw(storage, 'k');
    expect(relabelled.readUInt32BE(1)).toBe(1);
    relabelled.writeUInt32BE(2, 1);
    await overwrite(storage, 'k', relabelled);
    await refuses(barrier, 'k');
    relabelled.writeUInt32BE(0, 1);
    await overwrite(storage, 'k', relabelled);
    await refuses(barrier, 'k');
  });

  it('never opens the keyring or a count as a record', async () => {
    const { barrier } = await createStore();
    await refuses(barrier, 'core/keyring');
  });

  it('notices a keyring that was put back', async () => {
    const { barrier, storage } = await createStore();
    const old = await raw(storage, 'core/keyring');
    await barrier.rotate();
    await overwrite(storage, 'core/keyring', old);
    await expect(barrier.reloadKeyring()).rejects.toMatchObject({ code: 'integrity' });
    await expect(barrier.rotate()).rejects.toMatchObject({ code: 'integrity' });
  });

  it('draws a new nonce each time the same is written at the same place', async () => {
    const { barrier, storage } = await createStore();
    const nonces = new Set<string>();
    for (let count = 0; count < 300; count++) {
      await put(barrier, 'k', 'always the same');
      nonces.add((await raw(storage, 'k')).toString('hex', 5, 17));
    }
    expect(nonces.size).toBe(300);
  });
});
