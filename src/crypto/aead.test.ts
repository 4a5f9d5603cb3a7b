import { createDecipheriv, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CofferError } from '../errors.ts';
import { aeadOverhead, openAead, sealAead } from './aead.ts';
import { systemRandom } from './random.ts';

const key = createSecretKey(systemRandom.bytes(32));
const aad = Buffer.from('the place it belongs to');
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

function refusal(sealed: Buffer, withAad = aad, withKey = key): CofferError {
  try {
    openAead(withKey, sealed, withAad);
  } catch (error) {
    if (error instanceof CofferError) return error;
    throw error;
  }
  throw new Error('it opened');
}

describe('sealing and opening', () => {
  it('opens what was sealed, of any length', () => {
    fc.assert(
      fc.property(bytes(), bytes(), (plaintext, place) => {
        const sealed = sealAead(systemRandom, key, plaintext, place);
        expect(sealed.length).toBe(plaintext.length + aeadOverhead);
        expect(openAead(key, sealed, place).equals(plaintext)).toBe(true);
      }),
    );
  });

  it('opens a megabyte', () => {
    const plaintext = systemRandom.bytes(1 << 20);
    expect(openAead(key, sealAead(systemRandom, key, plaintext, aad), aad).equals(plaintext)).toBe(true);
  });

  it('is plain AES-256-GCM: nonce, ciphertext, tag', () => {
    const sealed = sealAead(systemRandom, key, Buffer.from('text'), aad);
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(-16));
    const text = decipher.update(sealed.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
    expect(text).toBe('text');
  });

  it('matches test case 14 of the GCM specification', () => {
    const zeros = createSecretKey(Buffer.alloc(32));
    const zeroNonce = { bytes: (length: number) => Buffer.alloc(length) };
    const sealed = sealAead(zeroNonce, zeros, Buffer.alloc(16), Buffer.alloc(0));
    expect(sealed.subarray(12).toString('hex')).toBe(
      'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
    );
  });
});

describe('what does not open', () => {
  const sealed = sealAead(systemRandom, key, Buffer.from('some plaintext'), aad);

  it('threat 25: any flipped bit is refused', () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(refusal(flipped).code).toBe('integrity');
    }
  });

  it('threat 25: cut or lengthened anywhere, it is refused', () => {
    for (let length = 0; length < sealed.length; length++) {
      expect(refusal(sealed.subarray(0, length)).code).toBe('integrity');
      expect(refusal(sealed.subarray(sealed.length - length)).code).toBe('integrity');
    }
    expect(refusal(Buffer.concat([sealed, Buffer.alloc(1)])).code).toBe('integrity');
  });

  it('says the same whatever was wrong', () => {
    const other = createSecretKey(systemRandom.bytes(32));
    const messages = [
      refusal(sealed, Buffer.from('elsewhere')),
      refusal(sealed, aad, other),
      refusal(Buffer.alloc(0)),
      refusal(Buffer.alloc(sealed.length)),
    ].map((error) => error.message);
    expect(new Set(messages).size).toBe(1);
  });
});

describe('nonces', () => {
  it('threat 25: are drawn afresh for each seal and are nobody’s argument', () => {
    const drawn: number[] = [];
    const random = {
      bytes(length: number) {
        drawn.push(length);
        return systemRandom.bytes(length);
      },
    };
    const nonces = new Set<string>();
    for (let count = 0; count < 1000; count++) {
      nonces.add(sealAead(random, key, Buffer.from('the same'), aad).toString('hex', 0, 12));
    }
    expect(nonces.size).toBe(1000);
    expect(drawn).toEqual(Array(1000).fill(12));
  });
});
