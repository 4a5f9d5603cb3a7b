/** Records of the core at rest: JSON with a version member, so that an older program knows what it cannot read. */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';

export function encodeStored(record: object): Buffer {
  // One that was read has its version already. For all others a splice is cheaper than a copy.
  if (Object.hasOwn(record, 'v')) return Buffer.from(JSON.stringify({ ...record, v: 1 }));
  const json = JSON.stringify(record);
  return Buffer.from(json === '{}' ? '{"v":1}' : `{"v":1,${json.slice(1)}`);
}

/** Throws `integrity` for what is no record, `store_unusable` for one of a newer format. */
export function decodeStored<T>(bytes: Buffer): T {
  const parsed = parse(bytes);
  if (parsed['v'] !== 1) {
    throw new CofferError('store_unusable', 'a stored record is of a newer format than this program reads');
  }
  return parsed as T;
}

/** A record that is plain JSON of its owner's own shape. Throws `integrity`, without a word of what stands there. */
export function parseStored<T>(bytes: Buffer): T {
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch {
    // Not as a cause: the parser's error quotes the text, which may hold secrets, and causes are logged.
    throw new CofferError('integrity', 'a stored record is not readable');
  }
}

function parse(bytes: Buffer): JsonObject {
  const parsed = parseStored<unknown>(bytes);
  if (isJsonObject(parsed)) return parsed;
  throw new CofferError('integrity', 'a stored record is not readable');
}
