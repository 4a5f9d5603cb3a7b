/** JSON (RFC 8259). One secret is the object of its fields, several are an object of such objects by name. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { lineAt, lineError, type TreeFormat } from './format.ts';
import { jsonFault } from './json-fault.ts';
import { scanJson } from './json-scan.ts';

export const format: TreeFormat = {
  kind: 'tree',
  encodeOne: ({ data }) => written(data),
  series() {
    let open = '{\n';
    return {
      piece({ name, data }) {
        const entry = `${open}  ${JSON.stringify(name)}: ${JSON.stringify(data, null, 2).replaceAll('\n', '\n  ')}`;
        open = ',\n';
        return entry;
      },
      end: () => (open === ',\n' ? '\n}\n' : '{}\n'),
    };
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
  } catch {
    // No cause: the parser's message repeats a piece of the text.
    throw lineError(lineAt(text, jsonFault(text)), 'this is not JSON');
  }
  if (!isJsonObject(value)) throw lineError(1, 'the document must be a JSON object');
  scanJson(text);
  return value;
}
