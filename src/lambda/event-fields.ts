/** What events of several fronts have in common: headers, bodies and addresses, as Node's own parser would have them. */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { CofferError } from '../errors.ts';
import type { WholeMessage } from '../http/whole-message.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

/** Of these Node keeps the first where several were sent (`message.headers` in its manual); all others are joined. */
const single: ReadonlySet<string> = new Set([
  ...['age', 'authorization', 'content-length', 'content-type', 'etag', 'expires', 'from', 'host'],
  ...['if-modified-since', 'if-unmodified-since', 'last-modified', 'location', 'max-forwards'],
  ...['proxy-authorization', 'referer', 'retry-after', 'server', 'user-agent'],
]);

export interface ReadHeaders {
  readonly headers: IncomingHttpHeaders;
  readonly headerCount: number;
  readonly headerBytes: number;
}

/** Headers of an event, of one value or of several each. Throws `invalid_request` for what is neither. */
export function readHeaders(one: JsonValue | undefined, several: JsonValue | undefined): ReadHeaders {
  const headers = Object.create(null) as Record<string, string>;
  let headerCount = 0;
  let headerBytes = 0;
  for (const [name, values] of valuesOf(one, several)) {
    const key = name.toLowerCase();
    for (const value of values) {
      headerCount += 1;
      // As on the wire: a colon, a blank, an end of line.
      headerBytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 4;
      const earlier = headers[key];
      if (earlier === undefined) headers[key] = value;
      else if (!single.has(key)) headers[key] = `${earlier}${key === 'cookie' ? '; ' : ', '}${value}`;
    }
  }
  return { headers, headerCount, headerBytes };
}

/** Names and values of a member that comes in two forms: a text each, or a list of them. */
export function valuesOf(
  one: JsonValue | undefined,
  several: JsonValue | undefined,
): readonly (readonly [string, readonly string[]])[] {
  const source = isJsonObject(several) ? several : isJsonObject(one) ? one : {};
  return Object.entries(source).map(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    if (!values.every((each) => typeof each === 'string')) throw malformed();
    return [name, values];
  });
}

/** Throws `invalid_request` for a body that is no text. */
export function readBody(event: JsonObject): Pick<WholeMessage, 'bodyLength' | 'body'> {
  const body = event['body'] ?? '';
  if (typeof body !== 'string') throw malformed();
  if (event['isBase64Encoded'] !== true) {
    return { bodyLength: Buffer.byteLength(body), body: () => Buffer.from(body) };
  }
  return { bodyLength: Buffer.byteLength(body, 'base64'), body: () => Buffer.from(body, 'base64') };
}

/** Throws `invalid_request` for what is no text, or is empty. */
export function text(value: JsonValue | undefined): string {
  if (typeof value === 'string' && value !== '') return value;
  throw malformed();
}

/** An address as a front says it, IPv4 in its own form. Throws `invalid_request` for what is none: it goes into the audit log. */
export function addressOf(value: JsonValue | undefined): string {
  const address = typeof value === 'string' ? value : '';
  if (isIP(address) === 0 || address.includes('%')) throw malformed();
  const lower = address.toLowerCase();
  return lower.startsWith('::ffff:') && lower.includes('.') ? lower.slice('::ffff:'.length) : lower;
}

export function malformed(): CofferError {
  return new CofferError('invalid_request', 'the event is not as its front makes them');
}

/** A member that is an object; an empty one where it is something else. */
export function member(event: JsonObject, name: string): JsonObject {
  const value = event[name];
  return isJsonObject(value) ? value : {};
}

/** Headers of an answer as one text each; none of ours comes twice. */
export function headersOf(pairs: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at + 1 < pairs.length; at += 2) headers[pairs[at] ?? ''] = pairs[at + 1] ?? '';
  return headers;
}
