import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CofferError } from '../../errors.ts';
import { checkDataFile } from './data-file.ts';

/** What lies in a store's directory: the records, LMDB's table of readers, and the gate with its own (see `gate.ts`). */
export const storeFiles = {
  data: 'data.mdb',
  lock: 'lock.mdb',
  gate: 'gate.mdb',
  gateLock: 'gate.mdb-lock',
} as const;

export const privateFile = 0o600;
const privateDirectory = 0o700;
const groupAndOthers = 0o077;
const writableByOthers = 0o002;

/**
 * Makes sure that a store is, or with `create` may be made, in the directory `path`. Throws `store_unusable` otherwise:
 * an empty or missing place is refused without `create`, so that a volume that is not mounted never becomes a fresh store.
 */
export function prepareDirectory(path: string, create: boolean): void {
  const present = statSync(path, { throwIfNoEntry: false });
  if (present === undefined) {
    if (!create) throw noStore(path, 'the directory does not exist');
    makeDirectory(path);
    return;
  }
  if (!present.isDirectory()) {
    throw new CofferError('store_unusable', `${path} is a file; a store is a directory`);
  }
  if ((present.mode & writableByOthers) !== 0) {
    throw new CofferError(
      'store_unusable',
      `the directory ${path} may be written by every user; take that right away: chmod 700 ${path}`,
    );
  }
  const data = join(path, storeFiles.data);
  const size = statSync(data, { throwIfNoEntry: false })?.size;
  if (size === undefined || (size === 0 && create)) {
    if (!create)
      throw noStore(
        path,
        readdirSync(path).length === 0 ? 'the directory is empty' : `it has no ${storeFiles.data}`,
      );
    if (readdirSync(path).length === 0) narrow(path, present.mode, privateDirectory);
    return;
  }
  checkDataFile(data);
}

/** Whether the directory `path` has a file of records, whatever is in it. */
export function hasDataFile(path: string): boolean {
  return existsSync(join(path, storeFiles.data));
}

/**
 * Takes every right of group and others from the files of the store. Returns the paths that had any: a copy put back
 * without care, most likely. Throws `store_unusable` if that can't be done.
 */
export function narrowFiles(path: string): readonly string[] {
  const lax: string[] = [];
  for (const name of Object.values(storeFiles)) {
    const file = join(path, name);
    const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
    if ((mode & groupAndOthers) === 0) continue;
    lax.push(file);
    if (!narrow(file, mode, privateFile)) {
      throw new CofferError(
        'store_unusable',
        `other users have rights on ${file}, and it belongs to somebody else; its owner puts that right: chmod 600 ${file}`,
      );
    }
  }
  return lax;
}

/** Puts the names of the store's files, and the store's own, on disk: without them, flushed records can't be found again. */
export function syncDirectory(path: string): void {
  for (const each of [path, dirname(path)]) {
    const directory = openSync(each, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: privateDirectory });
  } catch (cause) {
    throw new CofferError('store_unusable', `the directory ${path} can't be made`, { cause });
  }
}

/** Whether the mode is narrow afterwards. A volume's root may belong to somebody else: that is the administrator's choice. */
function narrow(path: string, mode: number, wanted: number): boolean {
  if ((mode & groupAndOthers) === 0) return true;
  try {
    chmodSync(path, wanted);
    return true;
  } catch {
    return false;
  }
}

function noStore(path: string, found: string): CofferError {
  return new CofferError(
    'store_unusable',
    `there is no store in ${path}: ${found}; if its volume is not mounted, mount it; to make a new store there, start with --init`,
  );
}
