/** Randomness is handed in, so that vectors can be made again byte for byte. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** `length` fresh bytes that nobody else holds. */
  bytes(length: number): Buffer;
}

/** Bytes drawn from the system at a time, and the longest piece cut from them. A call costs 1.5 µs, which each nonce would pay. */
const drawnAtOnce = 4_096;
const longestPiece = 64;
let drawn = Buffer.alloc(0);
let used = 0;

/**
 * The operating system's generator: the only one outside tests and vector making. Short pieces (nonces, tokens, keys) are cut
 * from bytes drawn ahead; what is handed out is wiped there at once, so no piece is ever handed out twice or found again.
 */
export const systemRandom: Random = {
  bytes(length) {
    if (length > longestPiece) return randomBytes(length);
    if (used + length > drawn.length) {
      drawn = randomBytes(drawnAtOnce);
      used = 0;
    }
    const piece = Buffer.from(drawn.subarray(used, used + length));
    drawn.fill(0, used, used + length);
    used += length;
    return piece;
  },
};

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
