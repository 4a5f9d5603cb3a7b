/** JSON as Go's encoding/json writes and reads it, where that is not what JavaScript does. */
import type { JsonObject, JsonValue } from '../../json.ts';

/** `json.MarshalIndent` of a list of texts, with one space before each line and four a level; `null` for none. */
export function encodeTexts(texts: readonly string[]): string {
  if (texts.length === 0) return 'null';
  return `[\n${texts.map((each) => `     ${encodeText(each)}`).join(',\n')}\n ]`;
}

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
  '\\b': '\\u0008',
  '\\f': '\\u000c',
};

/** Go escapes what a page could take for markup, and has no short forms of backspace and form feed. */
function encodeText(text: string): string {
  return JSON.stringify(text).replace(/\\.|[<>&\u2028\u2029]/g, (found) => escapes[found] ?? found);
}

/** A member as Go finds it for a field: in whatever case its name is written, and of several the last. */
export function memberOf(object: JsonObject, name: string): JsonValue | undefined {
  const wanted = name.toLowerCase();
  return Object.entries(object).findLast(([each]) => each.toLowerCase() === wanted)?.[1];
}
