/**
 * A backup's file, format 1: a stream that is written and read from its beginning to its end in bounded memory.
 *
 *     magic (16 bytes: "coffer-backup", CR LF SUB), format version (u16)
 *     frames, each: type (1 byte), length (u32), so many bytes
 *
 * Numbers are big-endian. The frames, in this order:
 *
 *     H  one header, JSON
 *     R  any number of groups of records, each record: length of its key (u16), length of its value (u32),
 *        revision (u64), key (UTF-8), value as it rests in the store
 *     M  one manifest, JSON: what all groups together hold
 *     T  one tag: empty, or HMAC-SHA-256 over SHA-256 of all bytes before this frame, keyed by the store's keyring
 *     S  SHA-256 of all bytes before this frame; nothing follows
 *
 * Records are as the store has them: the store's header and its key slots in the clear, everything else sealed. These two and
 * the keyring come first, so that a reader has what opens the rest; the others follow in the order of their keys. The checksum
 * shows damage to anybody; the tag shows to a holder of a slot's key that a writer with the same keys put together just these
 * records, so that none was taken from another backup or left out.
 */
import type { KeyObject } from 'node:crypto';
import { encodeContext } from '../../crypto/context.ts';
import { hmacSha256 } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { bootKeys } from '../../seal/boot.ts';
import { isUuid } from '../../seal/slots.ts';
import type { StorageKey } from '../../storage/storage.ts';

export const backupFormat = 1;
/** As PNG's: a transfer that changes ends of lines or stops at a control character spoils it at once. */
export const magic = Buffer.from('coffer-backup\r\n\u001a', 'latin1');
export const prefixBytes = magic.length + 2;
export const frameHeaderBytes = 5;
export const recordHeaderBytes = 14;
export const digestBytes = 32;

/** Bytes of records that a writer gathers in a group, and what a reader takes: one more record of the largest size may end it. */
export const groupBytes = 256 * 1024;
export const largestFrame = 1024 * 1024;

export type FrameType = 'H' | 'R' | 'M' | 'T' | 'S';

/** They come before all others. */
export const leadingKeys: readonly StorageKey[] = [bootKeys.header, bootKeys.slots, bootKeys.keyring];

/** Who asked for it. Only a `schedule`'s own are ever removed by rule. */
export type BackupOrigin = 'request' | 'schedule' | 'offline';
const origins: readonly BackupOrigin[] = ['request', 'schedule', 'offline'];

export interface BackupHeader {
  readonly format: typeof backupFormat;
  /** A uuid. */
  readonly id: string;
  readonly storeId: string;
  /** Milliseconds. The moment that the records are of. */
  readonly createdAt: number;
  readonly origin: BackupOrigin;
  /** Version of the program that wrote it. */
  readonly program: string;
  /** The kind of storage it was taken from. */
  readonly storage: string;
  /** About how many records follow; for showing progress. */
  readonly about: number;
}

export interface BackupManifest {
  readonly records: number;
  /** Of keys and values. */
  readonly bytes: number;
  /** Records of each room. */
  readonly rooms: Readonly<Record<string, number>>;
}

export function encodePrefix(): Buffer {
  const version = Buffer.alloc(2);
  version.writeUInt16BE(backupFormat);
  return Buffer.concat([magic, version]);
}

export function encodeFrame(type: FrameType, payload: Buffer): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.write(type, 0, 'latin1');
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

export function encodeBackupHeader(header: BackupHeader): Buffer {
  const { format, id, storeId, createdAt, origin, program, storage, about } = header;
  const members = { format, id, store_id: storeId, created_at: createdAt, origin, program, storage, about };
  return Buffer.from(JSON.stringify(members));
}

/** Throws `integrity` for what is no header. */
export function decodeBackupHeader(bytes: Buffer): BackupHeader {
  const members = parseMembers(bytes);
  const { id, store_id: storeId, created_at: createdAt, program, storage, about } = members;
  const origin = origins.find((name) => name === members['origin']);
  if (members['format'] !== backupFormat || !isUuid(id) || !isUuid(storeId) || origin === undefined) {
    throw damaged('its header');
  }
  if (!isCount(createdAt) || !isCount(about) || typeof program !== 'string' || typeof storage !== 'string') {
    throw damaged('its header');
  }
  return { format: backupFormat, id, storeId, createdAt, origin, program, storage, about };
}

export function encodeManifest(manifest: BackupManifest): Buffer {
  const { records, bytes, rooms } = manifest;
  return Buffer.from(JSON.stringify({ records, bytes, rooms }));
}

/** Throws `integrity` for what is no manifest. */
export function decodeManifest(payload: Buffer): BackupManifest {
  const { records, bytes, rooms } = parseMembers(payload);
  if (!isCount(records) || !isCount(bytes) || !isJsonObject(rooms)) throw damaged('its manifest');
  const counts = Object.entries(rooms).map(([room, count]): [string, number] => {
    if (!isCount(count)) throw damaged('its manifest');
    return [room, count];
  });
  return { records, bytes, rooms: Object.fromEntries(counts) };
}

/** Counts what goes into a manifest. */
export class ManifestCount {
  #records = 0;
  #bytes = 0;
  readonly #rooms = new Map<string, number>();

  add(key: StorageKey, value: Buffer): void {
    const room = roomOf(key);
    this.#records += 1;
    this.#bytes += Buffer.byteLength(key) + value.length;
    this.#rooms.set(room, (this.#rooms.get(room) ?? 0) + 1);
  }

  get manifest(): BackupManifest {
    const rooms = Object.fromEntries([...this.#rooms].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { records: this.#records, bytes: this.#bytes, rooms };
  }
}

/** The room of a key: `core/token`, `due`, `mount`. */
function roomOf(key: StorageKey): string {
  const [first = '', second = ''] = key.split('/', 2);
  return first === 'core' ? `core/${second}` : first;
}

/** The key of tags: the same for the store's whole life, and only with a slot's key at hand. */
export const tagPurpose = 'backup-tag';
const tagContext = encodeContext('coffer backup', [backupFormat]);

/** `digest` is SHA-256 of all bytes before the tag's frame. */
export function computeTag(key: KeyObject, digest: Buffer): Buffer {
  return hmacSha256(key, Buffer.concat([tagContext, digest]));
}

export function damaged(what: string): CofferError {
  return new CofferError('integrity', `the backup is damaged: ${what} cannot be read`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function parseMembers(bytes: Buffer): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw damaged('a part of it');
  }
  if (isJsonObject(parsed)) return parsed;
  throw damaged('a part of it');
}
