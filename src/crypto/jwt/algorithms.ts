/** The signature algorithms of JWTs that are believed: asymmetric ones only (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864). */
import { CofferError } from '../../errors.ts';

export const jwtAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

export function isJwtAlgorithm(name: unknown): name is JwtAlgorithm {
  return jwtAlgorithms.some((known) => known === name);
}

/** Throws `invalid_request` for `none`, for HMACs, whose key would be public, and for what nobody knows. */
export function parseJwtAlgorithm(name: string): JwtAlgorithm {
  if (isJwtAlgorithm(name)) return name;
  throw new CofferError(
    'invalid_request',
    `"${name.slice(0, 20)}" is not an algorithm that is taken: ${jwtAlgorithms.join(', ')}`,
  );
}
