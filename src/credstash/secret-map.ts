/** How the map of fields that a secret is for the verbs rests in an item of a table: a bare value is the item, a map is its JSON. */

import { isJsonObject, type JsonObject } from '../json.ts';
import { lossOf } from '../json-loss.ts';
import { bareField, bareValue, decodeValue, encodeValue, secretOf } from '../secret-value.ts';
import type { Opened, Shape, WrittenFormat } from './format.ts';

/** Bytes as they are, but for credstash: its programs take values for text, and get the data URL that stands for bytes elsewhere. */
export function encodeSecret(
  secret: JsonObject,
  format: WrittenFormat,
): { readonly bytes: Buffer; readonly shape: Shape } {
  const bare = bareValue(secret);
  if (typeof bare === 'string') {
    const value = format === 'credstash' ? undefined : decodeValue(bare);
    const texts = [Buffer.from(bare)];
    const forms = value?.kind === 'binary' ? [value.bytes, ...texts] : texts;
    const bytes = forms.find((each) => bareText(each) === bare);
    if (bytes !== undefined) return { bytes, shape: 'bare' };
  }
  // What no item could be as it is (half a surrogate pair, say) is a map of its one field.
  return { bytes: Buffer.from(JSON.stringify(secret)), shape: 'map' };
}

/** Where nobody said which it is, a JSON object with fields is a map, unless reading it as one would lose something. */
export function decodeSecret({ bytes, shape }: Opened): JsonObject {
  const map = shape === 'bare' ? undefined : mapOf(bytes);
  return map ?? secretOf([[bareField, bareText(bytes)]]);
}

/** What an item is read as, for who writes it anew: where nobody said which it is, the copy says it. */
export function shapeOf({ bytes, shape }: Opened): Shape {
  return shape ?? (mapOf(bytes) === undefined ? 'bare' : 'map');
}

/** The text of a data URL that stands for bytes is itself again. */
function bareText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return decodeValue(text).kind === 'binary' && Buffer.from(text).equals(bytes) ? text : encodeValue(bytes);
}

function mapOf(bytes: Buffer): JsonObject | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value) || Object.keys(value).length === 0) return undefined;
    return lossOf(text) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}
