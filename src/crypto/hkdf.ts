/**
 * HKDF-Expand with SHA-256 (RFC 5869 §2.3), one block. The extract step is left out as §3.3 allows: our input keys are uniformly
 * random already.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** The counter byte of the first block, T(1). */
const firstBlock = Buffer.of(1);

/** 32 bytes derived from a uniformly random key for the purpose that `info` names. */
export function expand(key: KeyObject, info: Buffer): Buffer {
  return createHmac('sha256', key).update(info).update(firstBlock).digest();
}

/** The same as a key, ready for AES-256 or HMAC. */
export function deriveKey(key: KeyObject, info: Buffer): KeyObject {
  const bytes = expand(key, info);
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}
