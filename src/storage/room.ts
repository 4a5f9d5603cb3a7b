/**
 * An extra ability of storages whose disk can be full: they keep room of their own for what lessens harm. What the types cannot say:
 *
 * - The room is taken before it is needed, so that running short is known before a commit fails for it.
 * - While short, commits of up to `urgentCommitBytes` go on and larger ones reject with `storage_full`, nothing written. Who may
 *   still commit is for those above to decide: a storage does not know a revocation from a secret.
 */
import type { Storage } from './storage.ts';

/** The largest commit while room is short: ends of tokens and leases, marks and deletions are far below. */
export const urgentCommitBytes = 64 * 1024;

export interface RoomKeepingStorage extends Storage {
  /** Whether room is short. Asked while it is, the storage looks again in the background, at most each second. */
  isShort(): boolean;
}

/** The storage if it keeps room: asked once, when it has been opened. */
export function withRoom(storage: Storage): RoomKeepingStorage | undefined {
  return 'isShort' in storage && typeof storage.isShort === 'function'
    ? (storage as RoomKeepingStorage)
    : undefined;
}
