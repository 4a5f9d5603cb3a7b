/**
 * HKDF-Expand with SHA-256 (RFC 5869 §2.3), one block. The extract step is left out as §3.3 allows: our input keys are uniformly
 * random already.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { ShortMac } from './short-mac.ts';

/** The counter byte of the first block, T(1). */
const firstBlock = Buffer.of(1);

/** 32 bytes derived from a uniformly random key for the purpose that `info` names. */
export function expand(key: KeyObject, info: Buffer): Buffer {
  return createHmac('sha256', key).update(info).update(firstBlock).digest();
}

/** For as long as the key itself is held by somebody. */
const macs = new WeakMap<KeyObject, ShortMac>();

/** The same from a key that is asked again and again: what it takes is made ready once. */
export function expandOften(key: KeyObject, info: Buffer): Buffer {
  let mac = macs.get(key);
  if (mac === undefined) {
    mac = new ShortMac(key);
    macs.set(key, mac);
  }
  return mac.ofBytes(info, firstBlock);
}

/**
 * Whether the platform takes the bytes of a key for less than it takes to make a key object of them first. From Node 24 on it
 * imports bytes anew at each use, for more than twice the price; before, an object costs a fifth of opening a small record.
 */
export const takesKeyBytes = Number(process.versions.node.split('.')[0]) < 24;

/**
 * A key to be used once: its bytes, which `wipe` zeroes, where these are cheaper; else as `deriveKey` has it.
 *
 * @param derive `expandOften` where `key` is asked again and again
 */
export function deriveKeyOnce(key: KeyObject, info: Buffer, derive = expand): KeyObject | Buffer {
  return takesKeyBytes ? derive(key, info) : deriveKey(key, info, derive);
}

/** Ends a key that was used once. */
export function wipe(key: KeyObject | Buffer): void {
  if (Buffer.isBuffer(key)) key.fill(0);
}

/** The same as a key, ready for AES-256 or HMAC. */
export function deriveKey(key: KeyObject, info: Buffer, derive = expand): KeyObject {
  const bytes = derive(key, info);
  const derived = createSecretKey(bytes);
  bytes.fill(0);
  return derived;
}
