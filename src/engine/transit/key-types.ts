/** The kinds of keys, described once: what each is made of, and what it can do. */
import { CofferError } from '../../errors.ts';

export type KeyTypeName =
  | 'aes128-gcm96'
  | 'aes256-gcm96'
  | 'chacha20-poly1305'
  | 'ed25519'
  | 'ecdsa-p256'
  | 'ecdsa-p384'
  | 'ecdsa-p521'
  | 'rsa-2048'
  | 'rsa-3072'
  | 'rsa-4096'
  | 'hmac';

/** Symmetric encryption with a tag. `refusal` is what clients know as the text of a ciphertext that does not open. */
export interface AeadType {
  readonly kind: 'aead';
  readonly name: KeyTypeName;
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyBytes: number;
  readonly refusal: string;
}

export interface RsaType {
  readonly kind: 'rsa';
  readonly name: KeyTypeName;
  readonly modulusBits: number;
}

export interface EcdsaType {
  readonly kind: 'ecdsa';
  readonly name: KeyTypeName;
  /** As OpenSSL calls it, and as answers do. */
  readonly curve: 'prime256v1' | 'secp384r1' | 'secp521r1';
  readonly shownCurve: string;
}

export interface Ed25519Type {
  readonly kind: 'ed25519';
  readonly name: KeyTypeName;
}

export interface HmacType {
  readonly kind: 'hmac';
  readonly name: KeyTypeName;
}

export type KeyType = AeadType | RsaType | EcdsaType | Ed25519Type | HmacType;
export type SigningType = RsaType | EcdsaType | Ed25519Type;

const gcmRefusal = 'cipher: message authentication failed';

const types: { readonly [N in KeyTypeName]: KeyType } = {
  'aes128-gcm96': aead('aes128-gcm96', 'aes-128-gcm', 16, gcmRefusal),
  'aes256-gcm96': aead('aes256-gcm96', 'aes-256-gcm', 32, gcmRefusal),
  'chacha20-poly1305': aead(
    'chacha20-poly1305',
    'chacha20-poly1305',
    32,
    'chacha20poly1305: message authentication failed',
  ),
  ed25519: { kind: 'ed25519', name: 'ed25519' },
  'ecdsa-p256': { kind: 'ecdsa', name: 'ecdsa-p256', curve: 'prime256v1', shownCurve: 'P-256' },
  'ecdsa-p384': { kind: 'ecdsa', name: 'ecdsa-p384', curve: 'secp384r1', shownCurve: 'P-384' },
  'ecdsa-p521': { kind: 'ecdsa', name: 'ecdsa-p521', curve: 'secp521r1', shownCurve: 'P-521' },
  'rsa-2048': { kind: 'rsa', name: 'rsa-2048', modulusBits: 2048 },
  'rsa-3072': { kind: 'rsa', name: 'rsa-3072', modulusBits: 3072 },
  'rsa-4096': { kind: 'rsa', name: 'rsa-4096', modulusBits: 4096 },
  hmac: { kind: 'hmac', name: 'hmac' },
};

function aead(name: KeyTypeName, cipher: AeadType['cipher'], keyBytes: number, refusal: string): AeadType {
  return { kind: 'aead', name, cipher, keyBytes, refusal };
}

export const keyTypeNames: readonly KeyTypeName[] = Object.values(types).map(({ name }) => name);

export function keyType(name: KeyTypeName): KeyType {
  return types[name];
}

/** Throws `invalid_request` for a kind that there is not. */
export function parseKeyType(text: string): KeyType {
  const type = keyTypeNames.find((name) => name === text);
  if (type !== undefined) return types[type];
  throw new CofferError('invalid_request', `unknown key type ${text.slice(0, 60)}`);
}

export function encrypts(type: KeyType): type is AeadType | RsaType {
  return type.kind === 'aead' || type.kind === 'rsa';
}

export function signs(type: KeyType): type is SigningType {
  return type.kind === 'rsa' || type.kind === 'ecdsa' || type.kind === 'ed25519';
}

/** Whether a key for each context can be derived from one of this kind. */
export function derives(type: KeyType): type is AeadType | Ed25519Type {
  return type.kind === 'aead' || type.kind === 'ed25519';
}
