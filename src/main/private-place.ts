/** Files and folders that others must not reach: checked before anything is read from them or put there. */
import { chmodSync, readdirSync, type Stats, statSync } from 'node:fs';
import { CofferError } from '../errors.ts';
import { auditDirectoryOf, storeDirectoryOf } from './node.ts';

const foreignRights = 0o077;
const foreignWriting = 0o022;

/**
 * What is wrong with the modes of a data directory and of the folders in it; nothing for those that are not there. The folders of
 * store and audit log are for their owner alone. So is the data directory, unless it belongs to somebody else, as the root of a
 * volume may: then others may look, and nobody may write.
 */
export function laxDirectories(data: string): readonly string[] {
  const own = stat(data);
  const foreign = own !== undefined && own.uid !== process.getuid?.();
  const store = storeDirectoryOf(data);
  const audit = auditDirectoryOf(data);
  return [
    ...(isNarrowable(data) ? [] : laxness(data, own, foreign ? foreignWriting : foreignRights)),
    ...(isNarrowable(store) ? [] : laxness(store, stat(store), foreignRights)),
    ...laxness(audit, stat(audit), foreignRights),
  ];
}

/**
 * Throws `store_unusable` with what to say to put it right. A new, empty directory is made narrow instead: nothing was in the open.
 */
export function requirePrivateDirectories(data: string): void {
  for (const path of [data, storeDirectoryOf(data)]) if (isNarrowable(path)) chmodSync(path, 0o700);
  const [first] = laxDirectories(data);
  if (first !== undefined) throw new CofferError('store_unusable', first);
}

/** What is wrong with the mode of a file that holds a key; nothing when there is none. */
export function laxKeyFile(path: string): string | undefined {
  return laxness(path, stat(path), foreignRights)[0];
}

/** An empty directory of ours. */
function isNarrowable(path: string): boolean {
  const stats = stat(path);
  return stats?.isDirectory() === true && stats.uid === process.getuid?.() && readdirSync(path).length === 0;
}

function laxness(path: string, stats: Stats | undefined, forbidden: number): readonly string[] {
  // Elsewhere modes say nothing about rights.
  if (stats === undefined || process.getuid === undefined || (stats.mode & forbidden) === 0) return [];
  const octal = (stats.mode & 0o777).toString(8).padStart(4, '0');
  const right = stats.isDirectory() ? '700' : '600';
  return [`${path} has mode ${octal}, so others may reach it; say: chmod ${right} ${path}`];
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Who cannot look there will be told when it is opened.
    return undefined;
  }
}
