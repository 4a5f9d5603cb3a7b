/** Whose a lease is, and what follows from that for how long it may live. */
import type { TokenId } from '../token/record.ts';

/** The token that pays for a lease. */
export interface LeaseHolder {
  readonly id: TokenId;
  readonly identity?: string | undefined;
  /** Such a token is not in the store: its leases end with its parent, and no later than it does. */
  readonly type?: 'batch' | undefined;
  /** Parent first. */
  readonly ancestors?: readonly TokenId[];
  /** Milliseconds. */
  readonly expiresAt?: number | null;
}

/** Whole seconds of a batch token's life, 1 at least; undefined for tokens whose end brings their leases'. */
export function secondsLeft(holder: LeaseHolder | null, now: number): number | undefined {
  if (holder?.type !== 'batch' || holder.expiresAt === null || holder.expiresAt === undefined)
    return undefined;
  return Math.max(1, Math.floor((holder.expiresAt - now) / 1_000));
}

/** Of limits in seconds, where undefined and 0 are none: the least, or 0. */
export function leastOf(limits: readonly (number | undefined)[]): number {
  const set = limits.filter((limit) => limit !== undefined && limit > 0) as readonly number[];
  return set.length === 0 ? 0 : Math.min(...set);
}
