import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictObject } from './strict-json.ts';

const parse = (text: string) => parseStrictObject(Buffer.from(text), 'it');

describe('strict JSON', () => {
  it('reads what JSON.parse reads, where no name is twice', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 6 }), { maxKeys: 5 }), (value) => {
        const text = JSON.stringify(value);
        expect(parse(text)).toEqual(JSON.parse(text));
        expect(parse(JSON.stringify(value, null, 3))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses any name that is twice in one object, however it is spelled', () => {
    const escaped = (name: string) =>
      [...Array(name.length).keys()]
        .map((at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`)
        .join('');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (name, escapes) => {
        const again = escapes ? `"${escaped(name)}"` : JSON.stringify(name);
        expect(() => parse(`{${JSON.stringify(name)}:1,"x${again.slice(1)}:{},${again}:2}`)).toThrow(
          /name twice/,
        );
      }),
    );
  });

  it.each([
    '{"a":{"b":1},"c":{"b":1}}',
    '{"a":[{"b":1},{"b":1}]}',
    '{"a":"\\"a\\":1,","b":"{"}',
    '{"a":"a"}',
  ])('does not take values and other objects for names: %s', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it('keeps names that mean something elsewhere as names', () => {
    const read = parse('{"__proto__":{"admin":true},"constructor":1}');
    expect(Object.hasOwn(read, '__proto__')).toBe(true);
    expect((read as { admin?: boolean }).admin).toBeUndefined();
  });

  it('threat 16: repeats nothing of what it refuses', () => {
    for (const text of ['{"secret":', 'secret', '["secret"]', '{"secret":1,"secret":2}']) {
      expect(() => parse(text)).toThrow(/^it /);
    }
  });
});
