/** A secret's versions, as kv version 2's metadata tells them. */
import { isJsonObject, type JsonObject } from '../json.ts';

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

/** @param metadata what `metadata/<name>` answers */
export function historyOf(metadata: JsonObject): History {
  const versions = isJsonObject(metadata['versions']) ? Object.entries(metadata['versions']) : [];
  return {
    current: typeof metadata['current_version'] === 'number' ? metadata['current_version'] : 0,
    versions: versions
      .map(([version, entry]) => versionOf(Number(version), isJsonObject(entry) ? entry : {}))
      .toSorted((left, right) => left.version - right.version),
  };
}

/** A version whose value can be read at the time `now`, in milliseconds: a deletion may lie in the future. */
export function isReadable(version: Version, now: number): boolean {
  if (version.destroyed) return false;
  return version.deletion_time === '' || Date.parse(version.deletion_time) > now;
}

function versionOf(version: number, entry: JsonObject): Version {
  return {
    version,
    created_time: String(entry['created_time'] ?? ''),
    deletion_time: String(entry['deletion_time'] ?? ''),
    destroyed: entry['destroyed'] === true,
  };
}
