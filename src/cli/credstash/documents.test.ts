import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvRows } from '../credsmash/csv-rows.ts';
import { readYaml } from '../format/yaml-text.ts';
import { csvDocument, dotenvDocument, jsonDocument, yamlDocument } from './documents.ts';

const pairs = fc.uniqueArray(
  fc.tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' })),
  {
    selector: ([name]) => name,
    maxLength: 5,
  },
);

describe('documents', () => {
  it('in JSON are what Python writes', () => {
    expect(jsonDocument([])).toBe('{}');
    expect(
      jsonDocument([
        ['b', 'ü🔑\u007f\u0001\n"\\'],
        ['a', ''],
      ]),
    ).toBe('{\n    "a": "",\n    "b": "\\u00fc\\ud83d\\udd11\\u007f\\u0001\\n\\"\\\\"\n}');
  });

  it('come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async (all) => {
        const wanted = new Map(all);
        expect(new Map(Object.entries(JSON.parse(jsonDocument(all))))).toEqual(wanted);
        expect(new Map(csvRows(csvDocument(all, '\r\n'), 'x'))).toEqual(wanted);
        expect(new Map(Object.entries(readYaml(await yamlDocument(all))[0] ?? {}))).toEqual(wanted);
      }),
    );
  });

  it('in dotenv have quotes that carry the value, or are refused', () => {
    expect(dotenvDocument([['a.b', '$x\n"']])).toBe("A.B='$x\n\"'\n");
    expect(dotenvDocument([['one', "it's"]])).toBe('ONE="it\'s"\n');
    expect(() => dotenvDocument([['one', `it's $x`]])).toThrow('dotenv has no way to write the value of one');
  });
});

it.each(['a\nLD_PRELOAD', 'a=b', '$(touch x)', '`id`', 'a b', "a'", 'a;id', 'a#', 'a\u2028b', ''])(
  'threat 22: dotenv takes no name %j, which would be more than a name',
  (name) => {
    expect(() => dotenvDocument([[name, '1']])).toThrow('no way to write the name');
  },
);

it('dotenv takes the names that people give', () => {
  const names = ['a.b', 'app/db', 'team:x@y', 'größe', 'a-b_c+d'];
  expect(dotenvDocument(names.map((name) => [name, '1']))).toBe(
    "A.B='1'\nAPP/DB='1'\nTEAM:X@Y='1'\nGRÖSSE='1'\nA-B_C+D='1'\n",
  );
});

describe('rows of CSV', () => {
  it.each([
    [
      'a,1\nb,2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['a,1,more\r\n\r\n', [['a', '1']]],
    ['"a ""x""","1\n2"\n', [['a "x"', '1\n2']]],
    ['a,', [['a', '']]],
    ['', []],
  ])('%j', (text, wanted) => expect(csvRows(text, 'x')).toEqual(wanted));
  it.each(['a', 'a,"b', 'a,b"c', '"a"b,c'])('%j is refused', (text) =>
    expect(() => csvRows(text, 'x')).toThrow('line 1'),
  );
});
