/**
 * Something sealed that leaves the store and comes back in a caller's hand, format 1:
 *
 *     format version (1 byte: 1), term (u32, big-endian), salt (16), nonce (12), ciphertext, tag (16)
 *
 * Its key is derived from the term's for this one text, by a fresh salt, so that no key seals twice: such seals need no count
 * (NIST SP 800-38D §8.3 bounds what one key does), and making one writes nothing. Version, term, purpose and salt are what the key is
 * derived with and the associated data alike: a text of another purpose, another store or another term does not open.
 */
import { aeadOverhead, openAead, sealAead } from '../crypto/aead.ts';
import { encodeContext } from '../crypto/context.ts';
import { deriveKey } from '../crypto/hkdf.ts';
import type { Random } from '../crypto/random.ts';
import type { Term } from './term.ts';

const formatVersion = 1;
const saltBytes = 16;
const headerBytes = 5 + saltBytes;

/** Seals under `term`. Purposes are few and fixed, one a caller. */
export function sealText(random: Random, term: Term, purpose: string, plaintext: Buffer): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(formatVersion, 0);
  header.writeUInt32BE(term.id, 1);
  random.bytes(saltBytes).copy(header, 5);
  const context = contextOf(term.id, purpose, header.subarray(5));
  return Buffer.concat([header, sealAead(random, deriveKey(term.key, context), plaintext, context)]);
}

/** The term that a text names, not yet proven; undefined for what can be no sealed text of this format. */
export function sealedTextTerm(sealed: Buffer): number | undefined {
  const readable = sealed.length >= headerBytes + aeadOverhead && sealed.readUInt8(0) === formatVersion;
  return readable ? sealed.readUInt32BE(1) : undefined;
}

/** The plaintext of a text whose `sealedTextTerm` is the term's. Throws `integrity` for anything but what was sealed. */
export function openText(term: Term, purpose: string, sealed: Buffer): Buffer {
  const context = contextOf(term.id, purpose, sealed.subarray(5, headerBytes));
  return openAead(deriveKey(term.key, context), sealed.subarray(headerBytes), context);
}

function contextOf(term: number, purpose: string, salt: Buffer): Buffer {
  return encodeContext('coffer sealed text', [formatVersion, term, purpose, salt.toString('hex')]);
}
