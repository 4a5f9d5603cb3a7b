import { createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveKey, expand } from './hkdf.ts';

/** RFC 5869 appendix A: pseudorandom key, info, and the first 32 bytes of the output. */
const published = [
  {
    name: 'A.1',
    prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf',
  },
  {
    name: 'A.3',
    prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
    info: '',
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  },
];

describe('expand', () => {
  it.each(published)('agrees with RFC 5869 $name', ({ prk, info, okm }) => {
    const key = createSecretKey(Buffer.from(prk, 'hex'));
    expect(expand(key, Buffer.from(info, 'hex')).toString('hex')).toBe(okm);
    expect(deriveKey(key, Buffer.from(info, 'hex')).export().toString('hex')).toBe(okm);
  });

  it('agrees with the platform’s whole HKDF after its extract step', () => {
    const array = () => fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(array(), array(), array(), (input, salt, info) => {
        const prk = createSecretKey(createHmac('sha256', salt).update(input).digest());
        const whole = Buffer.from(hkdfSync('sha256', input, salt, info, 32));
        expect(expand(prk, info).equals(whole)).toBe(true);
      }),
    );
  });
});
