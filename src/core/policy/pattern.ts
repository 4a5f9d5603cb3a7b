/** Patterns of rules: what they match, and which of two is the more specific. */
import { CofferError } from '../../errors.ts';
import { parseApiPath } from '../path.ts';

export interface Pattern {
  /** As written, without the leading `/`. */
  readonly text: string;
  /** `exact`: no wildcard. `prefix`: only a `*` at the end. `segments`: at least one `+`. */
  readonly kind: 'exact' | 'prefix' | 'segments';
  /** The text without the `*` at the end. */
  readonly stem: string;
  /** Ends in `*`: whatever begins like this matches. */
  readonly open: boolean;
  /** Bytes before the first wildcard. */
  readonly firstWildcard: number;
  /** How many `+`. */
  readonly anySegments: number;
}

/**
 * Takes a rule's path: `*` at the very end matches any rest, `+` any one segment (also the empty one behind a folder's last `/`),
 * and both are literal elsewhere. One leading `/` is dropped. Throws `invalid_request` for a pattern with `+*`, for a template, and for one that no request's path could match.
 */
export function parsePattern(written: string): Pattern {
  const text = written.startsWith('/') ? written.slice(1) : written;
  if (text.includes('{{')) {
    throw new CofferError('invalid_request', 'a template ({{…}}) stands where a path is wanted');
  }
  if (text.includes('+*')) {
    throw new CofferError(
      'invalid_request',
      '"+*" is not a wildcard; use "+" for one segment or "*" for any rest',
    );
  }
  // A rule for a path that is always refused would look as if it protected something.
  parseApiPath(text);
  const open = text.endsWith('*');
  const stem = open ? text.slice(0, -1) : text;
  const segments = stem.split('/');
  const anySegments = segments.filter((segment) => segment === '+').length;
  const literalStart = segments.slice(0, anySegments === 0 ? undefined : segments.indexOf('+'));
  return {
    text,
    kind: anySegments > 0 ? 'segments' : open ? 'prefix' : 'exact',
    stem,
    open,
    // With the `/` before the `+`, unless the `+` is the first segment.
    firstWildcard:
      Buffer.byteLength(literalStart.map((one) => `${one}/`).join('')) - (anySegments > 0 ? 0 : 1),
    anySegments,
  };
}

/**
 * Negative if `one` is less specific than `other`. More specific is: a later first wildcard; no `*` at the end; fewer `+`; longer;
 * greater in byte order. Only for patterns with wildcards; two different ones are never equal.
 */
export function compareSpecificity(one: Pattern, other: Pattern): number {
  return (
    one.firstWildcard - other.firstWildcard ||
    Number(other.open) - Number(one.open) ||
    other.anySegments - one.anySegments ||
    Buffer.byteLength(one.stem) - Buffer.byteLength(other.stem) ||
    Buffer.compare(Buffer.from(one.stem), Buffer.from(other.stem))
  );
}
