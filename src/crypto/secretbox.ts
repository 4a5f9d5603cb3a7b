/** NaCl's secretbox (XSalsa20 and Poly1305), for reading what others sealed by it: the nonce, then the tag, then the ciphertext. */
import { secretbox } from '@noble/ciphers/salsa.js';
import { CofferError } from '../errors.ts';

const keyBytes = 32;
const nonceBytes = 24;
const tagBytes = 16;

/**
 * What is in the box; the caller's, to use and to zero. Throws `integrity` for a box that is too short to be one, and for any but the one that
 * was sealed under this key.
 */
export function openSecretbox(key: Uint8Array, box: Uint8Array): Buffer {
  if (key.length !== keyBytes) throw new CofferError('integrity', 'a key of a secretbox has 32 bytes');
  if (box.length < nonceBytes + tagBytes) {
    throw new CofferError('integrity', `a secretbox of ${box.length} bytes is too short to be one`);
  }
  try {
    const opened = secretbox(key, box.subarray(0, nonceBytes)).open(box.subarray(nonceBytes));
    return Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
  } catch (cause) {
    throw new CofferError(
      'integrity',
      'a secretbox does not open: it was changed, or sealed under another key',
      {
        cause,
      },
    );
  }
}
