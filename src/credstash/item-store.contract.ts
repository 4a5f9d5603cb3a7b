/** What every item store does: the promises of `item-store.ts`, asked of a store of its own for each test. */
import { beforeEach, describe, expect, it, type TestContext } from 'vitest';
import type { Item } from './item.ts';
import type { ItemStore } from './item-store.ts';

/** @param open an empty store; undefined, or skipping the test, where there is none to be had */
export function itemStoreContract(kind: string, open: (context: TestContext) => Promise<ItemStore>): void {
  describe(`an item store: ${kind}`, () => {
    let store: ItemStore;
    beforeEach(async (context) => {
      store = await open(context);
    });

    const item = (name: string, version: string, more: Item = {}): Item => ({
      name: { S: name },
      version: { S: version },
      contents: { B: Buffer.from([0, 1, 255]) },
      key: { B: Buffer.from('wrapped') },
      created: { N: '1795000000000' },
      ...more,
    });
    const versionsOf = async (items: AsyncIterable<Item>) =>
      (await gathered(items)).map(({ version }) => version?.S);

    it('writes an item once, and reads it as it was written', async () => {
      const written = item('a', '1', { context_keys: { SS: ['env'] }, shape: { S: 'map' } });
      expect(await store.create(written)).toBe('created');
      expect(await store.create(item('a', '1', { shape: { S: 'bare' } }))).toBe('exists');
      expect(plain(await store.read({ name: 'a', version: '1' }))).toEqual(plain(written));
      expect(await store.read({ name: 'a', version: '2' })).toBeUndefined();
      expect(await store.read({ name: 'A', version: '1' })).toBeUndefined();
    });

    it('has the versions of a name by their bytes, the greatest first', async () => {
      for (const version of ['0002', '2', '0010', 'v5', '!', 'ü']) await store.create(item('a', version));
      await store.create(item('ab', '9'));
      expect(await versionsOf(store.versions('a', 'head'))).toEqual(['ü', 'v5', '2', '0010', '0002', '!']);
      expect(await versionsOf(store.versions('a', 'whole', 1))).toContain('ü');
      expect(await versionsOf(store.versions('b', 'head'))).toEqual([]);
    });

    it('gives heads without ciphertext and key, and whole items with them', async () => {
      await store.create(item('a', '1', { deleted: { N: '5' } }));
      for (const heads of [store.versions('a', 'head'), store.scan('head')]) {
        const [head] = await gathered(heads);
        expect(Object.keys(head ?? {}).toSorted()).toEqual(['created', 'deleted', 'name', 'version']);
      }
      for (const whole of [store.versions('a', 'whole'), store.scan('whole')]) {
        expect(Object.keys((await gathered(whole))[0] ?? {})).toContain('contents');
      }
    });

    it('gives everything, however many pages that is', async () => {
      const large = { contents: { B: Buffer.alloc(150_000, 7) } };
      for (let index = 0; index < 16; index++) await store.create(item(`n${index % 4}`, `${index}`, large));
      expect(await gathered(store.scan('whole'))).toHaveLength(16);
      expect(await gathered(store.versions('n1', 'whole'))).toHaveLength(4);
      const keys = Array.from({ length: 16 }, (_, index) => ({ name: `n${index % 4}`, version: `${index}` }));
      const many = await store.readMany([...keys, { name: 'none', version: '1' }]);
      expect(many.map(({ version }) => Number(version?.S)).toSorted((a, b) => a - b)).toEqual(
        keys.map((_, index) => index),
      );
      expect(await store.readMany([])).toEqual([]);
    });

    it('changes an item only if it is as expected', async () => {
      const key = { name: 'a', version: '1' };
      await store.create(item('a', '1'));
      const mark = { set: { deleted: { N: '5' } } };
      expect(await store.change(key, mark, { deleted: undefined })).toBe(true);
      expect(await store.change(key, mark, { deleted: undefined })).toBe(false);
      expect(await store.change(key, { remove: ['deleted'] }, { deleted: { N: '6' } })).toBe(false);
      expect(await store.change(key, { remove: ['deleted', 'key'] }, { deleted: { N: '5' } })).toBe(true);
      expect(Object.keys((await store.read(key)) ?? {}).toSorted()).toEqual([
        'contents',
        'created',
        'name',
        'version',
      ]);
      expect(await store.change({ name: 'a', version: '2' }, mark, { deleted: undefined })).toBe(false);
      expect(await store.read({ name: 'a', version: '2' })).toBeUndefined();
    });

    it('removes an item, and does not mind one that is gone', async () => {
      await store.create(item('a', '1'));
      await store.create(item('a', '2'));
      await store.remove({ name: 'a', version: '1' });
      await store.remove({ name: 'a', version: '1' });
      expect(await versionsOf(store.versions('a', 'head'))).toEqual(['2']);
    });

    it('takes names of any characters', async () => {
      const names = ['a\nb', '@x', '../..', 'ünï\u{1f511}', ' ', 'x'.repeat(1_000)];
      for (const name of names) expect(await store.create(item(name, '1'))).toBe('created');
      expect(await gathered(store.scan('head'))).toHaveLength(names.length);
      for (const name of names) expect(await store.read({ name, version: '1' })).toBeDefined();
    });

    it('of writers at once lets one create a key', async () => {
      const outcomes = await Promise.all(Array.from({ length: 6 }, () => store.create(item('a', '1'))));
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    });
  });
}

async function gathered(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Bytes of whichever class they are. */
function plain(item: Item | undefined): unknown {
  return Object.fromEntries(
    Object.entries(item ?? {}).map(([name, { B, ...rest }]) => [
      name,
      B === undefined ? rest : Buffer.from(B).toString('hex'),
    ]),
  );
}
