/** The `otpauth:` URLs in which secrets of one-time codes are passed around. They come from anywhere: nothing in them is trusted. */
import { CofferError } from '../errors.ts';
import { encodeBase32 } from './base32.ts';
import type { CodeSettings } from './one-time-code.ts';

/** What a URL says; what it leaves out is the request's to say. */
export interface OtpauthFields {
  readonly secret: string;
  readonly issuer: string | undefined;
  readonly accountName: string;
  readonly period: string | undefined;
  readonly digits: string | undefined;
  readonly algorithm: string | undefined;
}

/** Characters: four times what apps write. */
const longest = 4_096;

/** Throws `invalid_request`, never with anything of the URL: it holds the secret. */
export function parseOtpauth(text: string): OtpauthFields {
  const refuse = (why: string) => new CofferError('invalid_request', `the url is not valid: ${why}`);
  if (text.length > longest) throw refuse(`it has at most ${longest} characters`);
  if (!/^otpauth:\/\/totp\//i.test(text)) throw refuse('it begins with otpauth://totp/');
  const url = parseUrl(text);
  if (url === undefined || url.username !== '' || url.port !== '') throw refuse('it cannot be read');
  const label = decodeLabel(url.pathname.slice(1));
  if (label === undefined || hasControls(label)) throw refuse('its label cannot be read');
  const parameter = (name: string): string | undefined => {
    const values = url.searchParams.getAll(name);
    if (values.length > 1) throw refuse(`it says ${name} more than once`);
    const [value] = values;
    if (value !== undefined && hasControls(value)) throw refuse(`its ${name} cannot be read`);
    return value === '' ? undefined : value;
  };
  const colon = label.indexOf(':');
  return {
    secret: parameter('secret') ?? '',
    issuer: parameter('issuer') ?? (colon < 0 ? undefined : label.slice(0, colon).trim()),
    accountName: label.slice(colon + 1).trim(),
    period: parameter('period'),
    digits: parameter('digits'),
    algorithm: parameter('algorithm'),
  };
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function decodeLabel(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Control characters, and what turns the direction of text. */
export function hasControls(text: string): boolean {
  return (
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text) || !text.isWellFormed()
  );
}

/** The URL of a key that was made here. */
export function formatOtpauth(
  key: Buffer,
  issuer: string,
  accountName: string,
  { algorithm, digits, period }: CodeSettings,
): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(accountName)}`;
  const query = [
    ['algorithm', algorithm],
    ['digits', String(digits)],
    ['issuer', issuer],
    ['period', String(period)],
    ['secret', encodeBase32(key)],
  ].map(([name, value = '']) => `${name}=${encodeURIComponent(value)}`);
  return `otpauth://totp/${label}?${query.join('&')}`;
}
