/** Names of digests in items, as both old programs spell them, and what the platform calls them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { CofferError } from '../errors.ts';

/** Node knows no `SHA`, and its `RIPEMD` is no name of the library that wrote it: every name goes through this table. */
const platformNames: Readonly<Record<string, string>> = {
  SHA: 'sha1',
  SHA1: 'sha1',
  SHA224: 'sha224',
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
  MD5: 'md5',
  RIPEMD: 'ripemd160',
};

/** What may be written: the others are read only. */
export const writableDigests = ['SHA224', 'SHA256', 'SHA384', 'SHA512'] as const;
export const defaultDigest = 'SHA256';

/**
 * Whether `mac` is the HMAC of `data`, told in constant time.
 *
 * @param digest as in the item
 * @param what names the item in the message
 * @throws `integrity` for a digest that is not in the table, naming it
 */
export function isMac(digest: string, key: Buffer, data: Buffer, mac: Buffer, what: string): boolean {
  const expected = hmac(digest, key, data, what);
  return mac.length === expected.length && timingSafeEqual(expected, mac);
}

/** The HMAC itself. Throws as `isMac`. */
export function hmac(digest: string, key: Buffer, data: Buffer, what: string): Buffer {
  const name = Object.hasOwn(platformNames, digest) ? platformNames[digest] : undefined;
  if (name === undefined) {
    throw new CofferError(
      'integrity',
      `${what} names a digest that is not known here: ${JSON.stringify(digest.slice(0, 40))}; known are ` +
        Object.keys(platformNames).join(', '),
    );
  }
  return createHmac(name, key).update(data).digest();
}
