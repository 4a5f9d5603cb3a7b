/** A secret's versions, as kv version 2's metadata tells them. */
import { asCofferError, CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { dataOf, type Safe } from './safe.ts';

/** Field names as on the wire; times are RFC 3339, empty when not deleted. */
export interface Version {
  readonly version: number;
  readonly created_time: string;
  readonly deletion_time: string;
  readonly destroyed: boolean;
}

export interface History {
  readonly current: number;
  /** Oldest first. */
  readonly versions: readonly Version[];
}

/** Throws `not_found` when there is no such secret. */
export async function readHistory(safe: Safe, name: string): Promise<History> {
  const data = await readMetadata(safe, name);
  const versions = isJsonObject(data['versions']) ? Object.entries(data['versions']) : [];
  return {
    current: typeof data['current_version'] === 'number' ? data['current_version'] : 0,
    versions: versions
      .map(([version, entry]) => versionOf(Number(version), isJsonObject(entry) ? entry : {}))
      .toSorted((left, right) => left.version - right.version),
  };
}

async function readMetadata(safe: Safe, name: string): Promise<JsonObject> {
  try {
    return dataOf((await safe.client.request('GET', safe.path('metadata', name))).body);
  } catch (error) {
    if (asCofferError(error).code !== 'not_found') throw error;
    await safe.requireVersioned(name);
    throw new CofferError('not_found', `there is no secret ${name}`, { cause: error });
  }
}

function versionOf(version: number, entry: JsonObject): Version {
  return {
    version,
    created_time: String(entry['created_time'] ?? ''),
    deletion_time: String(entry['deletion_time'] ?? ''),
    destroyed: entry['destroyed'] === true,
  };
}
