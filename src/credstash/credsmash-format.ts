/**
 * Items as credsmash 3 writes them. `aes-ctr`: the data key's first half encrypts, its second half authenticates the ciphertext
 * (not the nonce). `aes-gcm`: the whole data key, no associated data. Raw bytes throughout.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { digestOf, tampered } from './credstash-format.ts';
import { defaultDigest, hmac, isMac } from './digest.ts';
import { type DataKey, type ItemFormat, notedShape, notes, type Opened, type Sealing } from './format.ts';
import { bytesOf, type Item, label, malformed, optionalBytes } from './item.ts';

const counterBytes = 16;
/** What credsmash takes for an `aes-ctr` item without a nonce. */
const firstCounter = Buffer.from('00000000000000000000000000000001', 'hex');

export const aesCtrFormat: ItemFormat = {
  family: 'credsmash',
  keyLength: 64,
  wrappedKey: (item) => bytesOf(item, 'key'),
  contextFor: (_place, given) => given,
  opening: (item) => (dataKey) => openCtr(item, dataKey),
  seal: sealCtr,
};

/** What credsmash writes where its configuration says so. */
export const aesGcmFormat: ItemFormat = {
  ...aesCtrFormat,
  keyLength: 32,
  opening: (item) => (dataKey) => openGcm(item, dataKey),
  seal: sealGcm,
};

function openCtr(item: Item, dataKey: Buffer): Opened {
  const half = dataKey.length / 2;
  if (half !== 16 && half !== 24 && half !== 32) throw malformed(item, 'key');
  const contents = bytesOf(item, 'contents');
  const mac = bytesOf(item, 'hmac');
  if (!isMac(digestOf(item), dataKey.subarray(half), contents, mac, label(item))) throw tampered(item);
  const nonce = optionalBytes(item, 'nonce') ?? firstCounter;
  if (nonce.length !== counterBytes) throw malformed(item, 'nonce');
  const decipher = createDecipheriv(`aes-${half * 8}-ctr`, dataKey.subarray(0, half), nonce);
  return { bytes: Buffer.concat([decipher.update(contents), decipher.final()]), shape: notedShape(item) };
}

function openGcm(item: Item, dataKey: Buffer): Opened {
  const bits = dataKey.length * 8;
  if (bits !== 128 && bits !== 192 && bits !== 256) throw malformed(item, 'key');
  const iv = bytesOf(item, 'iv');
  const tag = bytesOf(item, 'tag');
  if (iv.length === 0) throw malformed(item, 'iv');
  if (tag.length !== 16) throw malformed(item, 'tag');
  const decipher = createDecipheriv(`aes-${bits}-gcm`, dataKey, iv, { authTagLength: 16 });
  decipher.setAuthTag(tag);
  const bytes = decipher.update(bytesOf(item, 'contents'));
  try {
    decipher.final();
  } catch {
    bytes.fill(0);
    throw tampered(item);
  }
  return { bytes, shape: notedShape(item) };
}

function sealCtr(random: Random, { plaintext, wrapped }: DataKey, sealing: Sealing): Item {
  const { digest = defaultDigest } = sealing;
  const half = plaintext.length / 2;
  const nonce = random.bytes(counterBytes);
  const cipher = createCipheriv(`aes-${half * 8}-ctr`, plaintext.subarray(0, half), nonce);
  const contents = Buffer.concat([cipher.update(sealing.bytes), cipher.final()]);
  return {
    name: { S: sealing.name },
    version: { S: sealing.version },
    key: { B: wrapped },
    contents: { B: contents },
    hmac: { B: hmac(digest, plaintext.subarray(half), contents, sealing.name) },
    nonce: { B: nonce },
    digest: { S: digest },
    algorithm: { S: 'aes-ctr' },
    ...notes(sealing),
  };
}

/** The data key is new for each item, so that a random nonce never meets the same key twice (SP 800-38D §8.2.2). */
function sealGcm(random: Random, { plaintext, wrapped }: DataKey, sealing: Sealing): Item {
  const bits = plaintext.length * 8;
  if (bits !== 128 && bits !== 192 && bits !== 256) {
    throw new CofferError('internal', 'a data key of this format has 16, 24 or 32 bytes');
  }
  const iv = random.bytes(12);
  const cipher = createCipheriv(`aes-${bits}-gcm`, plaintext, iv, { authTagLength: 16 });
  const contents = Buffer.concat([cipher.update(sealing.bytes), cipher.final()]);
  return {
    name: { S: sealing.name },
    version: { S: sealing.version },
    key: { B: wrapped },
    contents: { B: contents },
    iv: { B: iv },
    tag: { B: cipher.getAuthTag() },
    algorithm: { S: 'aes-gcm' },
    ...notes(sealing),
  };
}
