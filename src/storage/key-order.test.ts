import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareKeys } from './key-order.ts';

it('orders as the UTF-8 bytes do', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '/', '0', 'é', '\ud7ff', '\ue000', '\uffff', '𝒳', '\u{10ffff}'),
  });
  fc.assert(
    fc.property(text, text, (left, right) => {
      expect(Math.sign(compareKeys(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
    }),
    { numRuns: 2000 },
  );
});
