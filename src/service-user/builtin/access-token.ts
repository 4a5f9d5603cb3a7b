/** Access tokens as they are sent (RFC 9068): JWTs that others verify by the published keys, and that only introspection knows to have ended early. */
import { parseCompactJwt } from '../../crypto/jwt/compact.ts';
import { isSignedBy, signCompact } from '../../crypto/jwt/es256.ts';
import type { Random } from '../../crypto/random.ts';
import { asCofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { type OpenKeys, tokenLife } from './signing-keys.ts';
import { isUserName, type UserRecord } from './user.ts';

export interface TokenWish {
  readonly user: UserRecord;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly issuer: string;
  /** Milliseconds. */
  readonly now: number;
}

/** For whom tokens are: whoever takes tokens of this issuer. */
export function audienceOf(issuer: string): string {
  return `${issuer}/oauth2`;
}

export function makeAccessToken(wish: TokenWish, { signer }: OpenKeys, random: Random): string {
  const { user, clientId, scopes, issuer, now } = wish;
  const issuedAt = Math.floor(now / 1_000);
  const claims = {
    iss: issuer,
    aud: audienceOf(issuer),
    sub: user.username,
    client_id: clientId,
    iat: issuedAt,
    exp: issuedAt + tokenLife,
    jti: random.bytes(16).toString('base64url'),
    // Of the user's sessions the one that it was made in.
    sid: user.session,
    scope: scopes.join(' '),
    ...(scopes.includes('uid') ? { uid: user.username } : {}),
    ...(scopes.includes('cn') ? { cn: user.name } : {}),
  };
  return signCompact(claims, 'at+jwt', signer);
}

/** A token as it was sent: what it says of itself is believed once `isOurs` has said so. */
export interface SentToken {
  readonly text: string;
  readonly keyId: string;
  readonly claims: JsonObject;
  readonly username: string;
  readonly session: string;
  readonly id: string;
  /** Milliseconds. */
  readonly endsAt: number;
}

/** Longer than any of ours. */
const longest = 24_000;

/** Undefined for what cannot be an access token of ours. */
export function readAccessToken(text: string): SentToken | undefined {
  if (text.length > longest) return undefined;
  try {
    const { algorithm, keyId, claims } = parseCompactJwt(text);
    const { sub, sid, jti, exp } = claims;
    if (algorithm !== 'ES256' || keyId === undefined || typeof exp !== 'number') return undefined;
    if (typeof sub !== 'string' || !isUserName(sub) || typeof sid !== 'string') return undefined;
    if (typeof jti !== 'string' || !/^[\w-]{22}$/.test(jti)) return undefined;
    return { text, keyId, claims, username: sub, session: sid, id: jti, endsAt: exp * 1_000 };
  } catch (error) {
    if (asCofferError(error).code === 'invalid_request') return undefined;
    throw error;
  }
}

/** Signed by a key of this mount that still verifies, and in time. */
export function isOurs({ text, keyId, endsAt }: SentToken, keys: OpenKeys | undefined, now: number): boolean {
  const known = keys?.verifiers.get(keyId);
  if (known === undefined || endsAt <= now) return false;
  return (known.endsAt === undefined || known.endsAt > now) && isSignedBy(text, known.key);
}

/** Whether the user it was made for is there, enabled, and in the session that it was made in. */
export function isOfLivingSession({ session }: SentToken, user: UserRecord | undefined): boolean {
  return user !== undefined && !user.disabled && user.session === session;
}

export const revokedFolder = 'oauth2/revoked/';

/** A record there ends one token before its time. */
export function revokedPath(tokenId: string): string {
  return revokedFolder + tokenId;
}
