/**
 * Wrapping: a few keys sealed under another key, with a check value beside them that tells a wrong key from damage.
 *
 * The check value is 16 bytes derived from the wrapping key under a label of its own; since wrapping keys are uniformly random it
 * helps nobody to find one. It is not part of the associated data on purpose: that way damage to either of the two is told as
 * damage, because the other still fits.
 */
import type { KeyObject } from 'node:crypto';
import { CofferError } from '../errors.ts';
import { openAead, sealAead } from './aead.ts';
import { encodeContext } from './context.ts';
import { equalBytes } from './digest.ts';
import { deriveKey, expand } from './hkdf.ts';
import type { Random } from './random.ts';

const checkContext = encodeContext('coffer key check', [1]);

/** Length of a check value. */
export const checkBytes = 16;

export interface Wrapped {
  readonly wrapped: Buffer;
  /** Fits the wrapping key, whatever was wrapped. */
  readonly check: Buffer;
}

export type Unwrapped =
  | { readonly kind: 'opened'; readonly bytes: Buffer }
  /** Another key wrapped this. */
  | { readonly kind: 'wrong-key' }
  /** The right key, but the bytes were changed, or wrapped for another place. */
  | { readonly kind: 'damaged' };

/** Wraps `bytes` for the place that `context` names, under a key derived for that place. */
export function wrapBytes(random: Random, key: KeyObject, bytes: Buffer, context: Buffer): Wrapped {
  return { wrapped: sealAead(random, deriveKey(key, context), bytes, context), check: checkValue(key) };
}

export function unwrapBytes(key: KeyObject, { wrapped, check }: Wrapped, context: Buffer): Unwrapped {
  const keyFits = equalBytes(check, checkValue(key));
  const bytes = tryOpen(deriveKey(key, context), wrapped, context);
  if (bytes !== undefined && keyFits) return { kind: 'opened', bytes };
  bytes?.fill(0);
  return { kind: bytes === undefined && !keyFits ? 'wrong-key' : 'damaged' };
}

function checkValue(key: KeyObject): Buffer {
  return expand(key, checkContext).subarray(0, checkBytes);
}

function tryOpen(key: KeyObject, sealed: Buffer, aad: Buffer): Buffer | undefined {
  try {
    return openAead(key, sealed, aad);
  } catch (error) {
    if (error instanceof CofferError && error.code === 'integrity') return undefined;
    throw error;
  }
}
