import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJsonObject, type JsonValue } from '../json.ts';
import { applyMergePatch } from './merge-patch.ts';

/** RFC 7396, Appendix A: target, patch, result. */
const published: readonly (readonly [string, string, string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', '{}'],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', 'null', 'null'],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
  ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];

const parse = (text: string) => JSON.parse(text) as JsonValue;

test.each(published)('%s patched with %s is %s', (target, patch, result) => {
  const before = parse(target);
  expect(JSON.stringify(applyMergePatch(before, parse(patch)))).toBe(result);
  expect(JSON.stringify(before)).toBe(target);
});

describe('a merge patch', () => {
  const json = () => fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;

  test('done twice is done once', () => {
    fc.assert(
      fc.property(json(), json(), (target, patch) => {
        const once = applyMergePatch(target, patch);
        expect(JSON.stringify(applyMergePatch(once, patch))).toBe(JSON.stringify(once));
      }),
    );
  });

  test('leaves no null that it brought into an object', () => {
    const holdsNull = (value: JsonValue): boolean =>
      isJsonObject(value) && Object.values(value).some((member) => member === null || holdsNull(member));
    fc.assert(
      fc.property(json(), (patch) => {
        expect(holdsNull(applyMergePatch({}, patch))).toBe(false);
      }),
    );
  });

  test('treats names of the language as names', () => {
    const patch = parse('{"__proto__":{"admin":true},"constructor":"x"}');
    const patched = applyMergePatch(parse('{"a":1}'), patch);
    expect(JSON.stringify(patched)).toBe('{"a":1,"__proto__":{"admin":true},"constructor":"x"}');
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    expect(JSON.stringify(applyMergePatch(patched, parse('{"__proto__":null}')))).toBe(
      '{"a":1,"constructor":"x"}',
    );
  });
});
