/**
 * Shamir's secret sharing over GF(2^8), for 32-byte keys. A share is 33 bytes: one point for each byte of the key, and last the
 * x coordinate. A library splits; its tables would tell by their place in the CPU's cache which bytes they were asked for, so keys are
 * put together by arithmetic of our own (`gf256.ts`). With a single share there is nothing to split, and the share is the key itself, 32 bytes, as Vault has it.
 */
import { split } from 'shamir-secret-sharing';
import { CofferError } from '../errors.ts';
import { interpolateAtZero } from './gf256.ts';

const keyBytes = 32;
/** Length in bytes of a share, where there is more than one. */
const pointBytes = keyBytes + 1;
const mostShares = 255;

/** Length in bytes of one share among so many that `threshold` of them are needed. */
export function shareBytes(threshold: number): number {
  return threshold === 1 ? keyBytes : pointBytes;
}

/** Throws `invalid_request` unless 1 ≤ threshold ≤ shares ≤ 255, and a threshold of 1 comes with a single share. */
export function checkSplit(shares: number, threshold: number): void {
  if (!Number.isInteger(shares) || shares < 1 || shares > mostShares) {
    throw new CofferError(
      'invalid_request',
      `the number of shares is a whole number from 1 to ${mostShares}`,
    );
  }
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > shares) {
    throw new CofferError(
      'invalid_request',
      'the threshold is a whole number from 1 to the number of shares',
    );
  }
  if (threshold === 1 && shares > 1) {
    throw new CofferError(
      'invalid_request',
      'a threshold of 1 comes with 1 share: with more, each of them would be the whole key',
    );
  }
}

/** Splits a 32-byte key. The key is left as it is; throws `invalid_request` for numbers that make no sense. */
export async function splitSecret(secret: Buffer, shares: number, threshold: number): Promise<Buffer[]> {
  checkSplit(shares, threshold);
  if (secret.length !== keyBytes) {
    throw new CofferError('invalid_request', `a key of ${keyBytes} bytes is split, not ${secret.length}`);
  }
  if (shares === 1) return [Buffer.from(secret)];
  // The library takes a plain Uint8Array and nothing derived from it.
  const plain = new Uint8Array(secret);
  try {
    return (await split(plain, shares, threshold)).map(asBuffer);
  } finally {
    plain.fill(0);
  }
}

/**
 * Puts the key together again. Wrong or too few shares give a wrong key, which only its use can tell; throws `invalid_request`
 * for what cannot be shares of one key: other lengths, the same one twice, an x coordinate of 0.
 */
export async function combineShares(shares: readonly Buffer[]): Promise<Buffer> {
  const [first] = shares;
  if (shares.length === 1 && first?.length === keyBytes) return Buffer.from(first);
  if (shares.length < 2 || shares.length > mostShares) {
    throw new CofferError('invalid_request', `a key is put together from 2 to ${mostShares} shares`);
  }
  const coordinates = new Set(shares.map(coordinate));
  if (coordinates.size < shares.length) {
    throw new CofferError('invalid_request', 'the same share was given twice');
  }
  const points = shares.map((share) => ({ x: coordinate(share), y: share.subarray(0, keyBytes) }));
  return interpolateAtZero(points);
}

/** The x coordinate of a share among several. Throws `invalid_request` for what is none. */
export function coordinate(share: Buffer): number {
  if (share.length !== pointBytes) {
    throw new CofferError('invalid_request', `a share has ${pointBytes} bytes, not ${share.length}`);
  }
  const x = share.readUInt8(keyBytes);
  if (x === 0) throw new CofferError('invalid_request', 'this is not a share: its coordinate is 0');
  return x;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
