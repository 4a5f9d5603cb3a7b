/** Which backups are removed by rule, and where files of them may be. */
import { lstatSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { BackupPlace, KeptBackup } from '../../backup-place/backup-place.ts';
import { CofferError } from '../../errors.ts';

const rightsOfOthers = 0o022;

/** Makes the directory if it is not there. Throws `store_unusable` for one that others may write, a link or a file. */
export async function preparePlace(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new CofferError('unavailable', `the directory ${directory} can't be made`, { cause });
  }
  const stat = lstatSync(directory);
  if (!stat.isDirectory()) throw new CofferError('store_unusable', `${directory} is not a directory`);
  if ((stat.mode & rightsOfOthers) !== 0) {
    throw new CofferError(
      'store_unusable',
      `others may write into ${directory}; take that right away: chmod go-w ${directory}`,
    );
  }
}

export interface RetentionRule {
  /** How many are kept, 1 at least. */
  readonly keep: number;
  /** Milliseconds: older ones go, however few there are. None for their age if absent. */
  readonly keepFor?: number | undefined;
}

/** Milliseconds that the clocks of nodes may be apart. */
const apart = 3_600_000;

/**
 * Removes what the rule does not keep, of what schedules of this store made; for who holds the duty, and only once `written` is there
 * and whole. It stays in any case: by a clock that was set back it is not the newest. Answers the names of those removed.
 *
 * Nothing can be newer than what was just written: what says so comes of a clock that went ahead, or of somebody who may put things
 * there and not take them away. So it goes first, or it would take the places of what is written from now on.
 */
export async function removeOld(
  place: Pick<BackupPlace, 'removable' | 'remove'>,
  { keep, keepFor }: RetentionRule,
  written: Pick<KeptBackup, 'name' | 'storeId' | 'createdAt'>,
): Promise<readonly string[]> {
  const found = (await place.removable(written.storeId)).filter(({ name }) => name !== written.name);
  const isAhead = ({ createdAt }: KeptBackup) => createdAt > written.createdAt + apart;
  const others = [...found.filter(isAhead), ...found.filter((each) => !isAhead(each))];
  const beyond = Math.max(0, others.length - (keep - 1));
  const eldest = keepFor === undefined ? Number.NEGATIVE_INFINITY : written.createdAt - keepFor;
  const removed: string[] = [];
  for (const [index, { name, createdAt }] of others.entries()) {
    if (index >= beyond && createdAt >= eldest) continue;
    await place.remove(name);
    removed.push(name);
  }
  return removed;
}
