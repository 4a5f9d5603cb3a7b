/** A method of login MFA at rest: what its one-time codes are like. Only `totp` is one. */
import type { Algorithm, CodeSettings } from '../../crypto/one-time-code.ts';
import { CofferError } from '../../errors.ts';

export interface MfaMethod extends CodeSettings {
  /** A uuid. */
  readonly id: string;
  /** Empty for none; else unique, and as good as the id where a login names methods. */
  readonly name: string;
  /** Shown by the apps that make codes. */
  readonly issuer: string;
  /** Bytes of secrets to come. */
  readonly keySize: number;
  /** Steps before and after the current one whose codes are taken too. */
  readonly skew: 0 | 1;
  /** Wrong codes in a row before an entity's codes are not looked at for a while. */
  readonly maxAttempts: number;
  /** Pixels of a side of barcodes; 0 for none. */
  readonly qrSize: number;
}

/** What may be sent of a method; undefined leaves what it was. */
export interface MethodWish {
  readonly method_name?: string | undefined;
  readonly issuer?: string | undefined;
  readonly period?: number | undefined;
  readonly key_size?: number | undefined;
  readonly qr_size?: number | undefined;
  readonly algorithm?: string | undefined;
  readonly digits?: number | undefined;
  readonly skew?: number | undefined;
  readonly max_validation_attempts?: number | undefined;
}

export function newMethod(id: string): MfaMethod {
  return {
    id,
    name: '',
    issuer: '',
    period: 30,
    keySize: 20,
    qrSize: 200,
    algorithm: 'SHA1',
    digits: 6,
    skew: 1,
    maxAttempts: 5,
  };
}

/** The method with what was sent put over it. Throws `invalid_request`. */
export function changedMethod(before: MfaMethod, wish: MethodWish): MfaMethod {
  const issuer = wish.issuer ?? before.issuer;
  if (issuer === '') throw refuse('issuer must be set');
  return {
    id: before.id,
    name: parseMethodName(wish.method_name ?? before.name),
    issuer: parseIssuer(issuer),
    period: between(wish.period ?? before.period, 'period', 10, 3_600),
    // RFC 4226 §4 asks for 128 bits at least.
    keySize: between(wish.key_size ?? before.keySize, 'key_size', 16, 64),
    qrSize: between(wish.qr_size ?? before.qrSize, 'qr_size', 0, 2_000),
    algorithm: parseAlgorithm(wish.algorithm ?? before.algorithm),
    digits: parseDigits(wish.digits ?? before.digits),
    skew: parseSkew(wish.skew ?? before.skew),
    maxAttempts: between(
      wish.max_validation_attempts || before.maxAttempts,
      'max_validation_attempts',
      1,
      10,
    ),
  };
}

/** Empty is no name. A name never looks like an id, so that neither is taken for the other. */
function parseMethodName(text: string): string {
  const isId = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(text);
  if (text === '' || (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text) && !isId)) return text;
  throw refuse(
    'method_name has 1 to 128 letters, digits, ".", "_" and "-", begins with a letter or digit, and is no uuid',
  );
}

function parseIssuer(text: string): string {
  if (text.length <= 256 && text.isWellFormed() && !/[\p{Cc}:]/u.test(text)) return text;
  throw refuse('issuer has at most 256 characters, none of them a colon or a control character');
}

function between(value: number, name: string, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw refuse(`${name} is a whole number from ${least} to ${most}`);
}

function parseAlgorithm(text: string): Algorithm {
  if (text === 'SHA1' || text === 'SHA256' || text === 'SHA512') return text;
  throw refuse('algorithm is SHA1, SHA256 or SHA512');
}

function parseDigits(digits: number): 6 | 8 {
  if (digits === 6 || digits === 8) return digits;
  throw refuse('digits is 6 or 8');
}

function parseSkew(skew: number): 0 | 1 {
  if (skew === 0 || skew === 1) return skew;
  throw refuse('skew is 0 or 1');
}

function refuse(why: string): CofferError {
  return new CofferError('invalid_request', why);
}
