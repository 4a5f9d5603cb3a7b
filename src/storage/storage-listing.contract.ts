import { describe, expect, it } from 'vitest';
import { bytes, type CurrentStorage, key } from './opened-storage.ts';
import type { Page, PageRequest, Storage, StorageKey } from './storage.ts';

/** The part of the storage contract that is about order, folders and pages. */
export function listingContract(current: CurrentStorage): void {
  childrenContract(current);
  rangeContract(current);
}

async function fill(storage: Storage, names: readonly string[]): Promise<void> {
  for (let start = 0; start < names.length; start += 64) {
    await storage.commit(
      names.slice(start, start + 64).map((name) => ({ key: key(name), value: bytes(name) })),
    );
  }
}

/** All items of all pages, and the most that one page held. */
async function everyPage<T>(
  limit: number,
  read: (page: PageRequest) => Promise<Page<T>>,
): Promise<{ items: T[]; largest: number }> {
  const items: T[] = [];
  let largest = 0;
  let page: Page<T> = await read({ limit });
  for (;;) {
    items.push(...page.items);
    largest = Math.max(largest, page.items.length);
    if (page.next === undefined) return { items, largest };
    page = await read({ limit, after: page.next });
  }
}

/** In the order of their UTF-8 bytes, which is not that of UTF-16: U+FF58 sorts below U+1D4B3. */
const aroundSlash = ['a', 'a-', 'a-/x', 'a/', 'a/0', 'a/b/c', 'a0', 'b/c'];
const alphabet = ['!', '-', '0', 'A', 'z', '~', 'é', '\ud7ff', '\ue000', 'ｘ', '\uffff', '𝒳', '\u{10ffff}'];

function childrenContract(current: CurrentStorage): void {
  describe('children', () => {
    it('names keys, and folders with a trailing slash, each once and in byte order', async () => {
      const { storage } = current();
      await fill(storage, aroundSlash);
      expect(await storage.children('', { limit: 100 })).toEqual({
        items: ['a', 'a-', 'a-/', 'a/', 'a0', 'b/'],
      });
      expect(await storage.children('a/', { limit: 100 })).toEqual({ items: ['', '0', 'b/'] });
      expect(await storage.children('a/b/', { limit: 100 })).toEqual({ items: ['c'] });
      expect(await storage.children('none/', { limit: 100 })).toEqual({ items: [] });
    });

    it('orders by UTF-8 bytes, astral letters last', async () => {
      const { storage } = current();
      await fill(storage, alphabet.flatMap((letter) => [`x/${letter}`, `x/${letter}/below`]).toReversed());
      expect((await storage.children('x/', { limit: 1000 })).items).toEqual(
        alphabet.flatMap((letter) => [letter, `${letter}/`]),
      );
    });

    it('gives the same in pages of any size, the last without next', async () => {
      const { storage } = current();
      await fill(storage, [...aroundSlash, ...alphabet]);
      const whole = (await storage.children('', { limit: 1000 })).items;
      for (let limit = 1; limit <= whole.length; limit++) {
        const { items, largest } = await everyPage(limit, (page) => storage.children('', page));
        expect(items).toEqual(whole);
        expect(largest).toBe(limit);
      }
      expect((await storage.children('', { limit: whole.length })).next).toBeUndefined();
    });

    it('goes on after a name that is not there (any more)', async () => {
      const { storage } = current();
      await fill(storage, ['d/a', 'd/c/x', 'd/e']);
      const goOn = async (name: string) => (await storage.children('d/', { limit: 10, after: name })).items;
      expect(await goOn('b')).toEqual(['c/', 'e']);
      expect(await goOn('b/')).toEqual(['c/', 'e']);
      expect(await goOn('c')).toEqual(['c/', 'e']);
      expect(await goOn('c/')).toEqual(['e']);
      expect(await goOn('z')).toEqual([]);
    });

    it('refuses a prefix that ends within a name, and texts that no key can hold', async () => {
      const { storage } = current();
      for (const prefix of ['a', 'a/b', 'a\0/', '\ud83d/', `${'a'.repeat(1000)}/`]) {
        await expect(storage.children(prefix, { limit: 1 })).rejects.toMatchObject({
          code: 'invalid_request',
        });
      }
      for (const after of ['a/b', 'a\0', '\ud83d', 'a'.repeat(1001)]) {
        await expect(storage.children('', { limit: 1, after })).rejects.toMatchObject({
          code: 'invalid_request',
        });
      }
    });

    it('reaches every key from the root, and shows no folder that a deletion emptied', async () => {
      const { storage } = current();
      const names = [...aroundSlash, 'deep/er/and/deeper', '/odd', 'odd//double'];
      await fill(storage, names);
      const walk = async (prefix: string): Promise<string[]> => {
        const { items } = await storage.children(prefix, { limit: 1000 });
        const found = items.map((item) => (item.endsWith('/') ? walk(prefix + item) : [prefix + item]));
        return (await Promise.all(found)).flat();
      };
      expect((await walk('')).toSorted()).toEqual(names.toSorted());
      await storage.commit([{ key: key('deep/er/and/deeper'), value: null }]);
      expect((await storage.children('', { limit: 1000 })).items).not.toContain('deep/');
    });
  });
}

function rangeContract(current: CurrentStorage): void {
  describe('range', () => {
    const keysOf = (items: readonly { readonly key: StorageKey }[]) => items.map((item) => item.key);

    it('gives the records whose key starts with the prefix, with value and revision, in byte order', async () => {
      const { storage } = current();
      await fill(storage, [...aroundSlash, ...alphabet]);
      const { items } = await storage.range('a', { limit: 1000 });
      expect(keysOf(items)).toEqual(aroundSlash.filter((name) => name.startsWith('a')));
      for (const item of items) {
        expect(await storage.read(item.key)).toEqual({ value: item.value, revision: item.revision });
      }
      const all = keysOf((await storage.range('', { limit: 1000 })).items);
      expect(all).toEqual(all.toSorted((left, right) => Buffer.compare(bytes(left), bytes(right))));
      expect(await storage.range('nothing', { limit: 10 })).toEqual({ items: [] });
    });

    it('gives the same in pages of any size', async () => {
      const { storage } = current();
      await fill(
        storage,
        aroundSlash.map((name) => `p/${name}`),
      );
      for (let limit = 1; limit <= aroundSlash.length; limit++) {
        const { items, largest } = await everyPage(limit, (page) => storage.range('p/', page));
        expect(keysOf(items)).toEqual(aroundSlash.map((name) => `p/${name}`));
        expect(largest).toBe(limit);
      }
    });

    it('goes on after a key that is not there, and refuses one outside the prefix', async () => {
      const { storage } = current();
      await fill(storage, ['p/a', 'p/c']);
      expect(keysOf((await storage.range('p/', { limit: 10, after: 'p/b' })).items)).toEqual(['p/c']);
      expect(keysOf((await storage.range('p/', { limit: 10, after: 'p/z' })).items)).toEqual([]);
      await expect(storage.range('p/', { limit: 10, after: 'o' })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    });

    it('passes over large records page by page', async () => {
      const { storage } = current();
      const names = Array.from({ length: 24 }, (_, index) => `large/${String(index).padStart(2, '0')}`);
      for (const name of names)
        await storage.commit([{ key: key(name), value: Buffer.alloc(256 * 1024, 1) }]);
      const { items } = await everyPage(1000, (page) => storage.range('large/', page));
      expect(keysOf(items)).toEqual(names);
    });
  });
}
