/**
 * A root key on its way from a worker that is unsealed to one that is not. It passes the parent, which is no place for keys: so it is
 * sealed between the two, by a key that both agree on for this one time (X25519, RFC 7748; HKDF, RFC 5869; AES-256-GCM).
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { SealedKey } from './protocol.ts';

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const purpose = 'coffer/worker/root-key/v1';

/** A wish for the root key. `open` throws `integrity` for an answer to another wish. */
export function wishForRootKey(): { readonly publicKey: string; open(answer: SealedKey): Buffer } {
  const own = generateKeyPairSync('x25519');
  const publicKey = encodePublic(own.publicKey);
  return {
    publicKey,
    open({ publicKey: theirs, sealed }) {
      const bytes = Buffer.from(sealed, 'base64');
      const key = agreed(own.privateKey, theirs, publicKey, theirs);
      const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes));
      opening.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
      try {
        return Buffer.concat([opening.update(bytes.subarray(nonceBytes + tagBytes)), opening.final()]);
      } catch (cause) {
        throw new CofferError('integrity', 'a key from another worker does not open', { cause });
      } finally {
        key.fill(0);
      }
    },
  };
}

/** Answers a wish by its public key. */
export function sealRootKey(wish: string, rootKey: Buffer, random: Random): SealedKey {
  const own = generateKeyPairSync('x25519');
  const publicKey = encodePublic(own.publicKey);
  const key = agreed(own.privateKey, wish, wish, publicKey);
  const nonce = random.bytes(nonceBytes);
  const sealing = createCipheriv(cipher, key, nonce);
  const text = Buffer.concat([sealing.update(rootKey), sealing.final()]);
  key.fill(0);
  return { publicKey, sealed: Buffer.concat([nonce, sealing.getAuthTag(), text]).toString('base64') };
}

/** Both public keys are part of what it is derived for, so that an answer is to one wish. */
function agreed(own: KeyObject, theirs: string, wish: string, answer: string): Buffer {
  const publicKey = createPublicKey({ key: Buffer.from(theirs, 'base64'), format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey: own, publicKey });
  const key = Buffer.from(hkdfSync('sha256', secret, '', `${purpose}/${wish}/${answer}`, 32));
  secret.fill(0);
  return key;
}

function encodePublic(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64');
}
