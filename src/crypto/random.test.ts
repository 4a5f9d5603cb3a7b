import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Random, randomBase62, randomUuid, systemRandom } from './random.ts';

/** Hands out the given bytes, over and over. */
function repeating(...bytes: number[]): Random {
  let position = 0;
  return {
    bytes: (length) => Buffer.from(Array.from({ length }, () => bytes[position++ % bytes.length] ?? 0)),
  };
}

/** A reproducible stream, so that counting letters can't fail by bad luck. */
function stream(): Random {
  let block = 0;
  return {
    bytes(length) {
      const chunks: Buffer[] = [];
      for (let have = 0; have < length; have += 32) {
        chunks.push(createHash('sha256').update(`block ${block++}`).digest());
      }
      return Buffer.concat(chunks).subarray(0, length);
    },
  };
}

describe('randomBase62', () => {
  it('has the length asked for and only letters and digits', () => {
    for (const length of [0, 1, 24, 1000]) {
      expect(randomBase62(systemRandom, length)).toMatch(new RegExp(`^[0-9A-Za-z]{${length}}$`));
    }
  });

  it('draws bytes again that would favour some letters', () => {
    expect(randomBase62(repeating(248, 255, 0, 61, 62), 4)).toBe('0z00');
  });

  it('gives every letter the same share', () => {
    const counts = new Map<string, number>();
    const drawn = 62 * 2000;
    for (const letter of randomBase62(stream(), drawn)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    expect(counts.size).toBe(62);
    // With a plain modulo the first eight letters would come up 25 % more often than the others.
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(250);
  });
});

describe('randomUuid', () => {
  it('is version 4 with the variant of RFC 9562, whatever the bytes', () => {
    expect(randomUuid(repeating(0))).toBe('00000000-0000-4000-8000-000000000000');
    expect(randomUuid(repeating(255))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
    expect(randomUuid(systemRandom)).not.toBe(randomUuid(systemRandom));
  });
});
