/** Gives up a migration that was not finished: the store stays where it is, and what was copied is removed. */
import { CofferError } from '../../errors.ts';
import { migratingKey } from '../../seal/migration-mark.ts';
import { removeAll } from '../backup/batch-writer.ts';
import { writeMark } from './migrate.ts';
import {
  lookAt,
  type MarkFound,
  type MigrationPlace,
  markStands,
  requireAlone,
  requireStore,
} from './places.ts';

/**
 * `target` may be left out while the source has not given the store up: without the source's consent no target is ever finished, and
 * what was copied is never served. Rejects with `conflict` for a migration that is finished, or where there is none; and as
 * `requireAlone` does.
 */
export async function cancelMigration(
  source: MigrationPlace,
  target: MigrationPlace | undefined,
): Promise<{ readonly storeId: string }> {
  const { storeId, marked } = await requireStore(source);
  if (marked === undefined) {
    throw new CofferError('conflict', `no migration of the store in ${source.shown} was begun`);
  }
  await requireAlone(source);
  const emptied = target === undefined ? undefined : await closeTarget(target, marked);
  const moved = marked.mark.role === 'moved';
  if (moved && emptied === undefined) {
    throw new CofferError(
      'conflict',
      `the store is at ${marked.mark.other} by now, or one step from it: name that place with --to; if it is served there, migrate it back`,
    );
  }
  // The target can't be finished any more; first the source takes the store back, then the copy goes.
  const taken = moved
    ? await writeMark(source.storage, { ...marked.mark, role: 'source' }, [markStands(marked)])
    : marked;
  if (target !== undefined && emptied !== undefined) {
    const guard = [markStands(emptied)];
    await removeAll(target.storage, (key) => key !== migratingKey, guard);
    await target.storage.commit([{ key: migratingKey, value: null }], guard);
  }
  await source.storage.commit([{ key: migratingKey, value: null }], [markStands(taken)]);
  return { storeId };
}

/** Takes the target's mark over, so that the run that wrote it can go no further. Undefined where this migration left nothing. */
async function closeTarget(target: MigrationPlace, { mark }: MarkFound): Promise<MarkFound | undefined> {
  const { empty, marked } = await lookAt(target);
  if (empty) return undefined;
  if (marked?.mark.role !== 'target' || marked.mark.id !== mark.id) {
    throw new CofferError(
      'conflict',
      `${target.shown} holds something else than what this migration has copied`,
    );
  }
  await requireAlone(target);
  return writeMark(target.storage, marked.mark, [markStands(marked)]);
}
