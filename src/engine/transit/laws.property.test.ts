/** Laws of encryption for every kind of key and every way to use it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemRandom } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { tryBase64, tryBase64Url } from './base64.ts';
import { type Binding, decrypt, encrypt, type OpenKey } from './cipher.ts';
import { generateVersion } from './generate.ts';
import type { KeyRecord } from './key-record.ts';
import { type KeyTypeName, keyType } from './key-types.ts';
import { decodeVersion, encodeVersion, openVersion } from './key-version.ts';

const plain: KeyRecord = {
  id: 'id',
  name: 'name',
  type: 'aes256-gcm96',
  derived: false,
  convergent: false,
  exportable: false,
  allowPlaintextBackup: false,
  deletionAllowed: false,
  autoRotatePeriod: 0,
  keySize: 0,
  latestVersion: 1,
  latestAt: 0,
  minAvailableVersion: 0,
  minDecryptionVersion: 1,
  minEncryptionVersion: 0,
  imported: false,
  importedMayRotate: false,
};

async function openKey(name: KeyTypeName, change: Partial<KeyRecord>): Promise<OpenKey> {
  const type = keyType(name);
  const stored = await generateVersion(type, 0, systemRandom, 0);
  // Through its form at rest, as every version goes.
  return {
    record: { ...plain, type: name, ...change },
    type,
    version: openVersion(type, decodeVersion(encodeVersion(stored))),
  };
}

const bytes = (maxLength: number, minLength = 0) =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
const symmetric = ['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305'] as const;
const uses = [{}, { derived: true }, { derived: true, convergent: true }];

describe.each(symmetric)('%s', (name) => {
  it.each(uses)('opens what it sealed, and nothing else (%j)', async (change) => {
    const key = await openKey(name, change);
    const other = await openKey(name, change);
    fc.assert(
      fc.property(bytes(300), bytes(40, 1), bytes(40), fc.nat(), (plaintext, context, associatedData, at) => {
        const binding: Binding = { context, associatedData };
        const sealed = encrypt(key, plaintext, binding, systemRandom);
        expect(decrypt(key, sealed, binding)).toEqual(plaintext);
        expect(sealed).toHaveLength(plaintext.length + 28);
        expect(encrypt(key, plaintext, binding, systemRandom).equals(sealed)).toBe('convergent' in change);
        expect(() => decrypt(other, sealed, binding)).toThrow(CofferError);
        const flipped = Buffer.from(sealed);
        const place = at % sealed.length;
        flipped.writeUInt8(flipped.readUInt8(place) ^ (1 << (at & 7)), place);
        expect(() => decrypt(key, flipped, binding)).toThrow(CofferError);
        expect(() => decrypt(key, sealed.subarray(0, place), binding)).toThrow(CofferError);
        const moved = { context, associatedData: Buffer.concat([associatedData, Buffer.of(0)]) };
        expect(() => decrypt(key, sealed, moved)).toThrow(CofferError);
        if (key.record.derived) {
          const elsewhere = { context: Buffer.concat([context, Buffer.of(0)]), associatedData };
          expect(() => decrypt(key, sealed, elsewhere)).toThrow(CofferError);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('threat 25: a convergent nonce is never shared by two pairs of plaintext and associated data', async () => {
    const key = await openKey(name, { derived: true, convergent: true });
    const context = Buffer.from('c');
    fc.assert(
      fc.property(bytes(20), bytes(20), bytes(20), bytes(20), (p1, a1, p2, a2) => {
        fc.pre(!p1.equals(p2) || !a1.equals(a2));
        const nonce = (plaintext: Buffer, associatedData: Buffer) =>
          encrypt(key, plaintext, { context, associatedData }, systemRandom).toString('hex', 0, 12);
        expect(nonce(p1, a1)).not.toBe(nonce(p2, a2));
      }),
    );
  });
});

it('rsa opens what it sealed', async () => {
  const key = await openKey('rsa-2048', { type: 'rsa-2048' });
  const binding: Binding = { context: Buffer.alloc(0), associatedData: Buffer.alloc(0) };
  fc.assert(
    fc.property(bytes(190), (plaintext) => {
      expect(decrypt(key, encrypt(key, plaintext, binding, systemRandom), binding)).toEqual(plaintext);
    }),
    { numRuns: 20 },
  );
});

it('base64 has one text for one value', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        bytes(20).map((one) => one.toString('base64url')),
      ),
      (text) => {
        expect(tryBase64(text)?.toString('base64') ?? text).toBe(text);
        expect(tryBase64Url(text)?.toString('base64url') ?? text).toBe(text);
      },
    ),
  );
  for (const text of ['aaa', 'aab=', 'a b=', 'aaaa\n', '-_-_', 'aaaa='])
    expect(tryBase64(text)).toBeUndefined();
});
