/** What opening a store begins with, read as one snapshot: together they say how things stood at one moment. */
import type { Barrier } from '../barrier/barrier.ts';
import type { SealedRecord } from '../barrier/store.ts';
import { bootKeys, sealMarkKey } from '../seal/boot.ts';
import { decodeMigrationMark, markedRefusal, migratingKey } from '../seal/migration-mark.ts';
import type { Storage, StorageRecord } from '../storage/storage.ts';
import { restoredKey } from './backup/restored.ts';
import { epochKey } from './epoch.ts';
import { levelKey } from './node/formats.ts';

/** As the core gets them, to be opened by it. */
export interface FirstRecords {
  readonly epoch: SealedRecord | undefined;
  readonly levels: SealedRecord | undefined;
  readonly restored: SealedRecord | undefined;
}

export interface Opening {
  /** The mark of a store that somebody sealed on purpose. */
  readonly sealMark: StorageRecord | undefined;
  readonly keyring: StorageRecord | undefined;
  /** Once the barrier is unsealed by that keyring. */
  recordsOf(barrier: Barrier): FirstRecords;
}

/** Throws `store_unusable` for a store that is being moved, or has been. */
export async function readOpening(storage: Storage): Promise<Opening> {
  const [sealMark, migrating, keyring, epoch, levels, restored] = await storage.readMany([
    sealMarkKey,
    migratingKey,
    bootKeys.keyring,
    epochKey,
    levelKey,
    restoredKey,
  ]);
  if (migrating !== undefined) throw markedRefusal(decodeMigrationMark(migrating.value));
  return {
    sealMark,
    keyring,
    recordsOf: (barrier) => ({
      epoch: barrier.present(epochKey, epoch),
      levels: barrier.present(levelKey, levels),
      restored: barrier.present(restoredKey, restored),
    }),
  };
}
