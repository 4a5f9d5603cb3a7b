import { CofferError } from '../errors.ts';

declare const apiPath: unique symbol;
/**
 * A request's path below `/v1/`, decoded once: no empty, `.` or `..` segment, no backslash, no control character, at most
 * 700 bytes. A trailing `/` is kept; it means the folder. The same object is authorised and used.
 */
export type ApiPath = string & { readonly [apiPath]: true };

const longestPath = 700;

/** Takes the path as percent-decoded text without leading `/`. Throws `invalid_request`. */
export function parseApiPath(text: string): ApiPath {
  if (Buffer.byteLength(text) > longestPath) {
    throw new CofferError('invalid_request', `path is longer than ${longestPath} bytes`);
  }
  if (hasForbiddenCharacter(text) || !text.isWellFormed()) {
    throw new CofferError(
      'invalid_request',
      'path contains a control character, a backslash or invalid text',
    );
  }
  const segments = text.split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '' && index < segments.length - 1) {
      throw new CofferError('invalid_request', 'path contains an empty segment');
    }
    if (segment === '.' || segment === '..') {
      throw new CofferError('invalid_request', 'path contains a "." or ".." segment');
    }
  }
  return text as ApiPath;
}

function hasForbiddenCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    // C0, DEL, backslash, C1, and the two Unicode line separators.
    if (code < 0x20 || code === 0x5c || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029) {
      return true;
    }
  }
  return false;
}

/** The path as a folder: with exactly one trailing `/`. */
export function asFolder(path: ApiPath): ApiPath {
  return path === '' || path.endsWith('/') ? path : (`${path}/` as ApiPath);
}
