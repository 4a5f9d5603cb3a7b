import { describe, expect, it } from 'vitest';
import { chunkGroups, type Output } from './chunk-groups.mjs';

/** A chunk of 1,000 bytes unless told, by what it imports and what it loads later. */
function chunk(
  imports: readonly string[],
  {
    later = [],
    bytes = 1_000,
    entry = false,
  }: { later?: readonly string[]; bytes?: number; entry?: boolean } = {},
): Output {
  const named = (kind: string) => (path: string) => ({ path, kind, external: path.startsWith('node:') });
  return {
    bytes,
    ...(entry ? { entryPoint: 'a file' } : {}),
    imports: [...imports.map(named('import-statement')), ...later.map(named('dynamic-import'))],
  };
}
const entry = (imports: readonly string[], later: readonly string[] = []) =>
  chunk(imports, { later, entry: true });
const groups = (outputs: Readonly<Record<string, Output>>) =>
  chunkGroups(outputs, ['root']).map((paths) => paths.toSorted());

describe('chunks that go into one file', () => {
  it('are those that are loaded together', () => {
    expect(
      groups({
        root: entry([], ['one', 'two']),
        one: entry(['a', 'b']),
        two: entry(['a', 'b']),
        a: chunk([]),
        b: chunk([]),
      }),
    ).toEqual([['a', 'b']]);
  });

  it('are those that most load together, where the others get little in vain', () => {
    const outputs = {
      root: entry([], ['one', 'two', 'three']),
      one: entry(['a', 'b']),
      two: entry(['a', 'b']),
      three: entry(['a']),
      a: chunk([]),
    };
    expect(groups({ ...outputs, b: chunk([]) })).toEqual([['a', 'b']]);
    expect(groups({ ...outputs, b: chunk([], { bytes: 50_000 }) })).toEqual([]);
  });

  it('count what was loaded on the way to an entry', () => {
    const outputs = { root: entry([], ['one']), one: entry(['a'], ['two']), two: entry(['b']) };
    expect(groups({ ...outputs, a: chunk([]), b: chunk([]) })).toEqual([['a', 'b']]);
    // By this way a is not there yet.
    const other = { ...outputs, root: entry([], ['one', 'two']) };
    expect(groups({ ...other, a: chunk([]), b: chunk([], { bytes: 6_000 }) })).toEqual([]);
  });

  it('give a root nothing that it does not load', () => {
    expect(groups({ root: entry(['a'], ['one']), one: entry(['b']), a: chunk([]), b: chunk([]) })).toEqual(
      [],
    );
    expect(groups({ root: entry(['a', 'b']), a: chunk([]), b: chunk([]) })).toEqual([['a', 'b']]);
  });

  it('bring nobody a module of the platform that was not asked for, nor a third file', () => {
    const outputs = {
      root: entry([], ['one', 'two']),
      one: entry(['a', 'b']),
      two: entry(['a']),
      a: chunk([]),
      c: chunk([], { bytes: 90_000 }),
    };
    expect(groups({ ...outputs, b: chunk(['node:fs']) })).toEqual([['a', 'b']]);
    expect(groups({ ...outputs, b: chunk(['node:crypto']) })).toEqual([]);
    expect(groups({ ...outputs, b: chunk(['c']) })).toEqual([['b', 'c']]);
  });

  it('never come to import a file that imports them', () => {
    const between = { root: entry([], ['one']), one: entry(['a']), a: chunk(['x']), b: chunk([]) };
    expect(groups({ ...between, x: { ...chunk(['b']), entryPoint: 'loaded by name as well' } })).toEqual([]);
    expect(groups({ ...between, x: chunk(['b']) })).toEqual([['a', 'b', 'x']]);
  });

  it('are never entries, which are imported by name', () => {
    expect(groups({ root: entry([], ['one']), one: entry(['two']), two: entry([]) })).toEqual([]);
  });
});
