/**
 * AES-256-GCM (NIST SP 800-38D) in one layout: nonce (12 bytes), ciphertext, tag (16 bytes).
 *
 * The nonce is drawn in here and nowhere else: no caller can name one, so none can repeat one (§8.2.2, random construction).
 * How many seals a key may do is the caller's to count (§8.3).
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { CofferError } from '../errors.ts';
import type { Random } from './random.ts';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const options = { authTagLength: tagBytes };

/** Bytes that sealing adds to a plaintext. */
export const aeadOverhead = nonceBytes + tagBytes;

/**
 * Seals `plaintext` under a 32-byte key, bound to `aad`.
 *
 * @param headroom bytes before the nonce that are the caller's to fill: they are not zeroed
 */
export function sealAead(
  random: Random,
  key: KeyObject | Buffer,
  plaintext: Buffer,
  aad: Buffer,
  headroom = 0,
): Buffer {
  const nonce = random.bytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, options);
  cipher.setAAD(aad);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  const sealed = Buffer.allocUnsafe(headroom + aeadOverhead + plaintext.length);
  nonce.copy(sealed, headroom);
  ciphertext.copy(sealed, headroom + nonceBytes);
  cipher.getAuthTag().copy(sealed, headroom + nonceBytes + plaintext.length);
  return sealed;
}

/**
 * The plaintext. Throws `integrity` with one and the same message whatever is wrong: key, nonce, ciphertext, tag, associated
 * data or length.
 */
export function openAead(key: KeyObject | Buffer, sealed: Buffer, aad: Buffer): Buffer {
  const tagStart = sealed.length - tagBytes;
  if (tagStart < nonceBytes) throw integrityError();
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), options);
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(tagStart));
  // In GCM `final` yields no bytes; it only throws when the tag is wrong.
  const plaintext = decipher.update(sealed.subarray(nonceBytes, tagStart));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw integrityError();
  }
  return plaintext;
}

/** The one answer to everything that does not open. */
export function integrityError(): CofferError {
  return new CofferError('integrity', 'what is stored here is damaged, or was not written here');
}
