/** Public keys that JWTs are verified with, each tied to the algorithms that its kind is for. */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { isJwtAlgorithm, type JwtAlgorithm } from './algorithms.ts';
import { parseStrictObject } from './strict-json.ts';

export interface VerificationKey {
  /** Undefined for a key that goes with any key id. */
  readonly keyId: string | undefined;
  /** Never those of two kinds of keys: an RSA key verifies no HMAC, and a P-256 key nothing but ES256. */
  readonly algorithms: readonly JwtAlgorithm[];
  readonly key: KeyObject;
}

export type KeySet = readonly VerificationKey[];

const mostKeys = 100;
/** Bits: what SP 800-131A and RFC 7518 §3.3 ask for at least, and what a signature may cost to check at most. */
const shortestRsa = 2_048;
const longestRsa = 8_192;

const rsaAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
/** By the names that OpenSSL has for the curves. */
const curveAlgorithms: Readonly<Record<string, JwtAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/**
 * A JWK set (RFC 7517 §5). Keys of other kinds and for other uses are left out, as §5 asks: symmetric ones above all. Throws
 * `invalid_request` for what is no set, or has no key to verify with.
 */
export function parseJwks(bytes: Uint8Array): KeySet {
  const keys: JsonValue | undefined = parseStrictObject(bytes, 'the key set')['keys'];
  if (!Array.isArray(keys)) throw new CofferError('invalid_request', 'the key set has no list "keys"');
  if (keys.length > mostKeys) {
    throw new CofferError('invalid_request', `the key set has more than ${mostKeys} keys`);
  }
  const usable = keys.flatMap((jwk: JsonValue) => (isJsonObject(jwk) ? keyOf(jwk) : []));
  if (usable.length === 0) {
    throw new CofferError(
      'invalid_request',
      'the key set has no public key that signatures are verified with',
    );
  }
  return usable;
}

function keyOf(jwk: JsonObject): KeySet {
  const { kty, use, key_ops: operations, alg, kid } = jwk;
  // A set that publishes private keys has lost them.
  if (kty === 'oct' || Object.hasOwn(jwk, 'd') || (use !== undefined && use !== 'sig')) return [];
  if (Array.isArray(operations) && !operations.includes('verify')) return [];
  if (kid !== undefined && typeof kid !== 'string') return [];
  try {
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    const algorithms = algorithmsOf(key).filter(
      (one) => alg === undefined || one === alg || isEdwards(one, alg),
    );
    return algorithms.length === 0 ? [] : [{ keyId: kid, algorithms, key }];
  } catch {
    return [];
  }
}

/** RFC 9864 gives EdDSA on Curve25519 a name of its own. */
function isEdwards(known: JwtAlgorithm, named: JsonValue): boolean {
  return known === 'EdDSA' && named === 'Ed25519';
}

/** A public key or a certificate in PEM. Throws `invalid_request`; a private key is refused, and never repeated. */
export function parsePemKey(pem: string): VerificationKey {
  if (pem.includes('PRIVATE KEY')) {
    throw new CofferError('invalid_request', 'this is a private key; the public one is wanted');
  }
  // The platform reads the first and is silent about the others.
  if (pem.indexOf('-----BEGIN') !== pem.lastIndexOf('-----BEGIN')) {
    throw new CofferError(
      'invalid_request',
      'several keys stand in one text; give each by itself, as a list',
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch {
    throw new CofferError('invalid_request', 'a key is not a public key or certificate in PEM');
  }
  const algorithms = algorithmsOf(key);
  if (algorithms.length > 0) return { keyId: undefined, algorithms, key };
  throw new CofferError(
    'invalid_request',
    `keys are RSA of ${shortestRsa} to ${longestRsa} bits, P-256, P-384, P-521 or Ed25519`,
  );
}

/** Whether a text is one certificate in PEM or several: what can be trusted in place of the platform's authorities. */
export function isCertificateList(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  // Nothing else with them, a private key least of all: what is taken here is shown again.
  if (pem.split('-----BEGIN ').length - 1 !== blocks.length) return false;
  try {
    return blocks.length > 0 && blocks.every((block) => new X509Certificate(block).raw.length > 0);
  } catch {
    return false;
  }
}

function algorithmsOf({
  asymmetricKeyType,
  asymmetricKeyDetails: details,
}: KeyObject): readonly JwtAlgorithm[] {
  if (asymmetricKeyType === 'ed25519') return ['EdDSA'];
  if (asymmetricKeyType === 'ec') {
    const algorithm = curveAlgorithms[details?.namedCurve ?? ''];
    return isJwtAlgorithm(algorithm) ? [algorithm] : [];
  }
  const bits = asymmetricKeyType === 'rsa' ? (details?.modulusLength ?? 0) : 0;
  return bits >= shortestRsa && bits <= longestRsa ? rsaAlgorithms : [];
}
