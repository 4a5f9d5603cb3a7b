/** Changing some fields of a secret and keeping the others. */
import type { ClientAnswer } from '../client/client.ts';
import { asCofferError } from '../errors.ts';
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { dataOf, type Safe } from './safe.ts';

/**
 * The server's own PATCH where it has one and the caller may use it; otherwise read, merge and write under a check of the version
 * that was read, so that nobody's change in between is lost.
 * @throws `not_found` when there is nothing to change; `conflict` when somebody else wrote first
 */
export async function patchSecret(
  safe: Safe,
  name: string,
  fields: JsonObject,
  cas: number | undefined,
): Promise<ClientAnswer> {
  const path = safe.path('data', name);
  const check = cas === undefined ? {} : { options: { cas } };
  try {
    return await safe.client.request('PATCH', path, { body: { data: fields, ...check } });
  } catch (error) {
    const { code } = asCofferError(error);
    if (code !== 'unsupported_operation' && code !== 'permission_denied') throw error;
  }
  const current = dataOf((await safe.client.request('GET', path)).body);
  const metadata = isJsonObject(current['metadata']) ? current['metadata'] : {};
  const body = {
    data: mergePatch(current['data'], fields),
    options: { cas: cas ?? metadata['version'] ?? 0 },
  };
  return safe.client.request('POST', path, { body });
}

/** RFC 7396 §2: members are replaced one by one, and null removes. */
export function mergePatch(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  const merged = emptyObject();
  if (isJsonObject(target)) for (const [name, value] of Object.entries(target)) merged[name] = value;
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = isJsonObject(value) ? mergePatch(merged[name], value) : value;
  }
  return merged;
}
