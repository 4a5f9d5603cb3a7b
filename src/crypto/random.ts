/** Randomness is handed in, so that vectors can be made again byte for byte. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** `length` fresh bytes that nobody else holds. */
  bytes(length: number): Buffer;
}

/** The operating system's generator: the only one outside tests and vector making. */
export const systemRandom: Random = { bytes: (length) => randomBytes(length) };

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The largest multiple of 62 in a byte. Bytes from here on are drawn again: a plain modulo would favour the first letters. */
const unbiasedBelow = 248;

/** Letters and digits, each equally likely: 5.95 bits a character. */
export function randomBase62(random: Random, length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random.bytes(length - text.length)) {
      if (byte < unbiasedBelow) text += base62.charAt(byte % 62);
    }
  }
  return text;
}

/** A version 4 UUID in lower case (RFC 9562 §5.4). */
export function randomUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
