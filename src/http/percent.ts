/** Percent-encoding (RFC 3986 §2.1), undone exactly once. */
import { isUtf8 } from 'node:buffer';
import { CofferError } from '../errors.ts';

const percent = 0x25;

/**
 * Text meant by `encoded`, which holds one byte a character, as it came over the wire. Raw and encoded bytes alike must make
 * up UTF-8. Throws `invalid_request`; `what` names the part in the message, which never repeats the text.
 */
export function percentDecode(encoded: string, what: string): string {
  const bytes = Buffer.from(encoded, 'latin1');
  let written = 0;
  for (let read = 0; read < bytes.length; read++, written++) {
    if (bytes[read] !== percent) {
      bytes[written] = bytes[read] ?? 0;
      continue;
    }
    bytes[written] = hexByte(bytes[read + 1], bytes[read + 2], what);
    read += 2;
  }
  const decoded = bytes.subarray(0, written);
  if (!isUtf8(decoded)) throw new CofferError('invalid_request', `${what} is not UTF-8 text`);
  return decoded.toString('utf8');
}

function hexByte(high: number | undefined, low: number | undefined, what: string): number {
  const value = hexDigit(high) * 16 + hexDigit(low);
  if (value >= 0) return value;
  throw new CofferError('invalid_request', `${what} has a % without two hexadecimal digits`);
}

/** Far below zero for anything else, so that a sum with it is negative. */
function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1_000;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1_000;
}
