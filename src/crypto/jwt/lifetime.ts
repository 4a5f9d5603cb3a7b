/** When a JWT is good: `exp`, `nbf` and `iat` (RFC 7519 §4.1.4 to §4.1.6), with the leeways that Vault's roles have. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';

/** Seconds. */
export interface Leeways {
  /** How far clocks may differ. */
  readonly clockSkew: number;
  /** The life of a token that names no end, from its beginning. */
  readonly expiration: number;
  /** How long before its end a token that names no beginning begins. */
  readonly notBefore: number;
}

/** Vault's. */
export const defaultLeeways: Leeways = { clockSkew: 60, expiration: 150, notBefore: 150 };

/**
 * Throws `invalid_request` for a token that is not good now, or names no time at all.
 *
 * @param now milliseconds
 */
export function checkLifetime(claims: JsonObject, now: number, leeways: Leeways): void {
  const issuedAt = numericDate(claims, 'iat');
  const notBefore = numericDate(claims, 'nbf');
  const expires = numericDate(claims, 'exp');
  if (issuedAt === undefined && notBefore === undefined && expires === undefined) {
    throw refused('the token names no time: none of exp, nbf and iat');
  }
  const begins = Math.max(issuedAt ?? 0, notBefore ?? 0);
  const end = expires ?? begins + leeways.expiration;
  const start = notBefore ?? issuedAt ?? end - leeways.notBefore;
  const seconds = now / 1_000;
  if (seconds >= end + leeways.clockSkew) throw refused('the token has expired');
  if (seconds + leeways.clockSkew < start) throw refused('the token is not good yet');
  if (issuedAt !== undefined && seconds + leeways.clockSkew < issuedAt) {
    throw refused('the token was issued in the future');
  }
}

/** Seconds since 1970 (RFC 7519 §2, NumericDate): a number, and no text that looks like one. */
export function numericDate(
  claims: JsonObject,
  name: 'exp' | 'nbf' | 'iat' | 'auth_time',
): number | undefined {
  if (!Object.hasOwn(claims, name)) return undefined;
  const value = claims[name];
  // Beyond this, sums with leeways are not exact any more.
  if (typeof value === 'number' && value >= 0 && value <= 1e12) return value;
  throw refused(`the claim "${name}" is not a time`);
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
