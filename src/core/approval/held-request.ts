/**
 * What a request that waits is: all that decides what it does, as one text, and a digest that tells any other request from it. Two
 * requests are the same when they would do the same for the same token: the order in which an object's members came says nothing.
 */
import { createHash } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { type ApiPath, parseApiPath } from '../path.ts';
import type { Operation, Request } from '../request.ts';
import { parseStored } from '../stored-json.ts';

/** The part of a request that is held. */
export type Held = Pick<Request, 'operation' | 'path' | 'data' | 'wrapTtl'>;

/** Bytes of text: a secret of 1 MiB and what stands around it. */
const longestText = 1_400_000;

/** Throws `payload_too_large`. */
export function encodeHeld({ operation, path, data, wrapTtl }: Held): string {
  const text = JSON.stringify({ operation, path, data, wrapTtl });
  if (Buffer.byteLength(text) <= longestText) return text;
  throw new CofferError(
    'payload_too_large',
    `a request of more than ${longestText} bytes cannot wait for approval`,
  );
}

/** Throws `integrity` where it is no longer what `encodeHeld` made. */
export function decodeHeld(text: string): Held {
  const parsed = parseStored<{
    readonly operation: Operation;
    readonly path: string;
    readonly data: JsonObject;
    readonly wrapTtl: number;
  }>(Buffer.from(text));
  return { ...parsed, data: bare(parsed.data), path: parseApiPath(parsed.path) satisfies ApiPath };
}

/** Objects without a prototype, as a listener makes them: no name in a body is ever one of the language's own. */
function bare<T extends JsonValue>(value: T): T {
  if (Array.isArray(value)) return value.map((item: JsonValue) => bare(item)) as unknown as T;
  if (!isJsonObject(value)) return value;
  const object = emptyObject();
  for (const name of Object.keys(value)) object[name] = bare(value[name] ?? null);
  return object as T;
}

/**
 * SHA-256 of what the request is and who asks, hex. There is one namespace, and it is part of it all the same: what is approved in
 * one must never count in another.
 *
 * @param asker entity and accessor of the token that asked
 */
export function digestOf(held: Held, asker: { readonly entityId: string; readonly tokenAccessor: string }) {
  const parts = [
    'approval-1',
    'root',
    held.operation,
    held.path,
    canonical(held.data),
    String(held.wrapTtl),
    asker.entityId,
    asker.tokenAccessor,
  ];
  const hash = createHash('sha256');
  // With their lengths, so that no two lists of parts are the same bytes.
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex');
}

/** JSON text with members in the order of their names. Bodies are no deeper than the listener lets them be. */
function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => canonical(item)).join(',')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`);
  return `{${members.join(',')}}`;
}
