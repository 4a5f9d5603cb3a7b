import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CofferError } from '../errors.ts';
import type { JsonValue } from '../json.ts';
import type { FieldType } from './endpoint.ts';
import { coerceFields } from './field.ts';

function coerce(type: FieldType, value: JsonValue): unknown {
  return coerceFields({ f: { type, help: '' } }, { f: value }).values['f'];
}

describe('a field takes what Vault’s clients send', () => {
  it.each<[FieldType, JsonValue, unknown]>([
    ['string', 'a', 'a'],
    ['string', 4, '4'],
    ['string', true, 'true'],
    ['string', '', ''],
    ['int', 4, 4],
    ['int', '4', 4],
    ['int', ' 4 ', 4],
    ['int', '0x1F', 31],
    ['int', '-3', -3],
    ['int', true, 1],
    ['float', 1.5, 1.5],
    ['float', '1.5', 1.5],
    ['float', ' .5e1 ', 5],
    ['float', '4', 4],
    ['float', '0x10', 16],
    ['float', true, 1],
    ['header', { 'X-A': 'b', 'x-a': ['c', 4] }, { 'x-a': ['b', 'c', '4'] }],
    ['header', '{"A":"b"}', { a: ['b'] }],
    ['header', Buffer.from('{"A":["b","c"]}').toString('base64'), { a: ['b', 'c'] }],
    ['header', Buffer.from('{"A":"?>?>"}').toString('base64url'), { a: ['?>?>'] }],
    ['header', '', {}],
    ['bool', true, true],
    ['bool', 'true', true],
    ['bool', 't', true],
    ['bool', '1', true],
    ['bool', 1, true],
    ['bool', 'False', false],
    ['bool', '0', false],
    ['bool', 0, false],
    ['duration', 90, 90],
    ['duration', '90', 90],
    ['duration', '1h30m', 5_400],
    ['duration', '2d', 172_800],
    ['duration', '', 0],
    ['list', 'a, b,,c ', ['a', 'b', 'c']],
    ['list', ['a', ' b ', 3], ['a', 'b', '3']],
    ['list', 'a', ['a']],
    ['list', '', []],
    ['list', [], []],
    ['ints', '1, 2', [1, 2]],
    ['ints', [1, '2'], [1, 2]],
    ['ints', 3, [3]],
    ['object', { a: 1 }, { a: 1 }],
    ['object', '{"a": 1}', { a: 1 }],
    ['any', [1, { a: null }], [1, { a: null }]],
  ])('%s: %j is %j', (type, sent, read) => {
    expect(coerce(type, sent)).toEqual(read);
  });

  it.each<[JsonValue, Record<string, string>]>([
    [
      { a: 1, b: true, c: 'x' },
      { a: '1', b: 'true', c: 'x' },
    ],
    ['a=1', { a: '1' }],
    [['a=1', 'b=x=y'], { a: '1', b: 'x=y' }],
    ['{"a": "1"}', { a: '1' }],
    [{}, {}],
  ])('pairs: %j is %j', (sent, read) => {
    expect({ ...(coerce('pairs', sent) as object) }).toEqual(read);
  });

  it.each<[FieldType, JsonValue]>([
    ['string', {}],
    ['string', ['a']],
    ['int', '4x'],
    ['int', 1.5],
    ['int', ''],
    ['int', '9'.repeat(30)],
    ['int', {}],
    ['bool', 'yes'],
    ['bool', 2],
    ['bool', ''],
    ['duration', '-1h'],
    ['duration', -1],
    ['duration', 'soon'],
    ['duration', '1000000h'],
    ['duration', {}],
    ['list', [{}]],
    ['list', {}],
    ['ints', 'a'],
    ['ints', [1.5]],
    ['pairs', 'a'],
    ['pairs', '=b'],
    ['pairs', { a: {} }],
    ['pairs', { a: null }],
    ['pairs', [1]],
    ['object', 'text'],
    ['object', '[1]'],
    ['object', []],
    ['object', 1],
  ])('%s: not %j', (type, sent) => {
    expect(() => coerce(type, sent)).toThrow(CofferError);
  });
});

describe('fields', () => {
  const fields = {
    count: { type: 'int', help: '' },
    name: { type: 'string', help: '', required: true, aliases: ['old_name', 'older_name'] },
  } as const;

  it('are undefined when absent or null, and refused when they are needed', () => {
    expect(coerceFields(fields, { name: 'a', count: null }).values).toEqual({ name: 'a' });
    expect(() => coerceFields(fields, { count: 1 })).toThrow('missing field "name"');
    expect(() => coerceFields(fields, { name: null })).toThrow('missing field "name"');
  });

  it('have older names, and the new one wins', () => {
    expect(coerceFields(fields, { older_name: 'b' }).values['name']).toBe('b');
    expect(coerceFields(fields, { old_name: 'b', name: 'a' }).values['name']).toBe('a');
  });

  it('tell all problems together, and never a value', () => {
    const sent = { count: 'secret-value', old_name: { x: 'secret-value' } };
    expect(() => coerceFields(fields, sent)).toThrow(/^Field validation failed: .*count.*; .*name/);
    expect(() => coerceFields(fields, sent)).not.toThrow(/secret-value/);
  });

  it('that are not declared are named', () => {
    expect(coerceFields(fields, { name: 'a', old_name: 'b', x: 1, y: 2 }).unknown).toEqual(['x', 'y']);
  });

  it('called like a member of every object are only fields', () => {
    const sent = JSON.parse('{"name": "a", "__proto__": {"count": 7}, "constructor": 1}') as Record<
      string,
      JsonValue
    >;
    const { values, unknown } = coerceFields(fields, sent);
    expect(values['count']).toBeUndefined();
    expect(unknown).toEqual(['__proto__', 'constructor']);
    expect(coerceFields({ toString: { type: 'string', help: '' } } as const, {}).values).toEqual({});
  });

  it('of any JSON are read or refused with a coded error, never otherwise', () => {
    const types: readonly FieldType[] = [
      'string',
      'int',
      'bool',
      'duration',
      'list',
      'ints',
      'pairs',
      'object',
      'any',
    ];
    fc.assert(
      fc.property(fc.constantFrom<FieldType[]>(...types), fc.jsonValue(), (type, value) => {
        try {
          coerce(type, value as JsonValue);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_request' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
