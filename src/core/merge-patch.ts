/** JSON merge patch, RFC 7396. */
import { emptyObject, isJsonObject, type JsonValue } from '../json.ts';

/**
 * What `target` becomes by `patch` (RFC 7396, section 2): members of objects are merged, null removes one, anything else replaces.
 * Neither argument is changed.
 */
export function applyMergePatch(target: JsonValue, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const merged = emptyObject();
  if (isJsonObject(target)) for (const name of Object.keys(target)) merged[name] = target[name] ?? null;
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = applyMergePatch(Object.hasOwn(merged, name) ? (merged[name] ?? null) : null, value);
  }
  return merged;
}
