/** Base64 as the wire has it (RFC 4648 §4), strictly: one text for one value, so that nothing can be said in two ways. */
import { CofferError } from '../../errors.ts';

/** Throws `invalid_request` with the words that clients know, never with the text. */
export function decodeBase64(text: string): Buffer {
  const bytes = tryBase64(text);
  if (bytes !== undefined) return bytes;
  const at = text.search(/[^A-Za-z0-9+/]/);
  throw new CofferError('invalid_request', `illegal base64 data at input byte ${at < 0 ? text.length : at}`);
}

/** Undefined for what is no base64. The decoder passes over what it does not know, so its result is compared with the text. */
export function tryBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** The same for base64url without padding (RFC 4648 §5), as JOSE has it. */
export function tryBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
