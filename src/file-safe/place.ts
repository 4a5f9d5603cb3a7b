/** Where a safe lies on disk: its directory holds the store in a folder of its own, as a server's data directory does. */
import { mkdirSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { CofferError } from '../errors.ts';

const foreignRights = 0o077;

export function storeFolder(path: string): string {
  return join(path, 'store');
}

/** Makes the directory where it is missing. Throws `store_unusable` where something else is in it. */
export function prepareNewPlace(path: string): void {
  const stats = statOf(path);
  if (stats === undefined) {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new CofferError('store_unusable', `the directory ${path} can't be made`, { cause });
    }
    return;
  }
  if (!stats.isDirectory())
    throw new CofferError('store_unusable', `${path} is a file; a safe is a directory`);
  // What a start that was cut off leaves is a store with nothing in it.
  const others = readdirSync(path).filter((name) => name !== 'store');
  if (others.length > 0) {
    throw new CofferError('store_unusable', `${path} is not empty; a safe needs a directory of its own`);
  }
  requirePrivate(path, stats);
}

/** Throws `not_found` where there is nothing, `store_unusable` for what is no safe or may be reached by others. */
export function requirePlace(path: string): void {
  const stats = statOf(path);
  const store = statOf(storeFolder(path));
  if (stats === undefined || store === undefined) {
    throw new CofferError(
      'not_found',
      `there is no safe in ${path}; \`coffer safe init file:${path}\` makes one`,
    );
  }
  requirePrivate(path, stats);
  requirePrivate(storeFolder(path), store);
}

function requirePrivate(path: string, stats: Stats): void {
  // Elsewhere modes say nothing about rights.
  if (process.getuid === undefined || (stats.mode & foreignRights) === 0) return;
  const octal = (stats.mode & 0o777).toString(8).padStart(4, '0');
  throw new CofferError(
    'store_unusable',
    `${path} has mode ${octal}, so others may reach it; say: chmod 700 ${path}`,
  );
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new CofferError('store_unusable', `${path} cannot be looked at`, { cause });
  }
}
