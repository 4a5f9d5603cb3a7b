import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShortMac } from './short-mac.ts';

/** Keys and texts of RFC 4231 §4 that are text, with what they give. */
const vectors = [
  {
    key: Buffer.alloc(20, 0x0b),
    text: 'Hi There',
    hex: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  },
  {
    key: Buffer.from('Jefe'),
    text: 'what do ya want for nothing?',
    hex: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  },
  {
    key: Buffer.alloc(131, 0xaa),
    text: 'Test Using Larger Than Block-Size Key - Hash Key First',
    hex: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  },
];

describe('the HMAC of a short message', () => {
  it.each(vectors)('is that of RFC 4231: $text', ({ key, text, hex }) => {
    const mac = new ShortMac(createSecretKey(key));
    expect(mac.ofText(text, 'hex')).toBe(hex);
    expect(mac.ofText(text, 'base64url')).toBe(Buffer.from(hex, 'hex').toString('base64url'));
  });

  it('is the platform’s, of every text under every key, whatever came before', () => {
    const letters = fc.string({ unit: 'binary', maxLength: 400 });
    const texts = fc.array(
      fc.oneof(
        letters,
        letters.map((text) => `${text}\ud800`),
      ),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), texts, (bytes, several) => {
        const key = createSecretKey(bytes);
        const mac = new ShortMac(key);
        for (const text of several) {
          expect(mac.ofText(text, 'hex')).toBe(createHmac('sha256', key).update(text).digest('hex'));
        }
      }),
    );
  });

  it('of bytes is the platform’s too, up to any length, and one message leaves nothing to the next', () => {
    const bytes = fc.uint8Array({ maxLength: 1_200 }).map((each) => Buffer.from(each));
    const messages = fc.array(fc.tuple(bytes, fc.constantFrom(Buffer.of(1), Buffer.alloc(0))), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), messages, (secret, several) => {
        const key = createSecretKey(secret);
        const mac = new ShortMac(key);
        for (const [message, last] of several) {
          const theirs = createHmac('sha256', key).update(message).update(last).digest('hex');
          expect(mac.ofBytes(message, last).toString('hex')).toBe(theirs);
          expect(mac.ofText('a', 'hex')).toBe(createHmac('sha256', key).update('a').digest('hex'));
        }
      }),
    );
  });

  it('is as right at the border of the short way and beyond, also where each letter takes three bytes', () => {
    const key = createSecretKey(Buffer.alloc(32, 1));
    const mac = new ShortMac(key);
    for (const length of [0, 1, 340, 341, 342, 10_000]) {
      for (const text of ['a'.repeat(length), '€'.repeat(length)]) {
        expect(mac.ofText(text, 'hex')).toBe(createHmac('sha256', key).update(text).digest('hex'));
      }
    }
  });
});
