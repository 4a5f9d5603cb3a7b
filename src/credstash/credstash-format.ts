/**
 * Items as credstash 1.17.1 writes them, and credsmash under the name `aes-ctr-legacy`: AES-256-CTR with the counter beginning at 1,
 * then HMAC over the ciphertext alone. Nothing binds an item to its name, version or digest, and the data key's halves are used
 * as they are; that is the format, and the reason for Coffer's own.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { defaultDigest, hmac, isMac } from './digest.ts';
import { type DataKey, type ItemFormat, notedShape, notes, type Opened, type Sealing } from './format.ts';
import { base64Of, type Item, label, malformed, optionalText } from './item.ts';

const algorithm = 'aes-256-ctr';
const keyLength = 64;
/** pycrypto's default counter. The data key is new for each item, so that the same counter never meets the same key. */
const firstCounter = Buffer.from('00000000000000000000000000000001', 'hex');

export const credstashFormat: ItemFormat = {
  family: 'credstash',
  keyLength,
  wrappedKey: (item) => base64Of(item, 'key'),
  contextFor: (_place, given) => given,
  opening: (item) => (dataKey) => open(item, dataKey),
  seal,
};

function open(item: Item, dataKey: Buffer): Opened {
  const [cipherKey, macKey] = halves(item, dataKey);
  const contents = base64Of(item, 'contents');
  if (!isMac(digestOf(item), macKey, contents, storedMac(item), label(item))) throw tampered(item);
  const decipher = createDecipheriv(algorithm, cipherKey, firstCounter);
  const bytes = Buffer.concat([decipher.update(contents), decipher.final()]);
  return { bytes, shape: notedShape(item) };
}

/** `hmac` is written as B, byte for byte as credstash 1.17.1 does on Python 3. */
function seal(_random: Random, { plaintext, wrapped }: DataKey, sealing: Sealing): Item {
  const { name, version, bytes, comment, digest = defaultDigest } = sealing;
  const cipher = createCipheriv(algorithm, plaintext.subarray(0, 32), firstCounter);
  const contents = Buffer.concat([cipher.update(bytes), cipher.final()]);
  const mac = hmac(digest, plaintext.subarray(32), contents, name);
  return {
    name: { S: name },
    version: { S: version },
    key: { S: wrapped.toString('base64') },
    contents: { S: contents.toString('base64') },
    hmac: { B: Buffer.from(mac.toString('hex')) },
    digest: { S: digest },
    ...(comment === undefined || comment === '' ? {} : { comment: { S: comment } }),
    ...notes(sealing),
  };
}

function halves(item: Item, dataKey: Buffer): readonly [Buffer, Buffer] {
  if (dataKey.length !== keyLength) throw malformed(item, 'key');
  return [dataKey.subarray(0, 32), dataKey.subarray(32)];
}

/** Items from before 1.12 name none; credsmash 2.0 to 2.2.1 wrote it under another name. */
export function digestOf(item: Item): string {
  return optionalText(item, 'digest') ?? optionalText(item, 'digest_method') ?? defaultDigest;
}

/** Hex in lower case, as text (Python 2, most ports) or as the bytes of that text (Python 3). */
function storedMac(item: Item): Buffer {
  const stored = Object.hasOwn(item, 'hmac') ? item['hmac'] : undefined;
  const bytes = stored?.B;
  const text =
    bytes instanceof Uint8Array ? Buffer.from(bytes).toString('latin1') : optionalText(item, 'hmac');
  if (text === undefined || !/^([0-9a-f]{2})+$/.test(text)) throw malformed(item, 'hmac');
  return Buffer.from(text, 'hex');
}

/** The one answer to a code that does not fit. */
export function tampered(item: Item): CofferError {
  return new CofferError(
    'integrity',
    `${label(item)} does not match its authentication code: the item was changed, or its key is of another item`,
  );
}
