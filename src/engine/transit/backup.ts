/** The text of a key's backup: settings and all versions in clear. Only who may have the key in clear gets one. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { tryBase64 } from './base64.ts';
import { type KeyRecord, mostVersions } from './key-record.ts';
import { type KeyType, parseKeyType } from './key-types.ts';
import type { StoredVersion } from './key-version.ts';
import type { NumberedVersion } from './keys.ts';
import { checkHmacBytes, checkWish } from './new-key.ts';
import { parsePublicKey, parseSecretKey } from './parsed-key.ts';
import { publicPem } from './shown-key.ts';

const format = 1;
/** Seconds: a hundred years, as of every duration. */
const longestPeriod = 100 * 365 * 86_400;
/** Milliseconds: the end of the year 9999, after which dates are written otherwise. */
const latestTime = Date.UTC(10_000, 0) - 1;
/** As many digits as texts with a version may have. */
const highestVersion = 999_999_999;

export interface BackedUpKey {
  readonly record: Omit<KeyRecord, 'id'>;
  readonly versions: readonly NumberedVersion[];
}

export function encodeBackup({ id: _, ...record }: KeyRecord, versions: readonly NumberedVersion[]): string {
  const backup = {
    coffer_transit_backup: format,
    record,
    versions: versions.map(({ number, version }) => ({
      number,
      at: version.createdAt,
      ...(version.key === undefined ? {} : { key: version.key.toString('base64') }),
      ...(version.publicKey === undefined ? {} : { public: version.publicKey.toString('base64') }),
      hmac: version.hmacKey.toString('base64'),
    })),
  };
  return Buffer.from(JSON.stringify(backup)).toString('base64');
}

/** Throws `invalid_request` for anything that `encodeBackup` could not have written: a backup comes from outside. */
export function decodeBackup(text: string): BackedUpKey {
  const parsed = parse(text);
  if (!isJsonObject(parsed) || parsed['coffer_transit_backup'] !== format) throw unreadable();
  const record = decodeRecord(object(parsed['record']));
  const type = parseKeyType(record.type);
  const versions = parsed['versions'];
  if (!Array.isArray(versions)) throw unreadable();
  const decoded = versions.map((version: JsonValue) => decodeVersion(type, object(version)));
  const first = Math.max(1, record.minAvailableVersion);
  const inOrder = decoded.every(({ number }, index) => number === first + index);
  if (!inOrder || decoded.length !== record.latestVersion - first + 1 || decoded.length > mostVersions) {
    throw unreadable();
  }
  return { record, versions: decoded };
}

function parse(text: string): unknown {
  const bytes = tryBase64(text);
  if (bytes === undefined) throw unreadable();
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    // Not as a cause: the parser's error quotes the text.
    throw unreadable();
  }
}

function unreadable(): CofferError {
  return new CofferError('invalid_request', 'the backup is not one of a transit key, or was changed');
}

function object(value: JsonValue | undefined): JsonObject {
  if (isJsonObject(value)) return value;
  throw unreadable();
}

function decodeRecord(from: JsonObject): BackedUpKey['record'] {
  const type = parseKeyType(text(from, 'type'));
  const record = {
    name: text(from, 'name'),
    type: type.name,
    derived: truth(from, 'derived'),
    convergent: truth(from, 'convergent'),
    exportable: truth(from, 'exportable'),
    allowPlaintextBackup: truth(from, 'allowPlaintextBackup'),
    deletionAllowed: truth(from, 'deletionAllowed'),
    autoRotatePeriod: count(from, 'autoRotatePeriod'),
    keySize: count(from, 'keySize'),
    latestVersion: count(from, 'latestVersion'),
    latestAt: time(from, 'latestAt'),
    minAvailableVersion: count(from, 'minAvailableVersion'),
    minDecryptionVersion: count(from, 'minDecryptionVersion'),
    minEncryptionVersion: count(from, 'minEncryptionVersion'),
    imported: truth(from, 'imported'),
    importedMayRotate: truth(from, 'importedMayRotate'),
  };
  checkWish({ ...record, type });
  const sized = (type.kind === 'hmac') === record.keySize > 0;
  if (!sized || record.autoRotatePeriod > longestPeriod || record.latestVersion > highestVersion) {
    throw unreadable();
  }
  checkVersionNumbers(record);
  return record;
}

function checkVersionNumbers(record: BackedUpKey['record']): void {
  const { latestVersion, minAvailableVersion, minDecryptionVersion, minEncryptionVersion } = record;
  const sound =
    minDecryptionVersion >= Math.max(1, minAvailableVersion) &&
    minDecryptionVersion <= latestVersion &&
    (minEncryptionVersion === 0 ? minAvailableVersion === 0 : minEncryptionVersion >= minDecryptionVersion) &&
    minEncryptionVersion <= latestVersion;
  if (!sound) throw unreadable();
}

function decodeVersion(type: KeyType, from: JsonObject): NumberedVersion {
  const hmacKey = bytes(from, 'hmac');
  const key = from['key'] === undefined ? undefined : bytes(from, 'key');
  const parsed =
    key === undefined ? parsePublicKey(type, pemOf(bytes(from, 'public'))) : parseSecretKey(type, key);
  if (!checkHmacBytes(hmacKey.length) || (type.kind === 'hmac' && key?.equals(hmacKey) !== true)) {
    throw unreadable();
  }
  const version: StoredVersion = { createdAt: time(from, 'at'), ...parsed, hmacKey };
  return { number: count(from, 'number'), version };
}

function pemOf(spki: Buffer): string {
  try {
    return publicPem(spki);
  } catch {
    throw unreadable();
  }
}

function text(from: JsonObject, name: string): string {
  const value = from[name];
  if (typeof value === 'string') return value;
  throw unreadable();
}

function truth(from: JsonObject, name: string): boolean {
  const value = from[name];
  if (typeof value === 'boolean') return value;
  throw unreadable();
}

function count(from: JsonObject, name: string): number {
  const value = from[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw unreadable();
}

function time(from: JsonObject, name: string): number {
  const value = count(from, name);
  if (value <= latestTime) return value;
  throw unreadable();
}

function bytes(from: JsonObject, name: string): Buffer {
  const value = tryBase64(text(from, name));
  if (value !== undefined) return value;
  throw unreadable();
}
