/**
 * A secret's metadata at rest: the pointer from its path to its versions. Identity of a version is the secret's own id.
 *
 * The present formats begin with the same fixed part: format (1 byte), flags (1), number of the oldest version kept (u32,
 * big-endian), length of the head (u32). Format 2 goes on with the head as JSON and the rows of versions. Format 3 has, behind the fixed part, the
 * length of the current version's text (u32), and that text between head and rows: a read of it needs no other record. The text
 * is there besides the version's own record, not in place of it. The first format of all was one JSON object.
 */
import { parseStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';
import type { Upload } from './large-value.ts';
import type { SecretHead, SecretRecord } from './metadata.ts';
import { pointerFormat, rowsFormat, textFormat } from './pointer-formats.ts';
import { type VersionRecord, VersionRows } from './version-rows.ts';

const jsonFormat = '{'.charCodeAt(0);
const fixedBytes = 1 + 1 + 4 + 4;
const lengthBytes = 4;

/** Flags. The second is only set in format 3. */
const wideRows = 1;
const customMetadata = 2;

/**
 * The longest text of a current version that a pointer holds too. A pointer of this size and a few dozen rows still shares its page
 * of an embedded store with others.
 */
const heldBytes = 1_024;

/** Whether the current version's text is to be held in the pointer as well. */
export function isHeld(text: Buffer): boolean {
  return text.length <= heldBytes;
}

/** See `encodeSecret`. */
export type EncodeSecret = (record: SecretRecord, text?: Buffer) => Buffer;

/** Encodes pointers without the text for as long as a node of the store could not read one that holds it. */
export function pointerEncoder({ formatVersion }: Pick<EngineEnvironment, 'formatVersion'>): EncodeSecret {
  const holds = () => formatVersion === undefined || formatVersion(pointerFormat) >= textFormat;
  return (record, text) => encodeSecret(record, text !== undefined && holds() ? text : undefined);
}

/** A pointer as stored, with the current version's text if it is to be held here too. */
export function encodeSecret({ versions, ...rest }: SecretRecord, text?: Buffer): Buffer {
  const head = Buffer.from(JSON.stringify(rest satisfies SecretHead));
  const fixed = Buffer.alloc(text === undefined ? fixedBytes : fixedBytes + lengthBytes);
  fixed[0] = text === undefined ? rowsFormat : textFormat;
  const custom = text === undefined || rest.customMetadata === null ? 0 : customMetadata;
  fixed[1] = (versions.isWide ? wideRows : 0) | custom;
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

/** The current version's text out of a pointer that holds it. Throws `integrity`. */
export function heldText(bytes: Buffer): string {
  const { headEnd, textEnd } = partsOf(bytes);
  return bytes.toString('utf8', headEnd, textEnd);
}

/** The current version, as a pointer has it that holds its text. */
export interface HeldVersion {
  readonly number: number;
  readonly version: VersionRecord;
  readonly text: string;
}

/**
 * All that a read of the current version shows, without decoding the rest of the pointer. Undefined where the pointer does not
 * hold its text, or somebody gave the secret metadata of their own. Throws `integrity`.
 */
export function heldVersion(bytes: Buffer): HeldVersion | undefined {
  const flags = bytes[1] ?? 0;
  if (!holdsText(bytes) || (flags & customMetadata) !== 0) return undefined;
  const { headEnd, textEnd } = partsOf(bytes);
  const rows = new VersionRows(bytes.readUInt32BE(2), (flags & wideRows) !== 0, bytes.subarray(textEnd));
  const version = rows.at(rows.last);
  if (version === undefined) throw unreadable();
  return { number: rows.last, version, text: bytes.toString('utf8', headEnd, textEnd) };
}

/** Where the parts of a pointer of format 3 end. */
function partsOf(bytes: Buffer): { readonly headEnd: number; readonly textEnd: number } {
  if (bytes.length < fixedBytes + lengthBytes) throw unreadable();
  const headEnd = fixedBytes + lengthBytes + bytes.readUInt32BE(6);
  const textEnd = headEnd + bytes.readUInt32BE(fixedBytes);
  // There is a text because there is a version.
  if (textEnd >= bytes.length) throw unreadable();
  return { headEnd, textEnd };
}

/**
 * Takes the former formats too. What it answers keeps no text alive. Throws `store_unusable` for a newer format, `integrity` for
 * what is none.
 */
export function decodeSecret(bytes: Buffer): SecretRecord {
  const format = bytes[0];
  if (format === jsonFormat) return decodeJsonSecret(bytes);
  if (format === textFormat) return decodeWithText(bytes);
  if (format !== rowsFormat) throw newerFormat();
  if (bytes.length < fixedBytes) throw unreadable();
  const headEnd = fixedBytes + bytes.readUInt32BE(6);
  const head = parseStored<SecretHead>(bytes.subarray(fixedBytes, headEnd));
  const versions = new VersionRows(bytes.readUInt32BE(2), bytes[1] === wideRows, bytes.subarray(headEnd));
  return { ...head, versions };
}

function decodeWithText(bytes: Buffer): SecretRecord {
  const flags = bytes[1] ?? 0;
  const { headEnd, textEnd } = partsOf(bytes);
  const head = parseStored<SecretHead>(bytes.subarray(fixedBytes + lengthBytes, headEnd));
  if ((head.customMetadata !== null) !== ((flags & customMetadata) !== 0)) throw unreadable();
  // A copy: rows are kept, and must not keep the text that lies before them.
  const rows = Buffer.from(bytes.subarray(textEnd));
  return { ...head, versions: new VersionRows(bytes.readUInt32BE(2), (flags & wideRows) !== 0, rows) };
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
