/** A request's target: the path below `/v1/`, taken apart and decoded once, and its query. */

import { type ApiPath, parseApiPath } from '../core/path.ts';
import { CofferError } from '../errors.ts';
import { emptyObject, type JsonValue } from '../json.ts';
import { percentDecode } from './percent.ts';

export type Target =
  | { readonly kind: 'path'; readonly path: ApiPath; readonly query: string }
  /** The same path with doubled slashes made one. Always starts with `/v1/`, so it stays on this server. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** Not below `/v1/`. */
  | { readonly kind: 'outside' };

const root = '/v1/';
const absoluteForm = /^https?:\/\/[^/?#]*/i;

/** Throws `invalid_request` for a path that is not one (`parseApiPath`), or hides a separator behind percent-encoding. */
export function parseTarget(target: string): Target {
  // RFC 9112 §3.2.2: a server takes the absolute form too. Whose authority it names makes no difference here.
  const local = target.startsWith('/') ? target : target.replace(absoluteForm, '');
  const mark = local.indexOf('?');
  const path = mark === -1 ? local : local.slice(0, mark);
  const query = mark === -1 ? '' : local.slice(mark + 1);
  if (path.includes('//')) {
    const cleaned = path.replace(/\/{2,}/g, '/');
    if (!cleaned.startsWith(root)) return { kind: 'outside' };
    return { kind: 'redirect', location: mark === -1 ? cleaned : `${cleaned}?${query}` };
  }
  if (!path.startsWith(root)) return { kind: 'outside' };
  return { kind: 'path', path: parseApiPath(decodePath(path.slice(root.length))), query };
}

function decodePath(encoded: string): string {
  if (isPlain(encoded)) return encoded;
  if (encoded.includes('#')) {
    throw new CofferError('invalid_request', 'path contains "#"; send it as %23');
  }
  // A separator that a proxy in front of us did not see as one must not become one here.
  if (/%2f|%5c/i.test(encoded)) {
    throw new CofferError('invalid_request', 'path contains an encoded slash or backslash');
  }
  return percentDecode(encoded, 'path');
}

/** Printable ASCII without `%` and `#`: stands for itself. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f || code === 0x25 || code === 0x23) return false;
  }
  return true;
}

/**
 * Query or form fields by name, all of them text; a name sent several times gets `repeated(values)`. The result has no
 * prototype. Throws `invalid_request` for encoding that is not percent-encoded UTF-8 (`+` is a blank) and for more than `most` fields.
 */
export function parseFields(
  text: string,
  what: string,
  most: number,
  repeated: (values: string[]) => JsonValue,
): Record<string, JsonValue> {
  const fields = emptyObject();
  if (text === '') return fields;
  const pairs = text.split('&', most + 1);
  if (pairs.length > most) throw new CofferError('invalid_request', `${what} has more than ${most} fields`);
  const several = new Map<string, string[]>();
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeField(equals === -1 ? pair : pair.slice(0, equals), what);
    const value = equals === -1 ? '' : decodeField(pair.slice(equals + 1), what);
    const earlier = fields[name];
    if (earlier === undefined) {
      fields[name] = value;
      continue;
    }
    const values = several.get(name);
    if (values === undefined) several.set(name, [earlier as string, value]);
    else values.push(value);
  }
  for (const [name, values] of several) fields[name] = repeated(values);
  return fields;
}

function decodeField(text: string, what: string): string {
  const blanks = text.includes('+') ? text.replaceAll('+', ' ') : text;
  return /[%\x80-\xff]/.test(blanks) ? percentDecode(blanks, what) : blanks;
}

/** A query as data. As with Vault, a name sent several times is a list. */
export function parseQuery(query: string): Record<string, JsonValue> {
  // The header limit bounds a query's length and so its fields.
  return parseFields(query, 'query', query.length + 1, (values) => values);
}
