/** Making the key of a new version. */
import { generateKeyPair, generateKeyPairSync } from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '../../crypto/random.ts';
import type { KeyType } from './key-types.ts';
import { ed25519FromSeed, privateKey, publicDerOf, type StoredVersion } from './key-version.ts';
import { Turns } from './turns.ts';

/** Bytes of a version's key for HMACs, where the key itself is none. */
const hmacKeyBytes = 32;

/**
 * Seconds of a core for the largest, on a thread of the pool that also writes the audit log to disk: so one at a time in the whole
 * process.
 */
const rsaTurns = new Turns(16);
const generateRsa = promisify(generateKeyPair);

/**
 * A fresh key. Symmetric keys and seeds come from `random`; RSA and ECDSA keys from OpenSSL's own generator, which takes no other.
 * @param keySize bytes of an hmac key
 */
export async function generateVersion(
  type: KeyType,
  keySize: number,
  random: Random,
  now: number,
): Promise<StoredVersion> {
  const made = await generateKey(type, keySize, random);
  const hmacKey = type.kind === 'hmac' ? made.key : random.bytes(hmacKeyBytes);
  return { createdAt: now, ...made, hmacKey };
}

async function generateKey(
  type: KeyType,
  keySize: number,
  random: Random,
): Promise<{ readonly key: Buffer; readonly publicKey: Buffer | undefined }> {
  switch (type.kind) {
    case 'aead':
      return { key: random.bytes(type.keyBytes), publicKey: undefined };
    case 'hmac':
      return { key: random.bytes(keySize), publicKey: undefined };
    case 'ed25519': {
      const key = ed25519FromSeed(random.bytes(32));
      return { key, publicKey: publicDerOf(privateKey(key)) };
    }
    case 'ecdsa':
      return encoded(generateKeyPairSync('ec', { namedCurve: type.curve }));
    case 'rsa':
      return encoded(
        await rsaTurns.run(() =>
          generateRsa('rsa', { modulusLength: type.modulusBits, publicExponent: 65_537 }),
        ),
      );
  }
}

function encoded(pair: {
  readonly privateKey: import('node:crypto').KeyObject;
  readonly publicKey: import('node:crypto').KeyObject;
}): { readonly key: Buffer; readonly publicKey: Buffer } {
  return {
    key: pair.privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }),
  };
}
