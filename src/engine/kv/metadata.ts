/** A secret's metadata at rest: the pointer from its path to its versions. Identity of a version is the secret's own id. */
import { timestamp } from '../../clock.ts';
import { RawJson } from '../../core/request.ts';
import { parseStored } from '../../core/stored-json.ts';
import { formatDuration } from '../../core/ttl.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Upload } from './large-value.ts';
import { type VersionRecord, VersionRows } from './version-rows.ts';

/** What of a secret is stored as JSON. */
interface SecretHead {
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

/** First byte of a pointer in the present format. The one before was JSON, which begins with a brace. */
const rowsFormat = 2;
const jsonFormat = '{'.charCodeAt(0);
/** Format, whether rows are wide, number of the first row, length of the head. */
const fixedBytes = 1 + 1 + 4 + 4;

/** A pointer as stored: fixed part, head as JSON, rows of versions. */
export function encodeSecret({ versions, ...rest }: SecretRecord): Buffer {
  const head = Buffer.from(JSON.stringify(rest satisfies SecretHead));
  const fixed = Buffer.alloc(fixedBytes);
  fixed[0] = rowsFormat;
  fixed[1] = versions.isWide ? 1 : 0;
  fixed.writeUInt32BE(versions.first, 2);
  fixed.writeUInt32BE(head.length, 6);
  return Buffer.concat([fixed, head, versions.bytes]);
}

/** Takes the former format too. Throws `store_unusable` for a newer one, `integrity` for what is none. */
export function decodeSecret(bytes: Buffer): SecretRecord {
  if (bytes[0] === jsonFormat) return decodeJsonSecret(bytes);
  if (bytes[0] !== rowsFormat) throw newerFormat();
  if (bytes.length < fixedBytes) throw new CofferError('integrity', 'a stored record is not readable');
  const start = fixedBytes + bytes.readUInt32BE(6);
  const head = parseStored<SecretHead>(bytes.subarray(fixedBytes, start));
  const versions = new VersionRows(bytes.readUInt32BE(2), bytes[1] === 1, bytes.subarray(start));
  return { ...head, versions };
}

interface JsonSecret extends SecretHead {
  readonly v: number;
  readonly versions: Readonly<
    Record<
      string,
      {
        readonly createdAt: number;
        readonly deletedAt: number | null;
        readonly destroyed: boolean;
        readonly upload?: Upload;
      }
    >
  >;
}

/** The first format: one JSON object with all versions in it, by number. */
function decodeJsonSecret(bytes: Buffer): SecretRecord {
  const { v, versions, ...stored } = parseStored<JsonSecret>(bytes);
  if (v !== 1) throw newerFormat();
  // Whole numbers as names, which an object keeps in their order.
  const entries = Object.entries(versions);
  const first = Number(entries[0]?.[0] ?? 1);
  if (entries.some(([number], index) => Number(number) !== first + index)) {
    throw new CofferError('integrity', 'a stored record is not readable');
  }
  const records = entries.map(([, version]) => ({ ...version, endsByItself: false }));
  return {
    id: stored.id,
    createdAt: stored.createdAt,
    updatedAt: stored.updatedAt,
    maxVersions: stored.maxVersions,
    casRequired: stored.casRequired,
    deleteVersionAfter: stored.deleteVersionAfter,
    customMetadata: stored.customMetadata,
    versions: VersionRows.of(first, records),
  };
}

function newerFormat(): CofferError {
  return new CofferError('store_unusable', 'a secret is of a newer format than this program reads');
}

export function isDeleted(version: VersionRecord, now: number): boolean {
  return version.deletedAt !== null && version.deletedAt <= now;
}

/** A version as `data` answers show it. */
export function shownVersion(secret: SecretRecord, number: number, version: VersionRecord): JsonObject {
  return {
    ...shownTimes(version),
    custom_metadata: secret.customMetadata,
    version: number,
  };
}

function shownTimes(version: VersionRecord): JsonObject {
  return {
    created_time: timestamp(version.createdAt),
    deletion_time: version.deletedAt === null ? '' : timestamp(version.deletedAt),
    destroyed: version.destroyed,
  };
}

/** The same as text. */
export function shownVersionText(secret: SecretRecord, number: number, version: VersionRecord): RawJson {
  return new RawJson(JSON.stringify(shownVersion(secret, number, version)));
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
    versions: Object.fromEntries([...versions.entries()].map(([number, one]) => [number, shownTimes(one)])),
  };
}
