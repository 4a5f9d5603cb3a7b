/** Paths on their way to the wire. */
import { CofferError } from '../errors.ts';

/**
 * Percent-encodes a path below `/v1/` given as decoded text, segment by segment (RFC 3986 §3.3). A trailing `/` stays.
 * Throws `invalid_request` for what no server would take as it is meant: a proxy on the way would resolve `..` and `//`.
 */
export function encodeApiPath(path: string): string {
  const text = path.replace(/^\//, '');
  if (!text.isWellFormed()) throw new CofferError('invalid_request', 'the path is not valid Unicode text');
  const segments = text.split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '.' || segment === '..') {
      throw new CofferError('invalid_request', 'the path contains a "." or ".." segment');
    }
    if (segment === '' && index < segments.length - 1) {
      throw new CofferError('invalid_request', 'the path contains an empty segment');
    }
  }
  return segments.map(encodeURIComponent).join('/');
}
