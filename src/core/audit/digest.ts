/** Keyed digests that stand for secrets in the log: equal secrets can be found again, and nothing can be guessed without the key. */
import { createHmac, type KeyObject } from 'node:crypto';

export type Digest = (text: string) => string;

/** `hmac-sha256:` and 64 hex digits (RFC 2104 with SHA-256). */
export function keyedDigest(key: KeyObject): Digest {
  return (text) => `hmac-sha256:${createHmac('sha256', key).update(text).digest('hex')}`;
}
