import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from './random.ts';
import { combineShares, coordinate, splitSecret } from './shamir.ts';

const split = fc
  .integer({ min: 2, max: 12 })
  .chain((shares) =>
    fc.record({ shares: fc.constant(shares), threshold: fc.integer({ min: 2, max: shares }) }),
  );

describe('splitSecret and combineShares', () => {
  it('any threshold of the shares give the key, in any order; one less gives another', async () => {
    await fc.assert(
      fc.asyncProperty(split, fc.nat(), async ({ shares, threshold }, turn) => {
        const key = systemRandom.bytes(32);
        const all = await splitSecret(key, shares, threshold);
        expect(all.map((share) => share.length)).toEqual(Array(shares).fill(33));
        expect(new Set(all.map(coordinate)).size).toBe(shares);
        const turned = [...all.slice(turn % shares), ...all.slice(0, turn % shares)];
        expect((await combineShares(turned.slice(0, threshold))).equals(key)).toBe(true);
        expect((await combineShares(turned)).equals(key)).toBe(true);
        if (threshold > 2) {
          expect((await combineShares(turned.slice(0, threshold - 1))).equals(key)).toBe(false);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('takes 255 shares', async () => {
    const key = systemRandom.bytes(32);
    const shares = await splitSecret(key, 255, 200);
    expect((await combineShares(shares.slice(55))).equals(key)).toBe(true);
  });

  it('with one share, the share is the key', async () => {
    const key = systemRandom.bytes(32);
    const shares = await splitSecret(key, 1, 1);
    expect(shares).toEqual([key]);
    expect(shares[0]).not.toBe(key);
    expect(await combineShares(shares)).toEqual(key);
  });

  it('leaves the key as it was', async () => {
    const key = systemRandom.bytes(32);
    const before = Buffer.from(key);
    await splitSecret(key, 3, 2);
    expect(key.equals(before)).toBe(true);
  });

  it.each([
    [0, 0],
    [1, 0],
    [2, 1],
    [2, 3],
    [256, 2],
    [2.5, 2],
    [Number.NaN, 2],
    [3, -1],
  ])('refuses %d shares with threshold %d', async (shares, threshold) => {
    const key = systemRandom.bytes(32);
    await expect(splitSecret(key, shares, threshold)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('refuses keys that are not 32 bytes', async () => {
    for (const length of [0, 31, 33]) {
      const key = Buffer.alloc(length, 7);
      await expect(splitSecret(key, 3, 2)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('refuses what can’t be shares of one key', async () => {
    const [one, two] = await splitSecret(systemRandom.bytes(32), 2, 2);
    if (one === undefined || two === undefined) throw new Error('two shares expected');
    const zero = Buffer.concat([two.subarray(0, 32), Buffer.alloc(1)]);
    const sets = [[], [one], [one, one], [one, two.subarray(1)], [one, zero], [one, Buffer.alloc(0)]];
    for (const shares of sets) {
      await expect(combineShares(shares)).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});
