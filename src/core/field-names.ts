/** What is in a secret, without what it says. */
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

/** The same names; values that hold none themselves, or lie at `depth` (0: none does), are null. */
export function fieldNames(fields: JsonObject, depth: number): JsonObject {
  const names = emptyObject();
  for (const [name, value] of Object.entries(fields)) {
    names[name] = depth !== 1 && holdsNames(value) ? fieldNames(value, Math.max(0, depth - 1)) : null;
  }
  return names;
}

function holdsNames(value: JsonValue): value is JsonObject {
  return isJsonObject(value) && Object.keys(value).length > 0;
}
