/** Signing of JWTs with keys of our own (RFC 7515, RFC 7518, RFC 8037). The library loads when the first token is signed. */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../random.ts';

const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
const rsaBits = 2_048;

export const signingAlgorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** Throws `invalid_request`, naming what there is. */
export function parseSigningAlgorithm(name: string): SigningAlgorithm {
  const known = signingAlgorithms.find((algorithm) => algorithm === name);
  if (known !== undefined) return known;
  throw new CofferError('invalid_request', `algorithm is one of ${signingAlgorithms.join(', ')}`);
}

/** A key pair as it is kept. The private half is a secret. */
export interface SigningKey {
  readonly keyId: string;
  readonly algorithm: SigningAlgorithm;
  /** PKCS#8, DER, base64. */
  readonly privateKey: string;
  /** As others may see it: a JWK with `kid`, `alg` and `use` (RFC 7517 §4). */
  readonly publicJwk: JsonObject;
}

/** Made off the event loop: an RSA key takes a while. */
export async function generateSigningKey(algorithm: SigningAlgorithm, random: Random): Promise<SigningKey> {
  const { publicKey, privateKey } = await makePair(algorithm);
  const keyId = random.bytes(16).toString('hex');
  return {
    keyId,
    algorithm,
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    publicJwk: {
      use: 'sig',
      kid: keyId,
      alg: algorithm,
      ...(publicKey.export({ format: 'jwk' }) as JsonObject),
    },
  };
}

const generate = promisify(generateKeyPair);

function makePair(
  algorithm: SigningAlgorithm,
): Promise<{ readonly publicKey: KeyObject; readonly privateKey: KeyObject }> {
  if (algorithm === 'EdDSA') return generate('ed25519');
  if (algorithm.startsWith('RS')) return generate('rsa', { modulusLength: rsaBits });
  return generate('ec', { namedCurve: curves[algorithm as keyof typeof curves] });
}

/** The compact form of a JWT over these claims. */
export async function signJwt(claims: JsonObject, key: SigningKey): Promise<string> {
  const { SignJWT } = await import('jose');
  const privateKey = createPrivateKey({
    key: Buffer.from(key.privateKey, 'base64'),
    format: 'der',
    type: 'pkcs8',
  });
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: key.algorithm, kid: key.keyId, typ: 'JWT' })
    .sign(privateKey);
}

export interface OwnJwt {
  readonly issuer: string;
  /** Undefined for any. */
  readonly audience: string | undefined;
  /** Milliseconds. */
  readonly now: number;
}

/**
 * The claims of a token that one of these keys has signed, each by its own algorithm alone. Undefined for anything else: another's,
 * one that has ended, one for somebody else.
 */
export async function verifyOwnJwt(
  token: string,
  publicJwks: readonly JsonObject[],
  { issuer, audience, now }: OwnJwt,
): Promise<JsonObject | undefined> {
  const { decodeProtectedHeader, jwtVerify } = await import('jose');
  try {
    const { kid } = decodeProtectedHeader(token);
    const jwk = publicJwks.find((one) => typeof kid === 'string' && one['kid'] === kid);
    if (jwk === undefined || typeof jwk['alg'] !== 'string') return undefined;
    const { payload } = await jwtVerify(token, createPublicKey({ key: { ...jwk }, format: 'jwk' }), {
      algorithms: [jwk['alg']],
      issuer,
      currentDate: new Date(now),
      requiredClaims: ['exp', 'sub', 'aud'],
      ...(audience === undefined ? {} : { audience }),
    });
    return payload as JsonObject;
  } catch {
    // Whatever is wrong with it, it is not to be relied on.
    return undefined;
  }
}
