/** A job at rest: `core/job/record/<id>`, and while it is to be worked on a marker under `core/job/active/<id>`. */
import type { JsonObject } from '../../json.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export type JobStatus = 'running' | 'done' | 'failed' | 'cancelled';

export interface JobRecord {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly state: JsonObject;
  readonly status: JobStatus;
  /** Stored id of the token that asked; null where the server itself did. */
  readonly requester: string | null;
  /** Whom that token goes back to: see `identityOf`. Absent where it goes back to no login. */
  readonly requesterIdentity?: string;
  /** Display name of who asked, for people. */
  readonly requestedBy: string;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Not to be worked on before; milliseconds. */
  readonly notBefore: number;
  readonly done: number;
  readonly total: number | null;
  /** Steps that failed in a row. */
  readonly failures: number;
  /** Why the last step failed, or why the job did. */
  readonly problem: string | null;
  readonly result: JsonObject | null;
}

export const activePrefix = 'core/job/active/';
export const recordPrefix = 'core/job/record/';

export function jobKey(id: string): StorageKey {
  return parseStorageKey(recordPrefix + id);
}

export function activeKey(id: string): StorageKey {
  return parseStorageKey(activePrefix + id);
}

/** The type that a record is given which cannot be read any more: nobody works on it, and people see it. */
export const damagedType = 'damaged';

/** What stands for a record that cannot be read. */
export function damagedJob(id: string): JobRecord {
  return {
    id,
    type: damagedType,
    subject: '',
    state: {},
    status: 'failed',
    requester: null,
    requestedBy: '',
    createdAt: 0,
    updatedAt: 0,
    notBefore: 0,
    done: 0,
    total: null,
    failures: 0,
    problem: 'the record of this job cannot be read: it is damaged',
    result: null,
  };
}

export function encodeJob(record: JobRecord): Buffer {
  return encodeStored(record);
}

export function decodeJob(bytes: Buffer): JobRecord {
  return decodeStored<JobRecord>(bytes);
}
