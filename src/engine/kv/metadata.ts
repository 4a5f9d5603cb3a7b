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

/**
 * First byte of a pointer: of one that has its rows and no more, and of one that holds the current version's text besides. The
 * first format of all was JSON, which begins with a brace.
 */
const rowsFormat = 2;
const textFormat = 3;
const jsonFormat = '{'.charCodeAt(0);
/** Format, whether rows are wide, number of the first row, length of the head; then the length of the text, where there is one. */
const fixedBytes = 1 + 1 + 4 + 4;
const lengthBytes = 4;

/**
 * The longest text of a current version that a pointer holds too. A pointer of this size and a hundred rows still shares its page
 * of an embedded store with others.
 */
const heldBytes = 1_024;

/** Whether the current version's text is to be held in the pointer as well. */
export function isHeld(text: Buffer): boolean {
  return text.length <= heldBytes;
}

/** A pointer as stored: fixed part, head as JSON, the current version's text if it is held here too, rows of versions. */
export function encodeSecret({ versions, ...rest }: SecretRecord, text?: Buffer): Buffer {
  const head = Buffer.from(JSON.stringify(rest satisfies SecretHead));
  const fixed = Buffer.alloc(text === undefined ? fixedBytes : fixedBytes + lengthBytes);
  fixed[0] = text === undefined ? rowsFormat : textFormat;
  fixed[1] = versions.isWide ? 1 : 0;
  fixed.writeUInt32BE(versions.first, 2);
  fixed.writeUInt32BE(head.length, 6);
  if (text === undefined) return Buffer.concat([fixed, head, versions.bytes]);
  fixed.writeUInt32BE(text.length, fixedBytes);
  return Buffer.concat([fixed, head, text, versions.bytes]);
}

/** Whether the current version's text is held in this pointer. */
export function holdsText(bytes: Buffer): boolean {
  return bytes[0] === textFormat;
}

/** The current version's text out of a pointer that holds it, and that `decodeSecret` takes. */
export function heldText(bytes: Buffer): string {
  const start = fixedBytes + lengthBytes + bytes.readUInt32BE(6);
  return bytes.toString('utf8', start, start + bytes.readUInt32BE(fixedBytes));
}

/**
 * Takes the former formats too. What it answers keeps no text alive. Throws `store_unusable` for a newer format, `integrity` for
 * what is none.
 */
export function decodeSecret(bytes: Buffer): SecretRecord {
  const format = bytes[0];
  if (format === jsonFormat) return decodeJsonSecret(bytes);
  if (format !== rowsFormat && format !== textFormat) throw newerFormat();
  const fixed = format === textFormat ? fixedBytes + lengthBytes : fixedBytes;
  if (bytes.length < fixed) throw unreadable();
  const headEnd = fixed + bytes.readUInt32BE(6);
  const head = parseStored<SecretHead>(bytes.subarray(fixed, headEnd));
  const rows = format === textFormat ? rowsBehindText(bytes, headEnd) : bytes.subarray(headEnd);
  const versions = new VersionRows(bytes.readUInt32BE(2), bytes[1] === 1, rows);
  return { ...head, versions };
}

/** A copy: rows are kept, and must not keep the text that lies before them. */
function rowsBehindText(bytes: Buffer, headEnd: number): Buffer {
  const start = headEnd + bytes.readUInt32BE(fixedBytes);
  if (start >= bytes.length) throw unreadable();
  return Buffer.from(bytes.subarray(start));
}

function unreadable(): CofferError {
  return new CofferError('integrity', 'a stored record is not readable');
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
    throw unreadable();
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
