/** Which names are looked for: a part of the name, or a pattern with `*` (any text) and `?` (one character). */
import { CofferError } from '../../errors.ts';

export type NamePattern = (path: string) => boolean;

const longestPattern = 200;

/**
 * A pattern with a `/` is held against the whole path below the folder, one without against the last segment. Letters count as
 * written. Empty matches everything. Throws `invalid_request` for one that is too long.
 */
export function parseNamePattern(text: string): NamePattern {
  if (text.length > longestPattern) {
    throw new CofferError('invalid_request', `a name to look for has at most ${longestPattern} characters`);
  }
  const part = text.includes('/') ? (path: string) => path : lastSegment;
  if (!/[*?]/.test(text)) return (path) => part(path).includes(text);
  const pattern = [...text];
  return (path) => matches(pattern, [...part(path)]);
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Goes back to the last `*` only, so the work is at most the product of both lengths. */
function matches(pattern: readonly string[], text: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let taken = 0;
  for (let index = 0; index < text.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      taken = index;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++taken;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
