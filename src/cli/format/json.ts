/** JSON (RFC 8259). One secret is the object of its fields, several are an object of such objects by name. */
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { lineAt, lineError, type TreeFormat } from './format.ts';
import { scanJson } from './json-scan.ts';

export const format: TreeFormat = {
  kind: 'tree',
  encodeOne: ({ data }) => written(data),
  encodeMany(secrets) {
    const all = emptyObject();
    for (const { name, data } of secrets) all[name] = data;
    return written(all);
  },
  decodeOne: (text) => read(text),
  decodeMany: (text) =>
    Object.entries(read(text)).map(([name, data]) => {
      if (!isJsonObject(data)) throw lineError(1, 'each name must have an object of fields');
      return { name, data };
    }),
};

function written(document: JsonObject): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

function read(text: string): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw lineError(lineOf(text, error), 'this is not JSON');
  }
  if (!isJsonObject(value)) throw lineError(1, 'the document must be a JSON object');
  scanJson(text);
  return value;
}

/** The parser's message tells the place; all else in it may be a piece of a secret. */
function lineOf(text: string, error: unknown): number {
  const position = error instanceof SyntaxError ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  return lineAt(text, position === undefined ? text.length : Number(position));
}
