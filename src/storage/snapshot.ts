/**
 * An extra ability of storages: the whole store as it is at one moment, read at leisure while others write. What the types cannot say:
 *
 * - A snapshot shows every commit that was acknowledged before it was asked for, and none that began after it was there.
 * - Holding one costs the storage room: what is written meanwhile can't take the place of what it replaces (LMDB's file
 *   grows by that much). So a snapshot is held for a copy, bounded in time by its holder, and always disposed.
 * - Memory stays bounded by the pages being read, where the storage is on disk.
 */
import type { KeyedRecord, Page, PageRequest, Storage } from './storage.ts';

export interface StorageSnapshot extends Disposable {
  /** About how many records there are; for showing progress. */
  readonly records: number;
  /** Records whose key starts with `prefix`, in order, as `Storage.range` pages them. Rejects with `unavailable` once disposed or closed. */
  range(prefix: string, page: PageRequest): Promise<Page<KeyedRecord>>;
}

export interface SnapshotStorage extends Storage {
  /** Rejects with `unavailable` once the storage is closed. */
  snapshot(): Promise<StorageSnapshot>;
}

/** The storage if it can give snapshots: asked once, when it has been opened. */
export function withSnapshots(storage: Storage): SnapshotStorage | undefined {
  return 'snapshot' in storage && typeof storage.snapshot === 'function'
    ? (storage as SnapshotStorage)
    : undefined;
}
