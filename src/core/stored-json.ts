/** Records of the core at rest: JSON with a version member, so that an older program knows what it cannot read. */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';

export function encodeStored(record: object): Buffer {
  return Buffer.from(JSON.stringify({ v: 1, ...record }));
}

/** Throws `integrity` for what is no record, `store_unusable` for one of a newer format. */
export function decodeStored<T>(bytes: Buffer): T {
  const parsed = parse(bytes);
  if (parsed['v'] !== 1) {
    throw new CofferError('store_unusable', 'a stored record is of a newer format than this program reads');
  }
  return parsed as T;
}

function parse(bytes: Buffer): JsonObject {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    if (isJsonObject(parsed)) return parsed;
  } catch {
    // Falls through: the text is of no use in an error, for it may hold secrets.
  }
  throw new CofferError('integrity', 'a stored record is not readable');
}
