/** What a device makes its codes with, out of the URL in which it is handed on (the key URI format of authenticator apps). */
import { decodeBase32 } from '../../crypto/base32.ts';
import type { Algorithm, CodeSettings } from '../../crypto/one-time-code.ts';
import { parseOtpauth } from '../../crypto/otpauth.ts';
import { CofferError } from '../../errors.ts';

export interface Seed extends CodeSettings {
  readonly key: Buffer;
}

/** Bytes: RFC 4226 §4 (R6) asks for 128 bits at least. */
const shortestKey = 16;
const longestKey = 512;
/** Seconds. A code that lives for longer can be passed on. */
const periods = { shortest: 10, longest: 300 } as const;

/**
 * Reads a URL with its own digits, period and algorithm. What it says of issuer and account is not looked at: whose device it is, is
 * said by where it is put. Throws `invalid_request`, never with anything of the URL.
 */
export function seedOfUrl(url: string): Seed {
  const { secret, period, digits, algorithm } = parseOtpauth(url);
  // As old programs wrote it: blanks around it, in either case, with padding or without.
  const key = decodeBase32(secret.trim());
  if (key === undefined || key.length < shortestKey || key.length > longestKey) {
    throw new CofferError(
      'invalid_request',
      `the url’s secret is not base32 of ${shortestKey} to ${longestKey} bytes`,
    );
  }
  return {
    key,
    algorithm: parseAlgorithm(algorithm ?? 'SHA1'),
    digits: parseDigits(wholeNumber(digits ?? '6', 'digits')),
    period: parsePeriod(wholeNumber(period ?? '30', 'period')),
  };
}

/** Throws `invalid_request` for any but those of RFC 6238 §1.2. */
export function parseAlgorithm(text: string): Algorithm {
  const name = text.toUpperCase();
  if (name === 'SHA1' || name === 'SHA256' || name === 'SHA512') return name;
  throw new CofferError('invalid_request', 'the algorithm is SHA1, SHA256 or SHA512');
}

/** Throws `invalid_request`. */
export function parseDigits(digits: number): 6 | 8 {
  if (digits === 6 || digits === 8) return digits;
  throw new CofferError('invalid_request', 'a code has 6 or 8 digits');
}

/** Seconds. Throws `invalid_request`. */
export function parsePeriod(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= periods.shortest && seconds <= periods.longest) return seconds;
  throw new CofferError(
    'invalid_request',
    `the period is ${periods.shortest} to ${periods.longest} whole seconds`,
  );
}

function wholeNumber(text: string, what: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new CofferError('invalid_request', `the url’s ${what} is no number`);
}
