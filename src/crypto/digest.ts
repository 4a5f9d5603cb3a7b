import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** SHA-256, 32 bytes. Text counts as UTF-8. */
export function sha256(data: Buffer | string): Buffer {
  return createHash('sha256').update(data).digest();
}

/** HMAC-SHA-256, 32 bytes. Text counts as UTF-8. */
export function hmacSha256(key: KeyObject, data: Buffer | string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/**
 * Whether two byte strings are equal, without telling by time where they differ. Digests are compared, so that different lengths
 * need no early way out.
 */
export function equalBytes(left: Buffer, right: Buffer): boolean {
  return timingSafeEqual(sha256(left), sha256(right)) && left.length === right.length;
}
