/**
 * Which signatures and keys count. What is not in these lists is too weak to say who somebody is (SHA-1, MD5, short RSA keys), or
 * nobody uses it.
 */
import type { KeyObject } from 'node:crypto';

/** By object identifier: RSA (RFC 4055 §5), ECDSA (RFC 5758 §3.2), Ed25519 and Ed448 (RFC 8410 §3), each with SHA-2. */
const strong: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
  '1.3.101.113',
]);

const rsaPss = '1.2.840.113549.1.1.10';

/**
 * The parameters of RSASSA-PSS (RFC 4055 §3.1) in DER, in hex: one hash for both places and a salt of its length. Absent members
 * mean SHA-1, so parameters are compared whole. `NULL` inside is as RFC 4055 §2.1 asks.
 */
const pssParameters: ReadonlySet<string> = new Set(
  (['01', '02', '03'] as const).map((hash, index) => {
    const sha2 = `300d06096086480165030402${hash}0500`;
    const salt = ['20', '30', '40'][index] ?? '';
    return `3034a00f${sha2}a11c301a06092a864886f70d010108${sha2}a2030201${salt}`;
  }),
);

/** @param parameters the algorithm's parameters in DER, or undefined */
export function isStrongSignature(algorithm: string, parameters: Buffer | undefined): boolean {
  if (algorithm === rsaPss) return parameters !== undefined && pssParameters.has(parameters.toString('hex'));
  return strong.has(algorithm);
}

const curves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

export function isStrongKey(key: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
    case 'rsa-pss':
      return modulusLength >= 2048;
    case 'ec':
      return curves.has(namedCurve);
    case 'ed25519':
    case 'ed448':
      return true;
    default:
      return false;
  }
}
