/**
 * Verifies signatures of JWTs. The algorithm must be one of a list that the caller fixes, and one that the key's own kind is
 * for, before anything is computed; jose (https://github.com/panva/jose), which does the computing, is loaded at the first one.
 */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { JwtAlgorithm } from './algorithms.ts';
import { parseCompactJwt, type UnverifiedJwt } from './compact.ts';
import type { KeySet, VerificationKey } from './keys.ts';

export type Verification =
  | { readonly kind: 'verified'; readonly claims: JsonObject }
  /** No key of the set is the one that the token names; it may have been published since. */
  | { readonly kind: 'unknown-key' };

/** Keys tried for a token that names none. */
const mostTried = 10;

/**
 * The claims of a JWT that one of the keys signed. Nothing is said about who issued it, for whom, or when: see `lifetime.ts` for
 * the time. Throws `invalid_request`.
 *
 * @param algorithms those that the issuer may use
 */
export async function verifyJwt(
  text: string,
  keys: KeySet,
  algorithms: readonly JwtAlgorithm[],
): Promise<Verification> {
  const jwt = parseCompactJwt(text);
  if (!algorithms.includes(jwt.algorithm)) {
    throw new CofferError('invalid_request', 'the algorithm is not one that this issuer may use');
  }
  for (const { key } of candidates(jwt, keys)) {
    if (await isSignedWith(text, key, jwt.algorithm)) return { kind: 'verified', claims: jwt.claims };
  }
  const named = keys.some(({ keyId }) => keyId !== undefined && keyId === jwt.keyId);
  if (!named) return { kind: 'unknown-key' };
  throw new CofferError('invalid_request', 'the signature does not match');
}

function candidates({ keyId, algorithm }: UnverifiedJwt, keys: KeySet): KeySet {
  return keys
    .filter((key) => key.algorithms.includes(algorithm))
    .filter((key) => keyId === undefined || key.keyId === undefined || key.keyId === keyId)
    .slice(0, mostTried);
}

async function isSignedWith(
  text: string,
  key: VerificationKey['key'],
  algorithm: JwtAlgorithm,
): Promise<boolean> {
  const { compactVerify, errors } = await import('jose');
  try {
    await compactVerify(text, key, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed) return false;
    throw new CofferError('invalid_request', 'the JWT cannot be verified', { cause: error });
  }
}
