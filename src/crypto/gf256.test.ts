import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { combine, split } from 'shamir-secret-sharing';
import { describe, expect, it } from 'vitest';
import { interpolateAtZero, invert, multiply } from './gf256.ts';

const byte = fc.integer({ min: 0, max: 255 });

/** By polynomials over the bits, as one does it on paper. */
function slowProduct(left: number, right: number): number {
  let long = 0;
  for (let bit = 0; bit < 8; bit++) if ((right >> bit) & 1) long ^= left << bit;
  for (let bit = 15; bit >= 8; bit--) if ((long >> bit) & 1) long ^= 0x11b << (bit - 8);
  return long;
}

describe('GF(2^8)', () => {
  it('multiplies as on paper, every byte by every byte', () => {
    for (let left = 0; left < 256; left++) {
      for (let right = 0; right < 256; right++) {
        if (multiply(left, right) !== slowProduct(left, right)) expect.fail(`${left} by ${right}`);
      }
    }
    // FIPS 197 §4.2.
    expect(multiply(0x57, 0x83)).toBe(0xc1);
  });

  it('inverts every byte but 0', () => {
    for (let value = 1; value < 256; value++) expect(multiply(value, invert(value))).toBe(1);
    expect(invert(0)).toBe(0);
  });

  it('is a field', () => {
    fc.assert(
      fc.property(byte, byte, byte, (a, b, c) => {
        expect(multiply(a, b)).toBe(multiply(b, a));
        expect(multiply(a, multiply(b, c))).toBe(multiply(multiply(a, b), c));
        expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c));
      }),
    );
  });
});

it('puts together what the library splits, and as the library does, also from wrong shares', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 0, max: 5 }),
      fc.option(byte, { nil: undefined }),
      async (secret, threshold, more, flipped) => {
        const shares = (await split(new Uint8Array(secret), threshold + more, threshold)).slice(0, threshold);
        const [first] = shares;
        if (flipped !== undefined && first !== undefined) first[0] = flipped;
        const points = shares.map((share) => ({
          x: share.at(-1) ?? 0,
          y: Buffer.from(share.subarray(0, -1)),
        }));
        const together = interpolateAtZero(points);
        expect(together.equals(await combine(shares))).toBe(true);
        if (flipped === undefined) expect(together.equals(secret)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

it('threat 25: uses no table, and nothing that depends on a value decides what is done', () => {
  const source = readFileSync(new URL('./gf256.ts', import.meta.url), 'utf8');
  const arithmetic = source.slice(
    source.indexOf('export function multiply'),
    source.indexOf('export interface'),
  );
  expect(arithmetic).toContain('multiply');
  expect(arithmetic).not.toMatch(/\bif\b|\?|\[|&&|\|\||switch|while/);
});
