/** Encrypting and decrypting under one version of a key. */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { KeyRecord } from './key-record.ts';
import type { AeadType, KeyType, RsaType } from './key-types.ts';
import type { KeyVersion } from './key-version.ts';

/** What an encryption is bound to; both are empty where nothing was sent. */
export interface Binding {
  readonly context: Buffer;
  readonly associatedData: Buffer;
}

/** A key of an encrypting kind, and the version to use. */
export interface OpenKey {
  readonly record: KeyRecord;
  readonly type: KeyType;
  readonly version: KeyVersion;
}

/** Bytes of a nonce and a tag: 96 and 128 bits (SP 800-38D §8.2, RFC 8439 §2.8). */
const nonceBytes = 12;
const tagBytes = 16;
const nothing = Buffer.alloc(0);

const missingContext =
  "missing 'context' for key derivation; the key was created using a derived key, which means additional, per-request information must be included in order to perform operations with the key";

/** The key for a context: HKDF-SHA-256 (RFC 5869) of the version's key, with the context as info. Throws without a context. */
export function deriveKey(key: KeyObject | Buffer, context: Buffer, length: number): Buffer {
  if (context.length === 0) throw new CofferError('invalid_request', missingContext);
  // HKDF in Node takes an info of 1,024 bytes at most.
  if (context.length > 1_024) throw new CofferError('invalid_request', 'a context has at most 1,024 bytes');
  return Buffer.from(hkdfSync('sha256', key, nothing, context, length));
}

/** Throws `invalid_request` where the kind of key does not encrypt, or not this much, or lacks what it needs. */
export function encrypt(key: OpenKey, plaintext: Buffer, binding: Binding, random: Random): Buffer {
  const { type } = key;
  if (type.kind === 'aead') return encryptAead(key, type, plaintext, binding, random);
  if (type.kind === 'rsa') return encryptRsa(key, type, plaintext);
  throw new CofferError('invalid_request', `message encryption not supported for key type ${type.name}`);
}

/** Throws `invalid_request`, in one way whatever it is that does not fit: ciphertext, context or associated data. */
export function decrypt(key: OpenKey, ciphertext: Buffer, binding: Binding): Buffer {
  const { type } = key;
  if (type.kind === 'aead') return decryptAead(key, type, ciphertext, binding);
  if (type.kind === 'rsa') return decryptRsa(key, ciphertext);
  throw new CofferError('invalid_request', `message decryption not supported for key type ${type.name}`);
}

/** The answer to associated data for a kind of key that cannot bind it. */
export function checkAssociatedData(type: KeyType, data: Buffer, index: number): void {
  if (data.length === 0 || type.kind === 'aead') return;
  throw new CofferError(
    'invalid_request',
    `'[${index}].associated_data' provided for non-AEAD cipher suite ${type.name}`,
  );
}

/** Symmetric keys always have their key: only public keys come without. */
function secretOf({ version }: OpenKey): KeyObject {
  if (version.key !== undefined) return version.key;
  throw new CofferError('integrity', 'a stored key version is not readable');
}

interface AeadKeys {
  readonly encryption: KeyObject;
  /** Of convergent keys: what nonces are made with, without and with associated data. */
  readonly nonce?: Buffer;
  readonly nonceWithData?: Buffer;
}

function aeadKeys(key: OpenKey, type: AeadType, context: Buffer): AeadKeys {
  if (!key.record.derived) return { encryption: secretOf(key) };
  const { keyBytes } = type;
  const derived = deriveKey(secretOf(key), context, key.record.convergent ? keyBytes + 64 : keyBytes);
  const encryption = createSecretKey(derived.subarray(0, keyBytes));
  if (!key.record.convergent) return { encryption };
  return {
    encryption,
    nonce: derived.subarray(keyBytes, keyBytes + 32),
    nonceWithData: derived.subarray(keyBytes + 32),
  };
}

function encryptAead(
  key: OpenKey,
  type: AeadType,
  plaintext: Buffer,
  { context, associatedData }: Binding,
  random: Random,
): Buffer {
  const keys = aeadKeys(key, type, context);
  const nonce = convergentNonce(keys, plaintext, associatedData) ?? random.bytes(nonceBytes);
  const cipher = openCipher(type, keys.encryption, nonce);
  cipher.setAAD(associatedData, { plaintextLength: plaintext.length });
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/**
 * The nonce of a convergent key follows from the plaintext, so that equal plaintexts give equal ciphertexts (Vault's third version
 * of it: HMAC-SHA-256, cut). Associated data goes in as well, under a key of its own and told apart by its length: two tags under
 * one nonce would give the authentication key away (SP 800-38D App. A).
 */
function convergentNonce(
  { nonce, nonceWithData }: AeadKeys,
  plaintext: Buffer,
  associatedData: Buffer,
): Buffer | undefined {
  if (nonce === undefined || nonceWithData === undefined) return undefined;
  if (associatedData.length === 0) {
    return createHmac('sha256', nonce).update(plaintext).digest().subarray(0, nonceBytes);
  }
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(associatedData.length));
  const mac = createHmac('sha256', nonceWithData).update(length).update(associatedData).update(plaintext);
  return mac.digest().subarray(0, nonceBytes);
}

function decryptAead(
  key: OpenKey,
  type: AeadType,
  ciphertext: Buffer,
  { context, associatedData }: Binding,
): Buffer {
  const keys = aeadKeys(key, type, context);
  if (ciphertext.length < nonceBytes + tagBytes) {
    throw new CofferError('invalid_request', 'invalid ciphertext length');
  }
  const decipher = openDecipher(type, keys.encryption, ciphertext.subarray(0, nonceBytes));
  const body = ciphertext.subarray(nonceBytes, -tagBytes);
  decipher.setAAD(associatedData, { plaintextLength: body.length });
  decipher.setAuthTag(ciphertext.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch {
    throw new CofferError('invalid_request', type.refusal);
  }
}

/** The types of `createCipheriv` tell the ciphers apart by their literal names. */
function openCipher({ cipher }: AeadType, key: KeyObject, nonce: Buffer) {
  const options = { authTagLength: tagBytes };
  return cipher === 'chacha20-poly1305'
    ? createCipheriv(cipher, key, nonce, options)
    : createCipheriv(cipher, key, nonce, options);
}

function openDecipher({ cipher }: AeadType, key: KeyObject, nonce: Buffer) {
  const options = { authTagLength: tagBytes };
  return cipher === 'chacha20-poly1305'
    ? createDecipheriv(cipher, key, nonce, options)
    : createDecipheriv(cipher, key, nonce, options);
}

/** OAEP with SHA-256 takes two hashes and two bytes of the modulus (RFC 8017 §7.1.1). */
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;

function encryptRsa({ version }: OpenKey, { modulusBits }: RsaType, plaintext: Buffer): Buffer {
  const most = modulusBits / 8 - 2 * 32 - 2;
  if (plaintext.length > most) {
    throw new CofferError('invalid_request', `a key of this size encrypts at most ${most} bytes`);
  }
  if (version.publicKey === undefined) {
    throw new CofferError('integrity', 'a stored key version is not readable');
  }
  return publicEncrypt({ key: version.publicKey, ...oaep }, plaintext);
}

function decryptRsa({ version }: OpenKey, ciphertext: Buffer): Buffer {
  if (version.key === undefined) {
    throw new CofferError(
      'invalid_request',
      'cannot decrypt ciphertext, key version does not have a private counterpart',
    );
  }
  try {
    return privateDecrypt({ key: version.key, ...oaep }, ciphertext);
  } catch {
    throw new CofferError(
      'invalid_request',
      'failed to RSA decrypt the ciphertext: crypto/rsa: decryption error',
    );
  }
}
