import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../crypto/random.ts';
import { sealRootKey, wishForRootKey } from './root-key.ts';

describe('a root key on its way to another worker', () => {
  it('arrives, and is not in what is sent', () => {
    const rootKey = randomBytes(32);
    const wish = wishForRootKey();
    const answer = sealRootKey(wish.publicKey, rootKey, systemRandom);
    expect(Buffer.from(answer.sealed, 'base64').includes(rootKey)).toBe(false);
    expect(wish.open(answer)).toEqual(rootKey);
  });

  it('threat 25: opens for nobody else, and not when a bit is changed', () => {
    const wish = wishForRootKey();
    const answer = sealRootKey(wish.publicKey, randomBytes(32), systemRandom);
    expect(() => wishForRootKey().open(answer)).toThrow('does not open');
    const bytes = Buffer.from(answer.sealed, 'base64');
    const property = fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => wish.open({ ...answer, sealed: changed.toString('base64') })).toThrow('does not open');
    });
    fc.assert(property);
  });
});
