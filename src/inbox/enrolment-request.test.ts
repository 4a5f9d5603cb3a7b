import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KmsClient } from '../aws/kms.ts';
import { itemOf, openRequest, parseItem, requestSecret, requestText } from './enrolment-request.ts';

const vector = JSON.parse(
  readFileSync(new URL('../../test/vectors/enrolment-request-v1.json', import.meta.url), 'utf8'),
) as { readonly request: string; readonly key: string; readonly plaintext: string };

const request = {
  id: '0a1b2c3d-0000-4000-8000-00000000000f',
  issuer: 'Some Company',
  account: 'ann:é',
  roles: ['Admin', 'Audit'],
  authorizers: ['bob'],
  createdAt: Date.parse('2026-11-22T12:00:00Z'),
};
const key = Buffer.from(vector.key, 'hex');
const waiting = { request, text: vector.request, ciphertext: Buffer.from(vector.plaintext, 'hex') };
/** A key that wraps nothing: what is opened is what lies there. */
const plain: Pick<KmsClient, 'decrypt'> = {
  decrypt: async ({ ciphertext }) => ({ plaintext: Buffer.from(ciphertext), keyArn: '' }),
};

describe('a request', () => {
  it('is written as it was always written', () => {
    expect(requestText(request)).toBe(vector.request);
    expect(requestSecret(vector.request, key).toString('hex')).toBe(vector.plaintext);
  });

  it('is read as it was written', async () => {
    const read = parseItem(itemOf(waiting));
    expect(read).toEqual(waiting);
    expect((await openRequest(plain, 'alias/k', waiting)).toString('hex')).toBe(vector.key);
  });

  it('with any bit of its text or its digest flipped does not open, nor longer or shorter', async () => {
    const refused = expect.objectContaining({ code: 'integrity' });
    const { ciphertext, text } = waiting;
    for (let bit = 0; bit < 33 * 8; bit++) {
      const flipped = Buffer.from(ciphertext);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      await expect(openRequest(plain, 'k', { ...waiting, ciphertext: flipped })).rejects.toEqual(refused);
    }
    await expect(openRequest(plain, 'k', { ...waiting, text: `${text} ` })).rejects.toEqual(refused);
    for (const wrong of [
      ciphertext.subarray(1),
      ciphertext.subarray(0, -1),
      Buffer.concat([ciphertext, key]),
    ])
      await expect(openRequest(plain, 'k', { ...waiting, ciphertext: wrong })).rejects.toEqual(refused);
  });

  it('whose key and text differ is none', () => {
    const item = itemOf(waiting);
    for (const name of ['issuer', 'account_name', 'id'])
      expect(parseItem({ ...item, [name]: { S: 'another' } }), name).toBeUndefined();
    for (const name of Object.keys(item))
      expect(parseItem({ ...item, [name]: { N: '1' } }), name).toBeUndefined();
  });

  it('threat 15: is not looked for in what is too large, and nothing that stands there breaks it', () => {
    const item = itemOf(waiting);
    expect(parseItem({ ...item, request: { S: `${vector.request}${' '.repeat(65_536)}` } })).toBeUndefined();
    expect(parseItem({ ...item, secret: { B: Buffer.alloc(6_145) } })).toBeUndefined();
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(parseItem({ ...item, request: { S: text } })).toBeUndefined();
      }),
    );
    const roles = Array.from({ length: 200 }, () => 'r'.repeat(576));
    expect(() => requestText({ ...request, roles })).toThrow(
      expect.objectContaining({ code: 'payload_too_large' }),
    );
  });
});
