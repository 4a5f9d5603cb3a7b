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

/**
 * Whether the platform takes the bytes of a key for less than it takes to make a key object of them first. From Node 24 on it
 * imports bytes anew at each use, for more than twice the price; before, an object costs a fifth of opening a small record.
 */
export const takesKeyBytes = Number(process.versions.node.split('.')[0]) < 24;

/** A key to be used once: its bytes, which `wipe` zeroes, where these are cheaper; else as `deriveKey` has it. */
export function deriveKeyOnce(key: KeyObject, info: Buffer): KeyObject | Buffer {
  return takesKeyBytes ? expand(key, info) : deriveKey(key, info);
}

/** Ends a key that was used once. */
export function wipe(key: KeyObject | Buffer): void {
  if (Buffer.isBuffer(key)) key.fill(0);
}

/** The same as a key, ready for AES-256 or HMAC. */
export function deriveKey(key: KeyObject, info: Buffer): KeyObject {
  const bytes = expand(key, info);
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}
