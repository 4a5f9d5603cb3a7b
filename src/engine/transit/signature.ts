/** Signing and verifying under one version of a key. */
import {
  constants,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  sign as signWith,
  timingSafeEqual,
  verify as verifyWith,
} from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { deriveKey, type OpenKey } from './cipher.ts';
import type { Hash } from './hashes.ts';
import type { RsaType } from './key-types.ts';
import { ed25519FromSeed, privateKey, rawEd25519Private } from './key-version.ts';

export interface SigningOptions {
  /** Undefined for "none": PKCS #1 v1.5 around what was sent, without a name of a hash. */
  readonly hash: Hash | undefined;
  /** What is signed is a digest already. */
  readonly prehashed: boolean;
  readonly padding: 'pss' | 'pkcs1v15';
  /** Bytes of salt for PSS, or one of OpenSSL's special values. */
  readonly saltLength: number;
  /** ECDSA as two numbers side by side (JOSE) in place of DER. */
  readonly sideBySide: boolean;
}

/** Throws `invalid_request` for what this kind of key cannot do. The public key is answered where it was derived. */
export function sign(
  key: OpenKey,
  input: Buffer,
  context: Buffer,
  options: SigningOptions,
): { readonly signature: Buffer; readonly publicKey?: Buffer } {
  const { type, version } = key;
  if (version.key === undefined) {
    throw new CofferError('invalid_request', 'requested version for signing does not contain a private part');
  }
  switch (type.kind) {
    case 'ed25519': {
      const own = key.record.derived ? derivedEd25519(version.key, context) : version.key;
      const signature = signWith(null, input, own);
      if (!key.record.derived) return { signature };
      const { x = '' } = own.export({ format: 'jwk' });
      return { signature, publicKey: Buffer.from(x, 'base64url') };
    }
    case 'ecdsa':
      return { signature: signWith(ecdsaHash(options), input, ecdsaKey(version.key, options)) };
    case 'rsa':
      return { signature: signRsa(version.key, type, input, options) };
    default:
      throw new CofferError('invalid_request', `key type ${type.name} does not support signing`);
  }
}

/** Whether the signature is the key's over this input. A signature that is none is simply not valid. */
export function verify(
  key: OpenKey,
  input: Buffer,
  context: Buffer,
  signature: Buffer,
  options: SigningOptions,
): boolean {
  const { type, version } = key;
  if (version.publicKey === undefined) {
    throw new CofferError('invalid_request', `key type ${type.name} does not support verification`);
  }
  switch (type.kind) {
    case 'ed25519':
      return verifyWith(null, input, ed25519Public(key, context, version.publicKey), signature);
    case 'ecdsa':
      return verifyWith(ecdsaHash(options), input, ecdsaKey(version.publicKey, options), signature);
    case 'rsa':
      return verifyRsa(version.publicKey, type, input, signature, options);
    default:
      throw new CofferError('invalid_request', `key type ${type.name} does not support verification`);
  }
}

/** The public half of the key for a context, 32 bytes. */
export function derivedEd25519Public(key: KeyObject, context: Buffer): Buffer {
  const { x = '' } = derivedEd25519(key, context).export({ format: 'jwk' });
  return Buffer.from(x, 'base64url');
}

/** Seed and public key together are what the key of a context is derived from, as Vault does. */
function derivedEd25519(key: KeyObject, context: Buffer): KeyObject {
  return privateKey(ed25519FromSeed(deriveKey(rawEd25519Private(key), context, 32)));
}

function ed25519Public({ record, version }: OpenKey, context: Buffer, publicKey: KeyObject): KeyObject {
  if (!record.derived) return publicKey;
  if (version.key === undefined) {
    throw new CofferError('invalid_request', 'a derived key verifies only with its private part');
  }
  return createPublicKey(derivedEd25519(version.key, context));
}

function ecdsaHash({ hash, prehashed }: SigningOptions): string {
  // Node signs messages, not digests, and arithmetic of our own would not take constant time.
  if (prehashed || hash === undefined) {
    throw new CofferError(
      'invalid_request',
      'prehashed input is not supported for ecdsa keys: send the input',
    );
  }
  return hash.name;
}

function ecdsaKey(key: KeyObject, { sideBySide }: SigningOptions) {
  return { key, dsaEncoding: sideBySide ? ('ieee-p1363' as const) : ('der' as const) };
}

function signRsa(key: KeyObject, type: RsaType, input: Buffer, options: SigningOptions): Buffer {
  const { hash, prehashed, padding } = options;
  if (padding === 'pkcs1v15' && (prehashed || hash === undefined)) {
    return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(type, input, hash));
  }
  return signWith(messageHash(options), input, rsaKey(key, type, options));
}

function verifyRsa(
  key: KeyObject,
  type: RsaType,
  input: Buffer,
  signature: Buffer,
  options: SigningOptions,
): boolean {
  const { hash, prehashed, padding } = options;
  if (padding === 'pkcs1v15' && (prehashed || hash === undefined)) {
    const wanted = digestInfo(type, input, hash);
    const found = recovered(key, signature);
    return found?.length === wanted.length && timingSafeEqual(found, wanted);
  }
  return verifyWith(messageHash(options), input, rsaKey(key, type, options), signature);
}

function recovered(key: KeyObject, signature: Buffer): Buffer | undefined {
  try {
    return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
  } catch {
    return undefined;
  }
}

function messageHash({ hash, prehashed }: SigningOptions): string {
  if (prehashed || hash === undefined) {
    throw new CofferError(
      'invalid_request',
      'prehashed input of rsa keys needs signature_algorithm=pkcs1v15: for pss send the input',
    );
  }
  return hash.name;
}

function rsaKey(key: KeyObject, type: RsaType, { hash, padding, saltLength }: SigningOptions) {
  if (padding === 'pkcs1v15') return { key, padding: constants.RSA_PKCS1_PADDING };
  const most = type.modulusBits / 8 - 2 - (hash?.bytes ?? 0);
  if (saltLength > most) {
    throw new CofferError('invalid_request', `requested salt length ${saltLength} is invalid`);
  }
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

/** EMSA-PKCS1-v1_5 without its padding (RFC 8017 §9.2). Throws `invalid_request` where the digest cannot be one. */
function digestInfo({ modulusBits }: RsaType, digest: Buffer, hash: Hash | undefined): Buffer {
  if (hash === undefined) {
    if (digest.length <= modulusBits / 8 - 11) return digest;
    throw new CofferError('invalid_request', 'the input is too long for a key of this size');
  }
  if (digest.length === hash.bytes) return Buffer.concat([Buffer.from(hash.digestInfo, 'hex'), digest]);
  throw new CofferError('invalid_request', `a digest of this hash has ${hash.bytes} bytes`);
}
