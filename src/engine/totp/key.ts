/** A key of one-time codes at rest, with what was accepted and refused last. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { Algorithm, CodeSettings } from '../../crypto/one-time-code.ts';
import { CofferError } from '../../errors.ts';

export interface TotpKey extends CodeSettings {
  readonly key: Buffer;
  readonly issuer: string;
  readonly accountName: string;
  /** Steps before and after the current one whose codes are accepted too. */
  readonly skew: number;
  /** The latest step whose code was accepted; -1 for none. It and all before it are used up. */
  readonly lastStep: number;
  /** Wrong codes during one step. */
  readonly wrong: { readonly step: number; readonly count: number };
}

export const keyFolder = 'key/';

export function keyPath(name: string): string {
  return keyFolder + name;
}

export function encodeTotpKey({ key, ...rest }: TotpKey): Buffer {
  return encodeStored({ ...rest, key: key.toString('base64') });
}

export function decodeTotpKey(bytes: Buffer): TotpKey {
  const stored = decodeStored<Omit<TotpKey, 'key'> & { readonly key: string }>(bytes);
  return { ...stored, key: Buffer.from(stored.key, 'base64') };
}

/** Throws `invalid_request` for what cannot be the name of a key. */
export function parseKeyName(text: string | undefined): string {
  if (text !== undefined && /^\w(?:[\w.@-]{0,126}\w)?$/.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a key’s name has 1 to 128 letters, digits, "_", "-", "." and "@", and begins and ends with a letter, digit or "_"',
  );
}

export function parseAlgorithm(text: string): Algorithm {
  if (text === 'SHA1' || text === 'SHA256' || text === 'SHA512') return text;
  throw new CofferError('invalid_request', 'the algorithm value is not valid');
}

export function parseDigits(number: number): 6 | 8 {
  if (number === 6 || number === 8) return number;
  throw new CofferError('invalid_request', 'the digits value can only be 6 or 8');
}

/** Seconds: a code that lives for longer than a day is a password. */
export const longestPeriod = 86_400;

export function parsePeriod(seconds: number): number {
  if (!(seconds > 0)) throw new CofferError('invalid_request', 'the period value must be greater than zero');
  if (seconds > longestPeriod) {
    throw new CofferError('invalid_request', `the period value is at most ${longestPeriod} seconds`);
  }
  return seconds;
}

export function parseSkew(steps: number): number {
  if (steps === 0 || steps === 1) return steps;
  throw new CofferError('invalid_request', 'the skew value must be 0 or 1');
}
