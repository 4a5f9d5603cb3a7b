import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';

export interface BootRecordShape {
  /** For messages: `the store's header`. */
  readonly name: string;
  readonly format: number;
  /** The names besides `format`; exactly these. */
  readonly members: readonly string[];
}

/**
 * Reads a record that rests in the clear: a JSON object with a `format`. Throws `store_unusable` if a newer Coffer wrote it,
 * `integrity` for anything else than the shape.
 */
export function decodeBootRecord(bytes: Buffer, { name, format, members }: BootRecordShape): JsonObject {
  const parsed = parseJson(bytes);
  const found = isJsonObject(parsed) ? parsed['format'] : undefined;
  if (typeof found === 'number' && Number.isSafeInteger(found) && found > format) {
    throw new CofferError(
      'store_unusable',
      `this store has format ${found} and was written by a newer Coffer; this one reads format ${format}`,
    );
  }
  const names = isJsonObject(parsed) ? Object.keys(parsed) : [];
  const expected = ['format', ...members];
  if (
    !isJsonObject(parsed) ||
    found !== format ||
    names.length !== expected.length ||
    !expected.every((member) => names.includes(member))
  ) {
    throw new CofferError('integrity', `${name} is damaged`);
  }
  return parsed;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
