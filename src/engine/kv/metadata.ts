/** A secret's metadata at rest: the pointer from its path to its versions. Identity of a version is the secret's own id. */
import { timestamp } from '../../clock.ts';
import { RawJson } from '../../core/request.ts';
import { parseStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';

export interface VersionRecord {
  readonly createdAt: number;
  /** Milliseconds; null never. In the future it is when the version will be deleted by itself. */
  readonly deletedAt: number | null;
  readonly destroyed: boolean;
  /** Where a value larger than one record lies. */
  readonly upload?: { readonly id: string; readonly parts: number };
}

export interface SecretRecord {
  readonly id: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** 0 before the first version. */
  readonly current: number;
  /** 0 when no version was ever dropped. */
  readonly oldest: number;
  /** 0 is the engine's. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  /** Seconds; 0 never. */
  readonly deleteVersionAfter: number;
  readonly customMetadata: Readonly<Record<string, string>> | null;
  readonly versions: Readonly<Record<string, VersionRecord>>;
}

export const defaultMaxVersions = 10;

export function newSecret(id: string, now: number): SecretRecord {
  return {
    id,
    createdAt: now,
    updatedAt: now,
    current: 0,
    oldest: 0,
    maxVersions: 0,
    casRequired: false,
    deleteVersionAfter: 0,
    customMetadata: null,
    versions: {},
  };
}

export function encodeSecret(secret: SecretRecord): Buffer {
  return Buffer.from(JSON.stringify({ v: 1, ...secret }));
}

export function decodeSecret(bytes: Buffer): SecretRecord {
  const parsed = parseStored<SecretRecord & { readonly v: number }>(bytes);
  if (parsed.v !== 1)
    throw new CofferError('store_unusable', 'a secret is of a newer format than this program reads');
  return parsed;
}

export function isDeleted(version: VersionRecord, now: number): boolean {
  return version.deletedAt !== null && version.deletedAt <= now;
}

/** A version as `data` answers show it. */
export function shownVersion(secret: SecretRecord, number: number, version: VersionRecord): JsonObject {
  return {
    created_time: timestamp(version.createdAt),
    custom_metadata: secret.customMetadata,
    deletion_time: version.deletedAt === null ? '' : timestamp(version.deletedAt),
    destroyed: version.destroyed,
    version: number,
  };
}

const shownTexts = new WeakMap<SecretRecord, Map<number, RawJson>>();

/** The same as text, made once for each secret as decoded: reads of it differ in nothing else. */
export function shownVersionText(secret: SecretRecord, number: number, version: VersionRecord): RawJson {
  let texts = shownTexts.get(secret);
  if (texts === undefined) {
    texts = new Map();
    shownTexts.set(secret, texts);
  }
  let text = texts.get(number);
  if (text === undefined) {
    text = new RawJson(JSON.stringify(shownVersion(secret, number, version)));
    texts.set(number, text);
  }
  return text;
}

/** Which versions the new version `number` pushes out, and the others. */
export function pushedOut(
  { versions, maxVersions }: SecretRecord,
  number: number,
): { readonly gone: readonly number[]; readonly kept: SecretRecord['versions'] } {
  const last = number - (maxVersions || defaultMaxVersions);
  // Names of versions are whole numbers, which an object keeps in their order: the oldest is the first.
  const names = Object.keys(versions);
  if (names.length === 0 || Number(names[0]) > last) return { gone: [], kept: versions };
  const kept: Record<string, VersionRecord> = {};
  for (const name of names) {
    const version = versions[name];
    if (version !== undefined && Number(name) > last) kept[name] = version;
  }
  return { gone: names.map(Number).filter((old) => old <= last), kept };
}

const longest = { keys: 64, key: 128, value: 512 };

/** Throws `invalid_request` for custom metadata beyond the limits. */
export function checkCustomMetadata(pairs: Readonly<Record<string, string>>): void {
  const entries = Object.entries(pairs);
  if (entries.length > longest.keys) {
    throw new CofferError('invalid_request', `custom_metadata has at most ${longest.keys} keys`);
  }
  for (const [key, value] of entries) {
    if (key.length === 0 || key.length > longest.key || value.length > longest.value) {
      throw new CofferError(
        'invalid_request',
        `custom_metadata keys have 1 to ${longest.key} characters, values at most ${longest.value}`,
      );
    }
    if (/\p{Cc}/u.test(key + value)) {
      throw new CofferError('invalid_request', 'custom_metadata holds printable text only');
    }
  }
}
