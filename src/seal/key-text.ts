import { CofferError } from '../errors.ts';

/**
 * Reads a share as a person gives it: hex, or base64 (with or without padding). Hex is tried first if the length fits 32 or 33 bytes.
 * Throws `invalid_request` without repeating what was given.
 */
export function parseShare(text: string): Buffer {
  const trimmed = text.trim();
  if (/^(?:[0-9a-f]{64}|[0-9a-f]{66})$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (/^[A-Za-z0-9+/]{43,44}=?$/.test(trimmed)) {
    const share = Buffer.from(trimmed, 'base64');
    const spelled = share.toString('base64');
    if (trimmed === spelled || `${trimmed}=` === spelled) return share;
  }
  throw new CofferError('invalid_request', 'an unseal key is 32 or 33 bytes, written in hex or in base64');
}
