import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tlv } from '../../../test/fakes/certificate.ts';
import { type Bending, IdentityAuthority, open } from '../../../test/fakes/instance-identity.ts';
import { checkBer, octetsOf } from './ber.ts';
import { readSignedData } from './signed-data.ts';

const authority = new IdentityAuthority();
const key = new X509Certificate(authority.certificate).publicKey;
const content = Buffer.from('{"instanceId":"i-1"}');

function read(bending: Bending = {}) {
  return readSignedData(authority.der(content, bending));
}

describe('signed data', () => {
  it('is read and verified', () => {
    const signed = read();
    expect(signed).toMatchObject({ content, digest: 'sha256', signature: 'rsa' });
    expect(signed.verifiedBy(key)).toBe(true);
  });

  it('threat 03: with another content than the one that was signed is not verified', () => {
    expect(read({ content: Buffer.from('{"instanceId":"i-2"}') }).verifiedBy(key)).toBe(false);
  });

  it('threat 03: of another key is not verified', () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    expect(read({ key: other.privateKey }).verifiedBy(key)).toBe(false);
    expect(read().verifiedBy(other.publicKey)).toBe(false);
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(read().verifiedBy(elliptic.publicKey)).toBe(false);
  });

  it.each<[string, Bending, RegExp]>([
    ['two signers', { signers: 2 }, /exactly one signer/],
    ['no signer', { signers: 0 }, /exactly one signer/],
    [
      'no signed attributes',
      { without: ['contentType', 'signingTime', 'messageDigest'] },
      /signed attributes/,
    ],
    ['no digest', { without: ['messageDigest'] }, /missing or there twice/],
    ['no content type', { without: ['contentType'] }, /missing or there twice/],
    ['two digests', { twice: ['messageDigest'] }, /missing or there twice/],
    ['two content types', { twice: ['contentType'] }, /missing or there twice/],
    ['another signed content type', { contentType: '2a864886f70d010702' }, /content type is not data/],
    ['another type around it', { outerType: '2a864886f70d010703' }, /cannot be read/],
  ])('threat 03: with %s is refused', (_what, bending, words) => {
    expect(() => read(bending)).toThrow(words);
  });

  it('threat 15: cut short or gone on with is refused', () => {
    const der = authority.der(content);
    for (let length = 0; length < der.length; length += 1) {
      expect(() => readSignedData(der.subarray(0, length))).toThrowError(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    }
    for (const tail of [Buffer.from([0]), Buffer.alloc(2), der]) {
      expect(() => readSignedData(Buffer.concat([der, tail]))).toThrow(/cannot be read/);
    }
  });

  it('threat 15: nested without end is refused before anything recurses into it', () => {
    for (const depth of [100, 5_000, 500_000]) {
      const closed = Buffer.concat([
        Buffer.alloc(2 * depth, Buffer.from([0x30, 0x80])),
        Buffer.alloc(2 * depth),
      ]);
      expect(() => readSignedData(closed)).toThrow(/cannot be read/);
      expect(() => checkBer(closed)).toThrow(/cannot be read/);
    }
  });

  it('threat 15: with any byte changed is refused or not verified', () => {
    const der = authority.der(content);
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] ?? 0) ^ mask;
        let verified = false;
        try {
          const signed = readSignedData(changed);
          verified = signed.verifiedBy(key) && !signed.content.equals(content);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_request' });
        }
        expect(verified).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('threat 15: that is noise is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => readSignedData(Buffer.from(bytes))).toThrowError(
          expect.objectContaining({ code: 'invalid_request' }),
        );
      }),
    );
  });
});

describe('octets', () => {
  const piece = (text: string) => tlv(0x04, Buffer.from(text));

  it('are put together from pieces, with a length or without', () => {
    expect(octetsOf(piece('abc')).toString()).toBe('abc');
    expect(octetsOf(tlv(0x24, Buffer.concat([piece('a'), piece('bc')]))).toString()).toBe('abc');
    expect(octetsOf(open(0x24, piece('a'), piece(''), piece('bc'))).toString()).toBe('abc');
  });

  it('are refused in pieces of pieces, and as anything else', () => {
    expect(() => octetsOf(open(0x24, open(0x24, piece('a'))))).toThrow(/cannot be read/);
    expect(() => octetsOf(tlv(0x24, tlv(0x02, Buffer.from([1]))))).toThrow(/cannot be read/);
    expect(() => octetsOf(tlv(0x30, piece('a')))).toThrow(/cannot be read/);
  });
});
