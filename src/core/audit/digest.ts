/** Keyed digests that stand for secrets in the log: equal secrets can be found again, and nothing can be guessed without the key. */
import type { KeyObject } from 'node:crypto';
import { ShortMac } from '../../crypto/short-mac.ts';

export type Digest = (text: string) => string;

/** `hmac-sha256:` and 64 hex digits (RFC 2104 with SHA-256). */
export function keyedDigest(key: KeyObject): Digest {
  const mac = new ShortMac(key);
  return (text) => `hmac-sha256:${mac.ofText(text, 'hex')}`;
}
