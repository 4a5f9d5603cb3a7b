/** Secrets of a kv v1 mount at rest: one record a path, with the text itself or with where its parts lie. */
import { parseStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { Upload } from './large-value.ts';

export type PlainValue =
  | { readonly kind: 'text'; readonly text: Buffer }
  | { readonly kind: 'large'; readonly upload: Upload };

export const plainFolder = 'plain/';

export function plainPath(path: string): string {
  return plainFolder + path;
}

/** First byte of a record. */
const textFormat = 1;
const largeFormat = 2;

export function encodePlain(value: PlainValue): Buffer {
  const [format, rest] =
    value.kind === 'text'
      ? [textFormat, value.text]
      : [largeFormat, Buffer.from(JSON.stringify({ id: value.upload.id, parts: value.upload.parts }))];
  return Buffer.concat([Buffer.of(format), rest]);
}

/** Throws `store_unusable` for a newer format. */
export function decodePlain(bytes: Buffer): PlainValue {
  const rest = bytes.subarray(1);
  if (bytes[0] === textFormat) return { kind: 'text', text: rest };
  if (bytes[0] === largeFormat) return { kind: 'large', upload: parseStored<Upload>(rest) };
  throw new CofferError('store_unusable', 'a secret is of a newer format than this program reads');
}
