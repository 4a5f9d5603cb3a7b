/** What is known of a secret besides its values, and how answers show it. */
import { timestamp } from '../../clock.ts';
import { RawJson } from '../../core/request.ts';
import { formatDuration } from '../../core/ttl.ts';
import type { JsonObject } from '../../json.ts';
import { type VersionRecord, VersionRows } from './version-rows.ts';

/** What of a secret is stored as JSON. */
export interface SecretHead {
  /** A uuid. */
  readonly id: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** 0 is the mount's. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  /** Seconds; 0 is the mount's. */
  readonly deleteVersionAfter: number;
  readonly customMetadata: Readonly<Record<string, string>> | null;
}

export interface SecretRecord extends SecretHead {
  readonly versions: VersionRows;
}

export function newSecret(id: string, now: number): SecretRecord {
  return {
    id,
    createdAt: now,
    updatedAt: now,
    maxVersions: 0,
    casRequired: false,
    deleteVersionAfter: 0,
    customMetadata: null,
    versions: VersionRows.empty,
  };
}

export function isDeleted(version: VersionRecord, now: number): boolean {
  return version.deletedAt !== null && version.deletedAt <= now;
}

/** A version as `data` answers show it. */
export function shownVersion(
  { customMetadata }: Pick<SecretHead, 'customMetadata'>,
  number: number,
  version: VersionRecord,
): JsonObject {
  // Named one by one: members behind a copy of others are put in one after the other, which costs a write a microsecond.
  const { created_time, deletion_time, destroyed } = shownTimes(version);
  return { created_time, deletion_time, destroyed, custom_metadata: customMetadata, version: number };
}

interface ShownTimes {
  readonly created_time: string;
  readonly deletion_time: string;
  readonly destroyed: boolean;
}

function shownTimes(version: VersionRecord): ShownTimes {
  return {
    created_time: timestamp(version.createdAt),
    deletion_time: version.deletedAt === null ? '' : timestamp(version.deletedAt),
    destroyed: version.destroyed,
  };
}

/** The same as text, put together by hand: it is made for each read of a secret that is not read often. */
export function shownVersionText(
  { customMetadata }: Pick<SecretHead, 'customMetadata'>,
  number: number,
  version: VersionRecord,
): RawJson {
  const { createdAt, deletedAt, destroyed } = version;
  const deletion = deletedAt === null ? '' : timestamp(deletedAt);
  const custom = customMetadata === null ? 'null' : JSON.stringify(customMetadata);
  return new RawJson(
    `{"created_time":"${timestamp(createdAt)}","deletion_time":"${deletion}","destroyed":${destroyed},` +
      `"custom_metadata":${custom},"version":${number}}`,
  );
}

/** All that is known of a secret, as `metadata` answers show it. */
export function shownSecret(secret: SecretRecord): JsonObject {
  const { versions } = secret;
  return {
    cas_required: secret.casRequired,
    created_time: timestamp(secret.createdAt),
    current_version: versions.last,
    custom_metadata: secret.customMetadata,
    delete_version_after: formatDuration(secret.deleteVersionAfter),
    max_versions: secret.maxVersions,
    // 0 while none was dropped.
    oldest_version: versions.first > 1 ? versions.first : 0,
    updated_time: timestamp(secret.updatedAt),
    versions: Object.fromEntries(
      [...versions.entries()].map(([number, one]) => [number, { ...shownTimes(one) }]),
    ),
  };
}
