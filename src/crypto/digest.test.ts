import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes, hmacSha256, sha256 } from './digest.ts';

describe('digests', () => {
  it('agree with FIPS 180-4’s and RFC 4231’s examples', () => {
    expect(sha256('abc').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(
      hmacSha256(createSecretKey(Buffer.from('Jefe')), 'what do ya want for nothing?').toString('hex'),
    ).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });
});

describe('equalBytes', () => {
  it('threat 25: is equality, for any lengths', () => {
    const array = fc.uint8Array({ maxLength: 4, max: 2 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(array, array, (left, right) => {
        expect(equalBytes(left, right)).toBe(left.equals(right));
        expect(equalBytes(left, Buffer.from(left))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
