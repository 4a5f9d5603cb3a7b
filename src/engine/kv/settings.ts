/** What holds for all secrets of a kv v2 mount, and which of it holds for one that has settings of its own. */
import { parseStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { SecretRecord } from './metadata.ts';

export interface MountSettings {
  /** 0 is `defaultMaxVersions`. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  /** Seconds; 0 never, negative: never, whatever a secret says. */
  readonly deleteVersionAfter: number;
}

export const settingsPath = 'config';
export const defaultMaxVersions = 10;
/** Most versions that anyone may ask to keep. */
export const mostVersions = 1_000;

const noSettings: MountSettings = { maxVersions: 0, casRequired: false, deleteVersionAfter: 0 };

export function encodeSettings(settings: MountSettings): Buffer {
  return Buffer.from(JSON.stringify({ v: 1, ...settings }));
}

/** Undefined where nobody has set anything. */
export function decodeSettings(record: { open(): Buffer } | undefined): MountSettings {
  if (record === undefined) return noSettings;
  const parsed = parseStored<MountSettings & { readonly v: number }>(record.open());
  if (parsed.v !== 1) {
    throw new CofferError('store_unusable', 'settings are of a newer format than this program reads');
  }
  return parsed;
}

/** How many versions of a secret are kept: the larger of the two numbers that were set. */
export function versionsKept(secret: SecretRecord, settings: MountSettings): number {
  return Math.max(secret.maxVersions, settings.maxVersions) || defaultMaxVersions;
}

/** Milliseconds after which a version written now deletes itself; 0 never. The smaller of the two that were set. */
export function selfDeletion(secret: SecretRecord, settings: MountSettings): number {
  if (settings.deleteVersionAfter < 0) return 0;
  const set = [secret.deleteVersionAfter, settings.deleteVersionAfter].filter((seconds) => seconds > 0);
  return set.length === 0 ? 0 : Math.min(...set) * 1_000;
}

/** Throws `invalid_request` for a number of versions that nobody may ask for. */
export function checkMaxVersions(wanted: number | undefined): void {
  if (wanted !== undefined && (wanted < 0 || wanted > mostVersions)) {
    throw new CofferError('invalid_request', `max_versions is a number from 0 to ${mostVersions}`);
  }
}
