import { type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';

const foreignWriting = 0o022;
const sticky = 0o1000;

/**
 * Why a program is not to be run by a server: nobody but its owner and root may be able to change it, or to put another in its place.
 * Undefined where nothing speaks against it.
 */
export function programProblem(path: string): string | undefined {
  if (!isAbsolute(path)) return 'the program of a notifier is named by its absolute path';
  const file = stat(path);
  if (file === undefined) return `${path} is not there`;
  if (!file.isFile() || (file.mode & 0o111) === 0) return `${path} is no program that can be run`;
  const folder = dirname(path);
  return lax(path, file) ?? lax(folder, stat(folder));
}

function lax(path: string, stats: Stats | undefined): string | undefined {
  if (stats === undefined) return `${path} is not there`;
  const us = process.getuid?.();
  if (us !== undefined && stats.uid !== 0 && stats.uid !== us) {
    return `${path} belongs to another user, who could change what the server runs`;
  }
  // In a folder such as /tmp nobody replaces what others own.
  if ((stats.mode & foreignWriting) === 0 || (stats.isDirectory() && (stats.mode & sticky) !== 0))
    return undefined;
  return `others may write to ${path}; say: chmod go-w ${path}`;
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
