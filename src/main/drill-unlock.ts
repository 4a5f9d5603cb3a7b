/** By which keys a restore drill of a running server opens a backup. */
import type { Barrier } from '../barrier/barrier.ts';
import type { Unlock } from '../core/backup/read-backup.ts';
import { CofferError } from '../errors.ts';
import type { Seal } from '../seal/seal.ts';
import { unwrapByAny } from '../seal/unwrap-by-any.ts';

/** Bytes of the largest backup that a drill takes into memory. */
export const largestDrill = 512 * 1024 * 1024;

/**
 * By a slot of the backup where one of these seals opens it by itself, as after a loss of everything else; otherwise by the root key
 * that the open store has, which the backup must then fit as well.
 */
export function drillUnlock(seals: readonly Seal[], barrier: () => Barrier | undefined): Unlock {
  return async ({ header, slots }) => {
    for (const { id, kind, body } of slots) {
      const fitting = seals.filter((seal) => seal.automatic && seal.kind === kind);
      if (fitting.length === 0) continue;
      try {
        return await unwrapByAny(fitting, body, { storeId: header.id, slotId: id });
      } catch {
        // Another slot may open.
      }
    }
    const open = barrier();
    if (open === undefined) throw new CofferError('sealed', 'the store was sealed');
    return open.withRootKey(async (rootKey) => Buffer.from(rootKey));
  };
}
