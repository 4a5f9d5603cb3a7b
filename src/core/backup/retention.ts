/** Where scheduled backups go, what they are called, and which are removed: only ones that a schedule of this very store made. */
import { lstatSync } from 'node:fs';
import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError } from '../../errors.ts';
import { readBackupFile } from './backup-file.ts';
import type { BackupHeader } from './format.ts';
import { backupParts } from './parser.ts';

const rightsOfOthers = 0o022;

/** In the names of files that a schedule is making. */
export const scheduleMark = 'schedule';

/** `coffer-<store id>-<time>.backup`; times sort as they follow each other. */
export function backupName({ storeId, createdAt }: Pick<BackupHeader, 'storeId' | 'createdAt'>): string {
  const time = new Date(createdAt).toISOString().replace(/[-:]/g, '').replace('.', '');
  return `coffer-${storeId}-${time}.backup`;
}

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

/**
 * Removes all but the newest `keep`, and what a killed process left half written; for who holds the duty. `written` stays in any
 * case: by a clock that was set back it is not the newest. Answers the names of those removed.
 */
export async function removeOld(
  directory: string,
  storeId: string,
  keep: number,
  written: string,
): Promise<readonly string[]> {
  const pattern = new RegExp(`^coffer-${storeId}-\\d{8}T\\d{9}Z\\.backup$`);
  const there = await readdir(directory);
  for (const name of there) if (isLeftover(name, pattern)) await unlink(join(directory, name));
  const names = there.filter((name) => pattern.test(name) && name !== written).toSorted();
  const own: string[] = [];
  for (const name of names) if (await isOwn(join(directory, name), storeId)) own.push(name);
  const old = own.slice(0, Math.max(0, own.length - (keep - 1)));
  for (const name of old) await unlink(join(directory, name));
  return old;
}

/** A file in the making that nobody is making any more. */
function isLeftover(name: string, pattern: RegExp): boolean {
  const part = `.${scheduleMark}.part`;
  return name.startsWith('.') && name.endsWith(part) && pattern.test(name.slice(1, -part.length));
}

/** By its header: a file that somebody put there, or a copy of a backup made by hand, is not ours to remove. */
async function isOwn(path: string, storeId: string): Promise<boolean> {
  try {
    for await (const part of backupParts(readBackupFile(path))) {
      if (part.kind !== 'header') return false;
      return part.header.origin === 'schedule' && part.header.storeId === storeId;
    }
    return false;
  } catch {
    return false;
  }
}
