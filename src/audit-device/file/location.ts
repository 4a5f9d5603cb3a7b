/**
 * Where a device's file may be: below a listed directory, reached through directories that nobody else can change, and a plain
 * file of our own. An administrator's choice of a path must not become a way to write to programs, keys or other people's files.
 */
import { lstatSync, mkdirSync, realpathSync, type Stats } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { CofferError } from '../../errors.ts';
import type { DevicePlaces } from '../audit-device.ts';

export interface Location {
  /** The listed directory, as configured. */
  readonly directory: string;
  /** Names from there to the file, the file's last. */
  readonly names: readonly string[];
}

/** What a name in a path may be: nothing hidden, nothing that a shell or a log would read otherwise. */
const plainName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const mostNames = 8;

/** Takes an absolute path, or one relative to the server's own directory. Throws `invalid_request`. */
export function parseLocation(path: string, { directories, own }: DevicePlaces): Location {
  if (isAbsolute(path)) {
    const directory = directories
      .filter((each) => path.startsWith(withSlash(each)))
      .toSorted((one, other) => other.length - one.length)[0];
    if (directory === undefined) throw notListed();
    return { directory, names: plainNames(path.slice(withSlash(directory).length)) };
  }
  if (own === undefined) throw notListed();
  return { directory: own, names: plainNames(path) };
}

function withSlash(directory: string): string {
  return directory.endsWith('/') ? directory : `${directory}/`;
}

function plainNames(path: string): readonly string[] {
  const names = path.split('/');
  if (names.length > mostNames || !names.every((name) => plainName.test(name))) {
    throw new CofferError(
      'invalid_request',
      `the path of an audit file is made of at most ${mostNames} names of letters, digits, ".", "_" and "-" below its directory; none is empty, "." or ".."`,
    );
  }
  return names;
}

function notListed(): CofferError {
  return new CofferError(
    'invalid_request',
    'audit files may only be in directories that audit.directories of the server’s configuration lists, or, as a relative path, in the server’s own',
  );
}

/**
 * The file's path with every directory on the way looked at, and made where it is missing below the listed one. Throws `unavailable`
 * for a link, and for a directory that others may write to.
 */
export function safePath({ directory, names }: Location, { own }: DevicePlaces): string {
  if (directory === own) makeIfMissing(directory);
  let path = realDirectory(directory);
  for (const name of names.slice(0, -1)) {
    path = join(path, name);
    makeIfMissing(path);
    requireOwn(path, lstatSync(path));
  }
  return join(path, names.at(-1) ?? '');
}

/** Links above the listed directory are the operator's own; what it comes to is looked at. */
function realDirectory(directory: string): string {
  try {
    const real = realpathSync(directory);
    requireOwn(real, lstatSync(real));
    return real;
  } catch (error) {
    if (error instanceof CofferError) throw error;
    throw new CofferError('unavailable', 'the directory of this audit file is not there or cannot be read', {
      cause: error,
    });
  }
}

function makeIfMissing(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw new CofferError('unavailable', 'a directory for this audit file could not be made', {
      cause: error,
    });
  }
}

function requireOwn(path: string, stats: Stats): void {
  if (!stats.isDirectory()) {
    throw new CofferError(
      'unavailable',
      `the way to this audit file is not made of directories: ${path} is a link or a file`,
    );
  }
  const { geteuid } = process;
  if (geteuid !== undefined && stats.uid !== geteuid()) {
    throw new CofferError('unavailable', `${path} belongs to somebody else than the server’s user`);
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new CofferError('unavailable', `others may write to ${path}; say: chmod go-w ${path}`);
  }
}
