/** Trees, searches and the glob, over a safe in memory. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CofferError } from '../errors.ts';
import { findNames, nameMatcher } from './find-names.ts';
import { matchesGlob } from './glob.ts';
import type { PageRequest, SecretSafe } from './secret-safe.ts';
import { drawTree } from './tree.ts';
import { namesIn, secretsBelow } from './walk.ts';

/** Lists by folder, in pages of two. */
function safeOf(folders: Readonly<Record<string, readonly string[] | 'denied'>>) {
  let asked = 0;
  const list = async (folder: string, { after }: PageRequest) => {
    asked++;
    const all = folders[folder] ?? [];
    if (all === 'denied') throw new CofferError('permission_denied', 'permission denied');
    const start = after === undefined ? 0 : all.indexOf(after) + 1;
    const names = all.slice(start, start + 2);
    return { names, next: start + 2 < all.length ? names.at(-1) : undefined };
  };
  return { safe: { list } as Partial<SecretSafe> as SecretSafe, asked: () => asked };
}

async function all(items: AsyncIterable<string>): Promise<readonly string[]> {
  const list: string[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const ui = { paint: (text: string) => text };

test('names come page by page, and no page before it is wanted', async () => {
  const { safe, asked } = safeOf({ '': ['a', 'b', 'c', 'd', 'e'] });
  expect(await all(namesIn(safe, ''))).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(asked()).toBe(3);
  for await (const name of namesIn(safe, '')) if (name === 'b') break;
  expect(asked()).toBe(4);
});

test('a tree is drawn with what may not be listed', async () => {
  const { safe } = safeOf({ '': ['a/', 'b', 'c/'], a: ['x/', 'y'], 'a/x': ['z'], c: 'denied' });
  let denied = 0;
  const drawing = { ui, top: 'secret', depth: 9, denied: () => void denied++ };
  expect(await all(drawTree(safe, '', drawing))).toEqual([
    'secret/',
    '├── a/',
    '│   ├── x/',
    '│   │   └── z',
    '│   └── y',
    '├── b',
    '└── c/',
    '    └── (permission denied)',
  ]);
  expect(denied).toBe(1);
  expect(await all(drawTree(safe, '', { ...drawing, depth: 1 }))).toEqual([
    'secret/',
    '├── a/',
    '├── b',
    '└── c/',
  ]);
});

test('threat 12: a list that names ".", ".." or nothing as a folder leads nowhere else', async () => {
  const { safe } = safeOf({ '': ['../', './', '/', 'a/', '..', 'x\u001b[2J'], a: ['b', '../'] });
  expect(await all(secretsBelow(safe, ''))).toEqual(['a/b', '..', 'x\u001b[2J']);
  const drawn = await all(drawTree(safe, '', { ui, top: 's', depth: 9, denied() {} }));
  expect(drawn.join('')).not.toContain('\u001b');
});

test('a search goes through lists where the safe has none of its own, and passes over what is denied', async () => {
  const { safe } = safeOf({ '': ['App-key', 'a/', 'no/'], a: ['key-1', 'other'], no: 'denied' });
  let denied = 0;
  expect(await all(findNames(safe, '', 'key', () => denied++))).toEqual(['App-key', 'a/key-1']);
  expect(denied).toBe(1);
  const unknown = { ...safe, list: safe.list, finder: { find: async () => undefined } };
  expect(await all(findNames(unknown, 'a', 'key-?', () => {}))).toEqual(['a/key-1']);
});

test('the search of the safe is paged through', async () => {
  const pages = [
    { names: ['a', 'b'], next: 'b' },
    { names: ['c'], next: undefined },
  ];
  const seen: PageRequest[] = [];
  const { safe } = safeOf({});
  const finder = {
    find: async (_folder: string, _pattern: string, page: PageRequest) => {
      seen.push(page);
      return pages[seen.length - 1];
    },
  };
  expect(await all(findNames({ ...safe, finder }, '', 'x', () => {}))).toEqual(['a', 'b', 'c']);
  expect(seen.map(({ after }) => after)).toEqual([undefined, 'b']);
});

test.each([
  ['key', 'web/key-1', true],
  ['key', 'web/Key-1', false],
  ['web', 'web/key', false],
  ['web/', 'web/key', true],
  ['*-key', 'a/b-key', true],
  ['*-key', 'a-key/b', false],
  ['a/*', 'a/b/c', true],
  ['*/token', 'x/y/token', true],
  ['?', 'é', true],
  ['?', 'ab', false],
])('%s on %s: %s', (pattern, name, expected) => {
  expect(nameMatcher(pattern)(name)).toBe(expected);
});

test('the glob agrees with a regular expression', () => {
  const letters = fc.constantFrom('a', 'b', '/', '*', '?');
  const pattern = fc.array(letters, { maxLength: 8 }).map((list) => list.join(''));
  const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 10 }).map((list) => list.join(''));
  fc.assert(
    fc.property(pattern, text, (glob, name) => {
      const source = glob.replace(/[*?]/g, (sign) => (sign === '*' ? '[^]*' : '[^]'));
      expect(matchesGlob(glob, name)).toBe(new RegExp(`^${source}$`).test(name));
    }),
  );
});

test('a hostile pattern takes steps in proportion', () => {
  expect(matchesGlob(`${'*a'.repeat(500)}b`, 'a'.repeat(2_000))).toBe(false);
});
