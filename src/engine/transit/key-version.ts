/** One version of a key: the key itself, at rest and ready for use. */
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { KeyType } from './key-types.ts';

/** What rests, once. A version never changes, but for a private key that is imported beside its public one. */
export interface StoredVersion {
  /** Milliseconds. */
  readonly createdAt: number;
  /** Raw bytes of a symmetric key, PKCS #8 in DER of a private one; undefined where only a public key was imported. */
  readonly key: Buffer | undefined;
  /** SubjectPublicKeyInfo in DER; undefined for symmetric keys. */
  readonly publicKey: Buffer | undefined;
  /** For HMACs under this version. That of an hmac key is the key. */
  readonly hmacKey: Buffer;
}

/** Ready for use; keys as `KeyObject`, which print as nothing. */
export interface KeyVersion {
  readonly key: KeyObject | undefined;
  readonly publicKey: KeyObject | undefined;
  readonly hmacKey: KeyObject;
}

interface Written {
  readonly at: number;
  readonly key?: string;
  readonly public?: string;
  readonly hmac: string;
}

export function encodeVersion(version: StoredVersion): Buffer {
  const { createdAt, key, publicKey, hmacKey } = version;
  const written: Written = {
    at: createdAt,
    ...(key === undefined ? {} : { key: key.toString('base64') }),
    ...(publicKey === undefined ? {} : { public: publicKey.toString('base64') }),
    hmac: hmacKey.toString('base64'),
  };
  return encodeStored(written);
}

export function decodeVersion(bytes: Buffer): StoredVersion {
  const { at, key, public: publicKey, hmac } = decodeStored<Written>(bytes);
  return {
    createdAt: at,
    key: key === undefined ? undefined : Buffer.from(key, 'base64'),
    publicKey: publicKey === undefined ? undefined : Buffer.from(publicKey, 'base64'),
    hmacKey: Buffer.from(hmac, 'base64'),
  };
}

/** Throws `integrity` where the stored bytes are no key of this kind. */
export function openVersion(type: KeyType, stored: StoredVersion): KeyVersion {
  try {
    const hmacKey = createSecretKey(stored.hmacKey);
    if (type.kind === 'aead' || type.kind === 'hmac') {
      return { key: createSecretKey(stored.key ?? Buffer.alloc(0)), publicKey: undefined, hmacKey };
    }
    const publicKey = createPublicKey({
      key: stored.publicKey ?? Buffer.alloc(0),
      format: 'der',
      type: 'spki',
    });
    return { key: stored.key === undefined ? undefined : privateKey(stored.key), publicKey, hmacKey };
  } catch {
    // Not as a cause: OpenSSL's errors are about the key.
    throw new CofferError('integrity', 'a stored key version is not readable');
  }
}

/** A private key out of PKCS #8 in DER. Throws what OpenSSL throws. */
export function privateKey(der: Buffer): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/** The public key that belongs to a private one, as it rests. */
export function publicDerOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}

/** The 32 bytes of an Ed25519 public key: the end of its SubjectPublicKeyInfo (RFC 8410 §4). */
export function rawEd25519Public(spki: Buffer): Buffer {
  return spki.subarray(-32);
}

/** Seed and public key, 64 bytes: the form in which clients know a private Ed25519 key. */
export function rawEd25519Private(key: KeyObject): Buffer {
  const { d = '', x = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')]);
}

/** What RFC 8410 §7 puts before the 32 bytes of a seed. */
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** PKCS #8 in DER of the Ed25519 key with this seed. */
export function ed25519FromSeed(seed: Buffer): Buffer {
  return Buffer.concat([ed25519Prefix, seed]);
}
