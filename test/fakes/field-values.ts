/** What might be sent in a declared field: what it takes, the same in other shapes, and what nobody should send. */
import fc from 'fast-check';
import type { Fields, FieldType } from '../../src/core/endpoint.ts';
import type { JsonObject, JsonValue } from '../../src/json.ts';

/** Texts that have broken programs. */
export const hostileTexts: readonly string[] = [
  '',
  ' ',
  '0',
  '-1',
  '../../etc/passwd',
  '..',
  'a/../b',
  '%2e%2e%2f',
  '*',
  '+',
  '{{identity.entity.name}}',
  `$${'{7*7}'}`,
  "' OR 1=1 --",
  '<script>alert(1)</script>',
  '\u0000',
  'a\nb',
  '\u202e\u200b',
  '\ud800',
  'İı',
  '１２３',
  '😀'.repeat(50),
  'x'.repeat(300),
  'x'.repeat(70_000),
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'root',
  'default',
  'hvs.'.padEnd(28, 'A'),
  '9'.repeat(40),
  '1e999',
  '0x1fffffffffffff',
  '-9223372036854775808',
  'NaN',
  'Infinity',
  '9999999999h',
  '1h-1h',
  '=',
  'a=b=c',
  ',,,',
  '{',
  '[]',
  '{"__proto__":{"a":1}}',
  'path "*" {',
  '0.0.0.0/0',
  '::/999',
];

const hostileValues: readonly JsonValue[] = [
  ...hostileTexts,
  null,
  true,
  0,
  -0,
  -1,
  0.5,
  1e21,
  2 ** 53,
  -(2 ** 63),
  1e308,
  [],
  {},
  [[]],
  [null],
  [{}],
  { '': '' },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as JsonObject,
  Array.from({ length: 300 }, (_, index) => `item-${index}`),
  Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`name-${index}`, index])),
  JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) as JsonValue,
];

const name = fc.constantFrom('a', 'sample', 'b-1', 'default');
const small = fc.integer({ min: 0, max: 300 });

const good: Readonly<Record<FieldType, fc.Arbitrary<JsonValue>>> = {
  string: name,
  int: fc.oneof(small, small.map(String)),
  float: fc.oneof(fc.constantFrom(0.5, 1.25, 7), small.map(String)),
  bool: fc.constantFrom<JsonValue>(true, false, 'true', '0', 1),
  duration: fc.oneof(small, fc.constantFrom('1h', '30m', '90', '2d')),
  list: fc.oneof(fc.array(name, { maxLength: 3 }), name, fc.constant('a,b')),
  ints: fc.oneof(fc.array(small, { maxLength: 3 }), fc.constant('1,2')),
  pairs: fc.oneof(fc.dictionary(name, fc.oneof(name, small)), fc.constant('a=b'), fc.constant('{"a":"b"}')),
  header: fc.dictionary(name, fc.array(name, { maxLength: 2 })),
  object: fc.oneof(fc.dictionary(name, fc.oneof(name, small, fc.constant(null))), fc.constant('{"a":1}')),
  any: fc.oneof(name, small, fc.constant({ a: [1] })),
};

/** Real values by field name, for endpoints that want something that exists. */
export type KnownValues = Readonly<Record<string, readonly JsonValue[]>>;

/** A request's fields: mostly sensible, sometimes with one that is not, sometimes with names that nobody declared. */
export function fieldsFor(fields: Fields, known: KnownValues = {}): fc.Arbitrary<JsonObject> {
  const sensible: Record<string, fc.Arbitrary<JsonValue>> = {};
  const wild: Record<string, fc.Arbitrary<JsonValue>> = {};
  const required: string[] = [];
  for (const [field, spec] of Object.entries(fields)) {
    const real = known[field] ?? [];
    sensible[field] = real.length === 0 ? good[spec.type] : fc.constantFrom(...real);
    wild[field] = fc.oneof(
      good[spec.type],
      fc.constantFrom(...hostileValues),
      fc.jsonValue() as fc.Arbitrary<JsonValue>,
    );
    if (spec.required === true || real.length > 0) required.push(field);
  }
  const undeclared = fc.dictionary(
    fc.constantFrom('zz', '__proto__', 'data', 'toString'),
    fc.constantFrom(...hostileValues),
    {
      maxKeys: 2,
    },
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.record(sensible, { requiredKeys: required }) },
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 3, arbitrary: fc.record(wild, { requiredKeys: [] }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.record(sensible, { requiredKeys: [] }), undeclared)
        .map(([one, two]) => ({ ...two, ...one })),
    },
  ) as fc.Arbitrary<JsonObject>;
}
