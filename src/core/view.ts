/**
 * A window on the barrier: one mount's records and nothing else. Paths are relative to the mount; storage keys never show.
 * Guarantees are the storage seam's.
 */
import type { SealedRecord } from '../barrier/store.ts';
import type { Page, PageRequest, Revision } from '../storage/storage.ts';

/** `value: null` deletes. */
export interface ViewWrite {
  readonly path: string;
  readonly value: Buffer | null;
}

/** `revision: null` expects absence. */
export interface ViewExpectation {
  readonly path: string;
  readonly revision: Revision | null;
}

/** Asks the expiry duty to call the mount's `onDue(name)` once this time (ms) has come. Calling twice must be harmless. */
export interface DueEntry {
  readonly at: number;
  readonly name: string;
  /** Asks the duty for work outside instead, to call `onOutsideDue(name)`: what waits there holds up no lease and no token. */
  readonly outside?: true;
}

export interface ViewRecord extends SealedRecord {
  readonly path: string;
}

export interface View {
  read(path: string): Promise<SealedRecord | undefined>;
  readMany(paths: readonly string[]): Promise<readonly (SealedRecord | undefined)[]>;
  children(folder: string, page: PageRequest): Promise<Page<string>>;
  range(folder: string, page: PageRequest): Promise<Page<ViewRecord>>;
  /** At most 48 writes and expectations together: the rest of a commit's 64 belongs to the core. */
  commit(
    writes: readonly ViewWrite[],
    expectations?: readonly ViewExpectation[],
    due?: readonly DueEntry[],
  ): Promise<readonly Revision[]>;
}
