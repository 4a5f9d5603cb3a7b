import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { locateJsonKeys } from './json-keys.ts';
import type { KeyPath } from './key-places.ts';
import { locateTomlKeys } from './toml-keys.ts';

/** Every path of a parsed document, with those of elements. */
function pathsOf(value: unknown, path: KeyPath = []): readonly KeyPath[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, each]) =>
      pathsOf(each, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

const sorted = (paths: readonly KeyPath[]) => paths.map((path) => JSON.stringify(path)).toSorted();

const name = fc
  .oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,6}$/), fc.string({ maxLength: 6 }))
  .filter((key) => key !== '__proto__');
const leaf = fc.oneof(
  fc.integer({ min: -1e6, max: 1e6 }),
  fc.boolean(),
  fc.string({ maxLength: 12 }),
  fc.constant('"""#[x]=\n'),
  fc.constant("'''"),
);
const { tree } = fc.letrec<{ tree: Record<string, unknown>; node: unknown }>((tie) => ({
  tree: fc.dictionary(name, tie('node'), { maxKeys: 4 }),
  node: fc.oneof(
    { depthSize: 'small' },
    leaf,
    tie('tree'),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.array(leaf, { maxLength: 3 }),
  ),
}));

describe('keys of TOML', () => {
  it('are found at exactly the paths that the parser gives', () => {
    fc.assert(
      fc.property(tree, (document) => {
        const text = stringify(document);
        const wanted = sorted(pathsOf(parse(text)).filter((path) => path.length > 0));
        expect(sorted(locateTomlKeys(text).paths())).toEqual(wanted);
      }),
    );
  });

  it('are found in every form that a person may write', () => {
    const text = [
      '# a = 1',
      'a . "b c".d = """',
      'x = 1 # no key',
      'quotes: "" """"',
      "'k=v' = '''",
      "[not.a.table]''''",
      't = [ # comment ]',
      '  { x = 1, y.z = [1, 2] }, # }',
      '  { x = "]" } ]',
      '[ e . f ]',
      'at = 1979-05-27 07:32:00',
      '[[e.g]]',
      'one = 1',
      '[[e.g]]',
      'one = 2',
      '[e.g.deep]',
      'two = {}',
    ].join('\n');
    const keys = locateTomlKeys(text);
    expect(sorted(keys.paths())).toEqual(sorted(pathsOf(parse(text)).filter((path) => path.length > 0)));
    expect(keys.of(['a', 'b c', 'd'])).toEqual({ line: 2, column: 11 });
    expect(keys.of(['t', 0, 'y', 'z', 1])).toEqual({ line: 8, column: 22 });
    expect(keys.of(['e', 'g', 1, 'one'])).toEqual({ line: 15, column: 1 });
    expect(keys.of(['e', 'g', 1, 'deep', 'two'])).toEqual({ line: 17, column: 1 });
    expect(keys.of(['e', 'g', 1, 'absent'])).toEqual({ line: 14, column: 5 });
    expect(keys.of(['nowhere'])).toEqual({ line: 1, column: 1 });
  });

  it('are found with line ends of both kinds', () => {
    expect(locateTomlKeys('a = 1\r\nb = 2\r\n').of(['b'])).toEqual({ line: 2, column: 1 });
  });
});

describe('keys of JSON', () => {
  it('are found at exactly the paths that the parser gives', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom(0, 2), (document, indent) => {
        const text = JSON.stringify(document, null, indent);
        const { places, fault, repeated } = locateJsonKeys(text);
        expect([fault, repeated]).toEqual([undefined, []]);
        expect(sorted(places.paths())).toEqual(sorted(pathsOf(document).filter((path) => path.length > 0)));
      }),
    );
  });

  it('and the platform’s parser agree on what is JSON', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\u00',
      '"',
      '1',
      '01',
      '-',
      '1e5',
      'true',
      'nul',
      ' ',
      '\n',
      '\t',
      '\u0001',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const text = pieces.join('');
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        expect(locateJsonKeys(text).fault === undefined).toBe(valid);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['{\n  "a": 1,\n}', { line: 3, column: 1 }, 'expected a name in double quotes'],
    ['{\n  "a": tru }', { line: 2, column: 8 }, 'expected a value'],
    ['{"a": 1} x', { line: 1, column: 10 }, 'nothing may follow the closing brace'],
    ['{"a" 1}', { line: 1, column: 6 }, 'expected ":"'],
    ['', { line: 1, column: 1 }, 'expected a value'],
  ])('says where it stops being JSON: %j', (text, place, message) => {
    expect(locateJsonKeys(text).fault).toEqual({ place, message });
  });

  it('names a key that is there twice, and refuses what nests without end', () => {
    expect(locateJsonKeys('{"a": 1,\n "a": 2}').repeated).toEqual([
      { place: { line: 2, column: 2 }, message: '"a" is there twice' },
    ]);
    expect(locateJsonKeys('['.repeat(200_000)).fault?.message).toBe('nested too deeply');
  });
});
