/** What is known of a store's scheduled backups: one record, so that every node tells the same and none begins too early. */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { parseStorageKey, type Revision } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export interface WrittenBackup {
  /** The file's name in its directory. */
  readonly name: string;
  readonly directory: string;
  /** Milliseconds: the moment its records are of. */
  readonly at: number;
  readonly bytes: number;
  readonly records: number;
}

export interface FailedBackup {
  /** Milliseconds. */
  readonly at: number;
  /** Fit to be shown. */
  readonly reason: string;
}

export interface ScheduleState {
  readonly directory: string;
  /** Milliseconds. */
  readonly every: number;
  readonly keep: number;
  /** When the last attempt began. */
  readonly triedAt: number;
  readonly running: boolean;
  readonly last: WrittenBackup | null;
  /** The last failure since `last`. */
  readonly failure: FailedBackup | null;
  readonly failures: number;
}

export const scheduleKey = parseStorageKey('core/backup/schedule');

export function scheduleWrite(state: ScheduleState): PlainWrite {
  return { key: scheduleKey, value: encodeStored(state) };
}

export async function readSchedule(
  store: BarrierStore,
): Promise<{ readonly state: ScheduleState | undefined; readonly revision: Revision | null }> {
  const record = await store.read(scheduleKey);
  if (record === undefined) return { state: undefined, revision: null };
  return { state: decodeStored<ScheduleState>(record.open()), revision: record.revision };
}
