/** YAML 1.2. One secret is the map of its fields, several are a map of such maps by name. */
import { emptyObject, isJsonObject, type JsonObject } from '../../json.ts';
import { cannotCarry, lineError, type NamedSecret, type TreeFormat } from './format.ts';
import { readYaml, writeYaml } from './yaml-text.ts';

export const format: TreeFormat = {
  kind: 'tree',
  encodeOne: (secret) => writeYaml(carried(secret)),
  series() {
    let isEmpty = true;
    return {
      piece(secret) {
        isEmpty = false;
        const entry = emptyObject();
        entry[secret.name] = carried(secret);
        return writeYaml(entry);
      },
      end: () => (isEmpty ? '{}\n' : ''),
    };
  },
  decodeOne: (text) => read(text),
  decodeMany: (text) =>
    Object.entries(read(text)).map(([name, data]) => {
      if (!isJsonObject(data)) throw lineError(1, 'each name must have a map of fields');
      return { name, data };
    }),
};

/** Half a surrogate pair has no UTF-8; JSON alone can write it. */
function carried({ data }: NamedSecret): JsonObject {
  for (const [field, value] of Object.entries(data)) {
    if (!isWellFormed(field) || !isWellFormed(value))
      throw cannotCarry('yaml', field, 'it is not valid Unicode text');
  }
  return data;
}

function isWellFormed(value: JsonObject[string]): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (Array.isArray(value)) return value.every(isWellFormed);
  if (!isJsonObject(value)) return true;
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && isWellFormed(inner));
}

function read(text: string): JsonObject {
  const [document, ...others] = readYaml(text);
  if (others.length > 0) throw lineError(1, 'the text must be one document');
  if (!isJsonObject(document)) throw lineError(1, 'the document must be a map');
  return document;
}
