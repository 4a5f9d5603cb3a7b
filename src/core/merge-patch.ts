/** JSON Merge Patch (RFC 7396): what PATCH means for every endpoint that knows it. */
import { emptyObject, isJsonObject, type JsonValue } from '../json.ts';

/**
 * `target` as `patch` changes it (RFC 7396 §2): members that are null are removed, objects are merged, and anything else takes the
 * place of what was there, arrays as a whole. Neither argument is changed; what the patch does not name is shared with the result.
 * Merged objects have no prototype, so that a member named `__proto__` is a member like any other. To be called only with values
 * of bounded depth, as the listener lets them in.
 */
export function applyMergePatch(target: JsonValue, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const result = emptyObject();
  if (isJsonObject(target)) for (const [name, value] of Object.entries(target)) result[name] = value;
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = applyMergePatch(result[name] ?? null, value);
  }
  return result;
}
