/**
 * An extra ability of storages: to tell who else has this store open, as far as it can know. It is asked by work that must be alone
 * with a store. What the types cannot say:
 *
 * - Everybody who has read from the store and has not closed it is told, on whichever host; those that died are not.
 * - Whoever a network has parted from the storage may be missing: on its way back it meets the `gate` of its opening (`storage-type.ts`).
 * - It is a look at one moment: whoever asks has first seen to it that nobody else comes.
 */
import type { Storage } from './storage.ts';

export interface OccupiedStorage extends Storage {
  /** One short description each, for people: `process 4711`. Rejects with `unavailable` where that cannot be found out. */
  occupants(): Promise<readonly string[]>;
}

/** The storage if it can tell: asked once, when it has been opened. */
export function withOccupants(storage: Storage): OccupiedStorage | undefined {
  return 'occupants' in storage && typeof storage.occupants === 'function'
    ? (storage as OccupiedStorage)
    : undefined;
}

/** What a process says of itself in the storage. */
export function describeOccupant(pid: number, host: string): string {
  return `process ${pid} on ${host}`;
}

/** The same as it was read: whoever writes there may have put anything in its place, and it is shown to people. */
export function shownOccupant(text: string): string {
  return /^process \d{1,10} on [\w.-]{1,255}$/.test(text) ? text : 'a process';
}
