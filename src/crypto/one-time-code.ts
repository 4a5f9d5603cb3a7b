/** One-time codes: HOTP (RFC 4226 §5.3) over time steps (RFC 6238 §4.2). */
import { createHmac, timingSafeEqual } from 'node:crypto';

export type Algorithm = 'SHA1' | 'SHA256' | 'SHA512';

export interface CodeSettings {
  readonly algorithm: Algorithm;
  readonly digits: 6 | 8;
  /** Seconds of a time step. */
  readonly period: number;
}

/** The step that a time lies in. @param now milliseconds */
export function stepAt(now: number, { period }: CodeSettings): number {
  return Math.floor(now / 1_000 / period);
}

/** The code of a step, with leading zeros. */
export function codeAt(key: Buffer, step: number, { algorithm, digits }: CodeSettings): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac(algorithm, key).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 15;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/**
 * The steps around now whose code this is, from the oldest. Each code is compared in constant time, and all are looked at.
 * @param skew steps before and after that count as well
 */
export function stepsOf(
  code: string,
  key: Buffer,
  now: number,
  settings: CodeSettings,
  skew: number,
): readonly number[] {
  const current = stepAt(now, settings);
  const found: number[] = [];
  for (let step = Math.max(0, current - skew); step <= current + skew; step++) {
    const right = Buffer.from(codeAt(key, step, settings));
    const sent = Buffer.from(code);
    if (sent.length === right.length && timingSafeEqual(sent, right)) found.push(step);
  }
  return found;
}
