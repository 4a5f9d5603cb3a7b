/**
 * The key pair under which keys come in from outside: an AES key wrapped by RSA-OAEP, and the key wrapped by that one (PKCS #11's
 * CKM_RSA_AES_KEY_WRAP; RFC 8017 §7.1, RFC 5649).
 */
import { constants, createDecipheriv, privateDecrypt } from 'node:crypto';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { Rooms } from './environment.ts';
import { generateVersion } from './generate.ts';
import { keyType } from './key-types.ts';
import { privateKey } from './key-version.ts';

const path = 'wrapping-key';
const modulusBytes = 512;
const wrappedKeyBytes = 32;
/** The alternative initial value of RFC 5649 §3; the length that follows it is the cipher's business. */
const initialValue = Buffer.from('a65959a6', 'hex');

const oaepHashes: Readonly<Record<string, string>> = {
  SHA1: 'sha1',
  SHA224: 'sha224',
  SHA256: 'sha256',
  SHA384: 'sha384',
  SHA512: 'sha512',
};

interface WrappingKey {
  /** PKCS #8 and SubjectPublicKeyInfo in DER, base64. */
  readonly key: string;
  readonly public: string;
}

/** SubjectPublicKeyInfo in DER. The pair is made when it is first asked for. */
export async function wrappingPublicKey(rooms: Rooms, view: View): Promise<Buffer> {
  return Buffer.from((await readOrMake(rooms, view)).public, 'base64');
}

async function readOrMake({ environment }: Rooms, view: View): Promise<WrappingKey> {
  const there = await view.read(path);
  if (there !== undefined) return decodeStored<WrappingKey>(there.open());
  const { random, clock } = environment;
  const { key, publicKey } = await generateVersion(keyType('rsa-4096'), 0, random, clock.now());
  if (key === undefined || publicKey === undefined) throw new CofferError('internal', 'no key was made');
  const made: WrappingKey = { key: key.toString('base64'), public: publicKey.toString('base64') };
  try {
    await view.commit([{ path, value: encodeStored(made) }], [{ path, revision: null }]);
    return made;
  } catch (error) {
    const other = error instanceof ConflictError ? await view.read(path) : undefined;
    if (other === undefined) throw error;
    return decodeStored<WrappingKey>(other.open());
  }
}

/** Throws `invalid_request` for a hash that nobody knows. */
export function parseOaepHash(text: string): string {
  const name = text.toUpperCase();
  const hash = Object.hasOwn(oaepHashes, name) ? oaepHashes[name] : undefined;
  if (hash !== undefined) return hash;
  throw new CofferError('invalid_request', `unknown hash function: ${text.slice(0, 60)}`);
}

/**
 * The key that was wrapped. Throws `invalid_request`, in one way whichever of the two wrappings does not open: otherwise answers
 * would tell about the first (Manger, CRYPTO 2001).
 */
export async function unwrapKey(
  rooms: Rooms,
  view: View,
  wrapped: Buffer,
  oaepHash: string,
): Promise<Buffer> {
  if (wrapped.length <= modulusBytes) {
    throw new CofferError('invalid_request', 'provided ciphertext is too short');
  }
  const pair = await readOrMake(rooms, view);
  try {
    const aesKey = privateDecrypt(
      {
        key: privateKey(Buffer.from(pair.key, 'base64')),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash,
      },
      wrapped.subarray(0, modulusBytes),
    );
    if (aesKey.length !== wrappedKeyBytes) throw new CofferError('invalid_request', 'not 32 bytes');
    const decipher = createDecipheriv('id-aes256-wrap-pad', aesKey, initialValue);
    aesKey.fill(0);
    return Buffer.concat([decipher.update(wrapped.subarray(modulusBytes)), decipher.final()]);
  } catch {
    throw new CofferError('invalid_request', 'the ciphertext does not open with the wrapping key');
  }
}
