/**
 * Files that rendered text goes to. A file is there whole or as it was: the text goes into another file beside it, whose rights are
 * set before anything is in it, and which then takes its place.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CofferError } from '../../errors.ts';
import { systemReason, unwritable } from '../private-file.ts';
import { shownMode } from './mode.ts';

export interface FileWishes {
  readonly path: string;
  /** Undefined keeps that of a file that is there, and is 0600 for a new one. */
  readonly mode: number | undefined;
  /** Numbers; undefined keeps that of a file that is there. */
  readonly owner: number | undefined;
  readonly group: number | undefined;
  /** Write to the file that a link names. Without it a link is refused. */
  readonly follow: boolean;
}

export interface FilePlan {
  /** Where the file is, behind a link that is followed. */
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
  readonly owner: number | undefined;
  readonly group: number | undefined;
  readonly kind: 'create' | 'change' | 'same';
  /** What would be other than it is, in words that show no content. */
  readonly changes: readonly string[];
}

const privateMode = 0o600;
const writableByAll = 0o002;
const sticky = 0o1000;

/** Changes nothing. Throws `usage` for a link that is not to be followed, for what is no file, and for an unfit folder. */
export function planFile(wishes: FileWishes, content: Buffer): FilePlan {
  const path = targetOf(wishes);
  requireFolder(path);
  const there = statOf(path);
  const mode = wishes.mode ?? (there === undefined ? privateMode : there.mode & 0o777);
  const owner = wishes.owner ?? there?.uid;
  const group = wishes.group ?? there?.gid;
  const plan = { path, content, mode, owner, group };
  if (there === undefined) return { ...plan, kind: 'create', changes: [`mode ${shownMode(mode)}`] };
  const changes = [
    ...(hasContent(path, there, content) ? [] : ['content']),
    ...((there.mode & 0o7777) === mode ? [] : [`mode ${shownMode(there.mode)} to ${shownMode(mode)}`]),
    ...(there.uid === owner ? [] : [`owner ${there.uid} to ${owner}`]),
    ...(there.gid === group ? [] : [`group ${there.gid} to ${group}`]),
  ];
  return { ...plan, kind: changes.length === 0 ? 'same' : 'change', changes };
}

/** On disk when it returns. Throws `usage`, and leaves what was there, where the file cannot be written or given away. */
export function writePlanned({ path, content, mode, owner, group }: FilePlan): void {
  const beside = join(
    dirname(path),
    // At most 180 bytes of it: a name of a file has 255 (NAME_MAX).
    `.${basename(path).slice(0, 60)}.${randomBytes(6).toString('hex')}.new`,
  );
  try {
    fill(beside, content, mode, owner, group);
    renameSync(beside, path);
    syncFolder(dirname(path));
  } catch (error) {
    unlinkQuietly(beside);
    throw unwritable(path, error);
  }
}

/** `wx` makes the file or fails: it follows no link and takes over nobody's file. */
function fill(
  beside: string,
  content: Buffer,
  mode: number,
  owner: number | undefined,
  group: number | undefined,
): void {
  const file = openSync(beside, 'wx', privateMode);
  try {
    giveAway(file, owner, group);
    fchmodSync(file, mode);
    let written = 0;
    while (written < content.length) written += writeSync(file, content, written);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function giveAway(file: number, owner: number | undefined, group: number | undefined): void {
  if (owner === undefined && group === undefined) return;
  try {
    // -1 leaves one of them as it is (chown(2)); Node wants it as the unsigned number.
    fchownSync(file, owner ?? 0xffff_ffff, group ?? 0xffff_ffff);
  } catch (error) {
    throw new CofferError(
      'usage',
      `the file cannot be given to user ${owner ?? 'unchanged'} and group ${group ?? 'unchanged'}: ${systemReason(error)}`,
      { cause: error },
    );
  }
}

function targetOf({ path, follow }: FileWishes): string {
  if (path === '' || path.endsWith('/'))
    throw new CofferError('usage', 'a destination must be the name of a file');
  if (statOfLink(path)?.isSymbolicLink() !== true) return path;
  if (!follow) throw new CofferError('usage', `${path} is a link; --follow writes to the file that it names`);
  try {
    return realpathSync(path);
  } catch (error) {
    throw new CofferError('usage', `${path} is a link to nothing: ${systemReason(error)}`, { cause: error });
  }
}

/** Where everybody may rename, anybody could put another file in the place of ours. */
function requireFolder(path: string): void {
  const folder = dirname(path);
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true)
    throw new CofferError('usage', `cannot write ${path}: there is no folder ${folder}`);
  if ((stats.mode & writableByAll) !== 0 && (stats.mode & sticky) === 0) {
    throw new CofferError(
      'usage',
      `cannot write ${path}: every user may change the folder ${folder}; say: chmod o-w ${folder}`,
    );
  }
}

function statOf(path: string): Stats | undefined {
  const stats = statOfLink(path);
  if (stats !== undefined && !stats.isFile())
    throw new CofferError('usage', `${path} is there and is no file`);
  return stats;
}

function statOfLink(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unwritable(path, error);
  }
}

function hasContent(path: string, { size }: Stats, content: Buffer): boolean {
  if (size !== content.length) return false;
  try {
    return readFileSync(path).equals(content);
  } catch {
    // What cannot be read can still be replaced.
    return false;
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or is in its place already.
  }
}
