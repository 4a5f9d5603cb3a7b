/** What is exported comes back the same, for every format; what a format cannot carry is refused, and never changed to fit. */
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asCofferError } from '../../errors.ts';
import { emptyObject, type JsonObject, type JsonValue } from '../../json.ts';
import { decodeValue, encodeValue, secretOf } from '../../secret-value.ts';
import { encodeMany, type Field, type FlatFormat, type TreeFormat } from './format.ts';
import { type FormatName, loadFormat } from './formats.ts';

/** Text that formats trip over, in pieces that meet each other. */
const hostilePieces = fc.constantFrom(
  ...[
    "'",
    '"',
    '`',
    '\\',
    '$',
    '${',
    '%{',
    '$(',
    '#',
    ' #',
    ' ',
    '\t',
    '\n',
    '\r',
    '\r\n',
    '=',
    ':',
    ': ',
    '- ',
  ],
  ...[
    '---',
    '...',
    '\\n',
    "\\'",
    '\\"',
    '!',
    '&',
    '*',
    '|',
    '>',
    '<<',
    '{',
    '}',
    '[',
    ']',
    ',',
    '?',
    '@',
    '~',
  ],
  ...[
    'null',
    'true',
    'no',
    '0x1',
    '1e3',
    '1_000',
    '.inf',
    '2026-11-22',
    '=',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\u00a0',
  ],
  ...[
    'é',
    'e\u0301',
    '😀',
    '漢',
    '\u202e',
    '\u001b[2J',
    '\u007f',
    'EOF',
    'data:application/octet-stream;base64,',
  ],
);
const hostileText = fc.array(hostilePieces, { maxLength: 12 }).map((pieces) => pieces.join(''));
const anyText = fc.oneof(
  hostileText,
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme' }),
);
const bytes = fc.uint8Array({ maxLength: 60 }).map(encodeValue);
const stored: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: anyText },
  { weight: 1, arbitrary: bytes },
);
const anyValue: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 3, arbitrary: stored },
  {
    weight: 1,
    arbitrary: fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue),
  },
);
const variableName = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/);
const fieldName = fc.oneof(
  variableName,
  hostileText.filter((name) => name !== ''),
  fc.constantFrom('__proto__', 'on', '1', ' a '),
);

function flatFields(value: fc.Arbitrary<JsonValue>): fc.Arbitrary<readonly Field[]> {
  return fc.uniqueArray(fc.record({ name: variableName, value }), {
    selector: ({ name }) => name,
    maxLength: 6,
  });
}

async function flat(name: FormatName): Promise<FlatFormat> {
  const format = await loadFormat(name);
  if (format.kind !== 'flat') throw new Error(`${name} is not flat`);
  return format;
}

async function tree(name: FormatName): Promise<TreeFormat> {
  const format = await loadFormat(name);
  if (format.kind !== 'tree') throw new Error(`${name} is not a tree`);
  return format;
}

/** The text, or undefined where the format says that it cannot carry something. */
function carried(encode: () => string): string | undefined {
  try {
    return encode();
  } catch (error) {
    expect(asCofferError(error).code).toBe('unsupported_operation');
    return undefined;
  }
}

function values(data: JsonObject): unknown {
  return Object.entries(data).map(([name, value]) => {
    const decoded = decodeValue(value);
    return [
      name,
      decoded.kind === 'binary' ? decoded.bytes.toString('hex') : Buffer.from(decoded.text).toString('hex'),
    ];
  });
}

const plain = (fields: readonly Field[]) => JSON.stringify(fields);

describe('flat formats', () => {
  test.each(['dotenv', 'shell', 'tfvars'] as const)('%s: texts come back as they were', async (name) => {
    const format = await flat(name);
    let kept = 0;
    fc.assert(
      fc.property(flatFields(stored), (fields) => {
        const text = carried(() => format.encode(fields));
        if (text === undefined) return;
        kept++;
        expect(plain(format.decode(text))).toBe(plain(fields));
      }),
      { numRuns: 1500 },
    );
    expect(kept).toBeGreaterThan(300);
  });

  test('tfvars: numbers, lists and maps come back too', async () => {
    const format = await flat('tfvars');
    fc.assert(
      fc.property(flatFields(anyValue), (fields) => {
        const text = carried(() => format.encode(fields));
        if (text !== undefined) expect(format.decode(text)).toEqual(fields);
      }),
      { numRuns: 800 },
    );
  });

  test('shell carries every text but NUL and half a surrogate pair', async () => {
    const format = await flat('shell');
    fc.assert(
      fc.property(anyText, (value) => {
        const fits = !value.includes('\0') && value.isWellFormed();
        expect(carried(() => format.encode([{ name: 'a', value }])) !== undefined).toBe(fits);
      }),
    );
  });

  test("dotenv: Node's own parser reads the same, where no carriage return is meant", async () => {
    const format = await flat('dotenv');
    let kept = 0;
    fc.assert(
      fc.property(flatFields(stored), (fields) => {
        const text = carried(() => format.encode(fields));
        if (text === undefined || fields.some(({ value }) => String(value).includes('\r'))) return;
        kept++;
        expect({ ...parseEnv(text) }).toEqual(
          Object.fromEntries(fields.map(({ name, value }) => [name, value])),
        );
      }),
      { numRuns: 1500 },
    );
    expect(kept).toBeGreaterThan(300);
  });
});

describe('trees', () => {
  const data = fc
    .uniqueArray(fc.tuple(fieldName, anyValue), { selector: ([name]) => name, maxLength: 6 })
    .map((fields) => secretOf(fields));

  test.each(['json', 'yaml'] as const)('%s: one secret and several come back', async (name) => {
    const format = await tree(name);
    let kept = 0;
    fc.assert(
      fc.property(data, data, (first, second) => {
        const one = carried(() => format.encodeOne({ name: 'a', data: first }));
        if (one !== undefined) {
          kept++;
          expect(JSON.stringify(format.decodeOne(one))).toBe(JSON.stringify(first));
        }
        const secrets = [
          { name: 'a/b', data: first },
          { name: '漢', data: second },
        ];
        const all = carried(() => encodeMany(format, secrets));
        if (all !== undefined) expect(JSON.stringify(format.decodeMany(all))).toBe(JSON.stringify(secrets));
      }),
      { numRuns: 800 },
    );
    expect(kept).toBeGreaterThan(200);
  });

  test('k8s: bytes come back, and names', async () => {
    const format = await tree('k8s');
    const fields = fc
      .uniqueArray(fc.tuple(fc.stringMatching(/^[-._a-zA-Z0-9]{1,12}$/), stored), {
        selector: ([name]) => name,
        maxLength: 6,
      })
      .map((entries) => secretOf(entries));
    let kept = 0;
    fc.assert(
      fc.property(fields, fields, (first, second) => {
        const secrets = [
          { name: 'app/DB_main', data: first },
          { name: 'b', data: second },
        ];
        const text = carried(() => encodeMany(format, secrets));
        if (text === undefined) return;
        kept++;
        expect(format.decodeMany(text).map(({ name, data }) => [name, values(data)])).toEqual(
          secrets.map(({ name, data }) => [name, values(data)]),
        );
      }),
      { numRuns: 500 },
    );
    expect(kept).toBeGreaterThan(100);
  });

  test('a huge value and an empty one come back from every format', async () => {
    const huge = `${'x\'y"z`\\'.repeat(20_000)}\n漢`;
    for (const name of ['json', 'yaml', 'k8s'] as const) {
      const format = await tree(name);
      const secret = {
        name: 'a',
        data: secretOf([
          ['huge', huge],
          ['empty', ''],
        ]),
      };
      expect(format.decodeOne(format.encodeOne(secret))).toEqual({ huge, empty: '' });
      expect(format.decodeOne(format.encodeOne({ name: 'a', data: emptyObject() }))).toEqual({});
    }
    for (const name of ['shell', 'tfvars'] as const) {
      const format = await flat(name);
      const fields = [
        { name: 'huge', value: huge },
        { name: 'empty', value: '' },
      ];
      expect(format.decode(format.encode(fields))).toEqual(fields);
    }
    const dotenv = await flat('dotenv');
    const fields = [
      { name: 'huge', value: 'x"y\n'.repeat(100_000) },
      { name: 'empty', value: '' },
    ];
    expect(dotenv.decode(dotenv.encode(fields))).toEqual(fields);
  });
});
