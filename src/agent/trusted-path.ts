/**
 * Directories that nobody else can change. Where somebody else may rename, what was looked at is not what is written to a moment later; so
 * such a place is refused, rather than looked at again and again.
 */
import { dirname, resolve } from 'node:path';
import { CofferError } from '../errors.ts';
import type { Entry, Files } from './files.ts';

const writableByOthers = 0o022;
const sticky = 0o1000;

/** @param uid whose process this is. Throws `usage` naming the place and what to change. */
export function requireOwnDirectory(files: Files, path: string, uid: number): void {
  const entry = files.look(path);
  if (entry?.kind !== 'directory')
    throw refusal(path, entry === undefined ? 'is not there' : `is ${words[entry.kind]}`);
  requireOwner(path, entry, uid);
  if ((entry.mode & writableByOthers) !== 0)
    throw refusal(path, `can be changed by others; say: chmod go-w ${path}`);
  requireTrustedParents(files, path, uid);
}

/** The same for all above it: there, a sticky directory such as /tmp will do. */
export function requireTrustedParents(files: Files, path: string, uid: number): void {
  for (let at = dirname(resolve(path)); ; at = dirname(at)) {
    const entry = files.look(at);
    if (entry === undefined) throw refusal(at, 'is not there');
    // A link above is somebody's who may change the directory that it is in, and that is looked at.
    if (entry.kind !== 'link') {
      requireOwner(at, entry, uid);
      if ((entry.mode & writableByOthers) !== 0 && (entry.mode & sticky) === 0)
        throw refusal(at, `can be changed by others; say: chmod go-w ${at}`);
    }
    if (dirname(at) === at) return;
  }
}

const words = { file: 'a file', link: 'a link', other: 'no directory', directory: 'a directory' } as const;

function requireOwner(path: string, entry: Entry, uid: number): void {
  if (entry.uid === uid || entry.uid === 0) return;
  throw refusal(path, `belongs to user ${entry.uid}, who could put something else in its place`);
}

function refusal(path: string, what: string): CofferError {
  return new CofferError('usage', `cannot write to ${path}: it ${what}`);
}
