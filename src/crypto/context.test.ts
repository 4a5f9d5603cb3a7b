import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeContext } from './context.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const context = fc.record({
  label: text,
  parts: fc.array(fc.oneof(text, fc.maxSafeNat()), { maxLength: 4 }),
});

describe('encodeContext', () => {
  it('is the documented layout', () => {
    expect(encodeContext('é', [258, '']).toString('hex')).toBe(
      ['01', '00000002', 'c3a9', '02', '0000000000000102', '01', '00000000'].join(''),
    );
  });

  it('threat 25: two different contexts never have the same bytes', () => {
    fc.assert(
      fc.property(context, context, (left, right) => {
        const same = JSON.stringify(left) === JSON.stringify(right);
        const equal = encodeContext(left.label, left.parts).equals(encodeContext(right.label, right.parts));
        expect(equal).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  it('threat 25: moving a boundary, a type or a separator changes the bytes', () => {
    const alike = [
      encodeContext('a', ['b', 'c']),
      encodeContext('a', ['bc', '']),
      encodeContext('a', ['', 'bc']),
      encodeContext('ab', ['c']),
      encodeContext('a', ['b/c']),
      encodeContext('a', ['b\0c']),
      encodeContext('abc', []),
      encodeContext('a', [1]),
      encodeContext('a', ['1']),
      encodeContext('a', ['\0\0\0\0\0\0\0\x01']),
    ].map((bytes) => bytes.toString('hex'));
    expect(new Set(alike).size).toBe(alike.length);
  });

  it('threat 25: no context of the same shape begins another, so what follows can’t be mistaken', () => {
    fc.assert(
      fc.property(text, text, (left, right) => {
        fc.pre(left !== right);
        const [short, long] = [encodeContext(left, []), encodeContext(right, [])].toSorted(
          (a, b) => a.length - b.length,
        );
        expect(long?.subarray(0, short?.length).equals(short ?? Buffer.alloc(0))).toBe(false);
      }),
    );
  });

  it('refuses what could encode ambiguously', () => {
    for (const label of ['\ud800', 'a\udc00b']) {
      expect(() => encodeContext(label, [])).toThrow('well-formed');
    }
    for (const number of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(() => encodeContext('', [number])).toThrow('integer');
    }
  });
});
