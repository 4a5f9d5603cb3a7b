/**
 * Compact JWTs signed by ES256 (RFC 7515, RFC 7518 §3.4) with keys of our own, synchronous and without a library: for tokens that are made and
 * checked on a request's way. One algorithm and no other: what a token says of its algorithm is compared and never followed.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { JsonObject } from '../../json.ts';
import type { SigningKey } from './sign.ts';

/** A key pair, ready for use. */
export interface Es256Signer {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** @param key of the algorithm ES256, as `generateSigningKey` makes it */
export function openSigner({ keyId, privateKey }: SigningKey): Es256Signer {
  const der = Buffer.from(privateKey, 'base64');
  return { keyId, privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
}

/** @param jwk a public key of ours */
export function openVerifier(jwk: JsonObject): KeyObject {
  return createPublicKey({ key: { ...jwk }, format: 'jwk' });
}

/** RFC 7518 §3.4: both numbers side by side, where OpenSSL would write ASN.1. */
const dsaEncoding = 'ieee-p1363';

/** @param type what the token is, as its header says (RFC 9068 §2.1: `at+jwt`) */
export function signCompact(claims: JsonObject, type: string, { keyId, privateKey }: Es256Signer): string {
  const signed = `${encodePart({ alg: 'ES256', typ: type, kid: keyId })}.${encodePart(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding });
  return `${signed}.${signature.toString('base64url')}`;
}

/**
 * Whether the key has signed a compact JWT that `parseCompactJwt` took, and whose algorithm is ES256. What its header says besides is part of what
 * was signed.
 */
export function isSignedBy(text: string, key: KeyObject): boolean {
  const end = text.lastIndexOf('.');
  const signature = Buffer.from(text.slice(end + 1), 'base64url');
  return verify('sha256', Buffer.from(text.slice(0, end)), { key, dsaEncoding }, signature);
}

function encodePart(part: JsonObject): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
