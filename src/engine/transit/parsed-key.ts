/** Keys from outside, made sure of: of the right kind and size, and a private key that fits its public one. */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import type { KeyType, SigningType } from './key-types.ts';
import { privateKey, publicDerOf } from './key-version.ts';
import { checkHmacBytes } from './new-key.ts';

export interface ParsedKey {
  readonly key: Buffer | undefined;
  readonly publicKey: Buffer | undefined;
}

/** Raw bytes, or PKCS #8 in DER. Throws `invalid_request`, never with anything of the key. */
export function parseSecretKey(type: KeyType, bytes: Buffer): ParsedKey {
  if (type.kind === 'aead' || type.kind === 'hmac') {
    const fits = type.kind === 'hmac' ? checkHmacBytes(bytes.length) : bytes.length === type.keyBytes;
    if (!fits) {
      throw new CofferError(
        'invalid_request',
        `invalid key size ${bytes.length} bytes for key type ${type.name}`,
      );
    }
    return { key: bytes, publicKey: undefined };
  }
  const key = readKey(
    () => privateKey(bytes),
    'error parsing asymmetric key: it is a private key as PKCS #8 in DER',
  );
  checkKind(type, key);
  const publicKey = createPublicKey(key);
  if (!belongsTogether(type, key, publicKey)) {
    throw new CofferError('invalid_request', 'the private key does not sign what its public key verifies');
  }
  // As the library writes it: what else the file held is left behind.
  return { key: key.export({ format: 'der', type: 'pkcs8' }), publicKey: publicDerOf(key) };
}

/** SubjectPublicKeyInfo as PEM. */
export function parsePublicKey(type: KeyType, pem: string): ParsedKey {
  if (type.kind === 'aead' || type.kind === 'hmac') {
    throw new CofferError('invalid_request', 'provided type does not support public_key import');
  }
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) {
    throw new CofferError('invalid_request', 'error parsing public key: not in PEM format');
  }
  const key = readKey(() => createPublicKey({ key: pem, format: 'pem' }), 'error parsing public key');
  checkKind(type, key);
  return { key: undefined, publicKey: key.export({ format: 'der', type: 'spki' }) };
}

function readKey(read: () => KeyObject, otherwise: string): KeyObject {
  try {
    return read();
  } catch {
    throw new CofferError('invalid_request', otherwise);
  }
}

function checkKind(type: SigningType, key: KeyObject): void {
  const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = key;
  const wanted = type.kind === 'ecdsa' ? 'ec' : type.kind;
  const fits =
    kind === wanted &&
    (type.kind !== 'ecdsa' || details?.namedCurve === type.curve) &&
    (type.kind !== 'rsa' ||
      (details?.modulusLength === type.modulusBits && isExponent(details?.publicExponent)));
  if (!fits) throw new CofferError('invalid_request', `invalid key type: expected ${type.name}`);
}

/** An even exponent has no inverse, and 1 encrypts nothing. */
function isExponent(exponent: bigint | undefined): boolean {
  return exponent !== undefined && exponent >= 3n && exponent % 2n === 1n;
}

function belongsTogether(type: SigningType, key: KeyObject, publicKey: KeyObject): boolean {
  const probe = Buffer.from('coffer');
  const hash = type.kind === 'ed25519' ? null : 'sha256';
  try {
    return verify(hash, probe, publicKey, sign(hash, probe, key));
  } catch {
    return false;
  }
}
