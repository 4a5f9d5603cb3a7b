import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Random } from '../crypto/random.ts';

/** One version of the key that records are sealed under. The newest seals, all open. */
export interface Term {
  /** 1 and up; fits 32 bits. */
  readonly id: number;
  readonly key: KeyObject;
  /** Milliseconds since 1970. */
  readonly installedAt: number;
  /** When nothing was sealed under it any more, in milliseconds since 1970. The newest term has none. */
  readonly retiredAt?: number;
}

/** A key of 32 fresh bytes. */
export function generateKey(random: Random): KeyObject {
  const bytes = random.bytes(32);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

export function generateTerm(id: number, random: Random, now: number): Term {
  return { id, key: generateKey(random), installedAt: now };
}
