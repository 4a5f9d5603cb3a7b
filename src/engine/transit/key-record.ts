/** A named key at rest: what holds for all its versions. The versions themselves are records of their own. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { KeyTypeName } from './key-types.ts';

export interface KeyRecord {
  /** Random: versions lie below it, so that a key made anew under an old name shares nothing with the old one. */
  readonly id: string;
  readonly name: string;
  readonly type: KeyTypeName;
  readonly derived: boolean;
  readonly convergent: boolean;
  readonly exportable: boolean;
  readonly allowPlaintextBackup: boolean;
  readonly deletionAllowed: boolean;
  /** Seconds; 0 for never. */
  readonly autoRotatePeriod: number;
  /** Bytes of an hmac key; 0 for other kinds. */
  readonly keySize: number;
  readonly latestVersion: number;
  /** Milliseconds: when the latest version was made. */
  readonly latestAt: number;
  /** 0 until something is trimmed. */
  readonly minAvailableVersion: number;
  readonly minDecryptionVersion: number;
  /** 0 where nothing was said. */
  readonly minEncryptionVersion: number;
  /** The latest version came from outside. */
  readonly imported: boolean;
  readonly importedMayRotate: boolean;
}

export const keyFolder = 'key/';
const versionFolder = 'version/';

/** Versions of one key at a time. Listing and backing up read them all, and rotation by itself must not fill a store. */
export const mostVersions = 1_000;

export function keyPath(name: string): string {
  return keyFolder + name;
}

/** Where the versions of a key lie, in the order of their numbers. */
export function versionsOf(id: string): string {
  return `${versionFolder}${id}/`;
}

export function versionPath(id: string, version: number): string {
  return versionsOf(id) + String(version).padStart(10, '0');
}

/** The number in a version's path. */
export function versionAt(path: string): number {
  return Number(path.slice(path.lastIndexOf('/') + 1));
}

export function encodeKey(record: KeyRecord): Buffer {
  return encodeStored(record);
}

export function decodeKey(bytes: Buffer): KeyRecord {
  return decodeStored<KeyRecord>(bytes);
}

/** Throws `invalid_request` for what cannot be the name of a key. */
export function parseKeyName(text: string | undefined): string {
  if (text !== undefined && /^\w(?:[\w.-]{0,126}\w)?$/.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a key’s name has 1 to 128 letters, digits, "_", "-" and ".", and neither begins nor ends with "-" or "."',
  );
}

/** The oldest version that may be used at all. */
export function oldestUsable(record: KeyRecord): number {
  return Math.max(1, record.minAvailableVersion, record.minDecryptionVersion);
}

/**
 * The version to encrypt or sign with; the latest where none is asked for. Throws `invalid_request` for one that is not there or
 * that the key's settings do not allow.
 */
export function versionToUse(
  record: KeyRecord,
  wanted: number | undefined,
  use: 'encryption' | 'signing',
): number {
  if (wanted === undefined || wanted === 0) return record.latestVersion;
  const refuse = (why: string) =>
    new CofferError('invalid_request', `requested version for ${use} is ${why}`);
  if (wanted < 0) throw refuse('negative');
  if (wanted > record.latestVersion) throw refuse('higher than the latest key version');
  if (wanted < record.minEncryptionVersion) throw refuse('less than the minimum encryption key version');
  return wanted;
}
