/** One file, there whole or as it was: its bytes go into another one beside it, which then takes its place. */
import { basename, dirname, join } from 'node:path';
import { CofferError } from '../errors.ts';
import type { FileNote } from './change-note.ts';
import type { DirectorySurroundings } from './credential-directory.ts';
import { unwritable } from './file-error.ts';
import type { Rights } from './files.ts';
import { requireOwnDirectory } from './trusted-path.ts';

const longest = 16 * 1024 * 1024;

/**
 * On disk when it returns. @returns whether it is another file than before
 * @param note written before the file takes its place; where it does not come to that, there is no new one
 * @throws `usage` for a place that others may change, and for what is no file; `storage_full`
 */
export function writeWhole(
  path: string,
  bytes: Buffer,
  rights: Rights,
  { files, uid, newName }: DirectorySurroundings,
  note?: FileNote,
): boolean {
  const folder = dirname(path);
  // At most 180 bytes of it: a name of a file has 255 (NAME_MAX).
  const beginning = `.${basename(path).slice(0, 60)}.`;
  try {
    requireOwnDirectory(files, folder, uid);
    const there = files.look(path);
    if (there !== undefined && there.kind !== 'file')
      throw new CofferError('usage', `cannot write ${path}: it is there and is no file`);
    const { mode, owner = there?.uid, group = there?.gid } = rights;
    const isSame = there?.mode === mode && there.uid === owner && there.gid === group;
    if (isSame && files.read(path, longest).equals(bytes)) return false;
    for (const left of files.list(folder)) {
      // Of a write that was cut off.
      if (left.startsWith(beginning) && /^[0-9a-f]{16}\.new$/.test(left.slice(beginning.length)))
        files.remove(join(folder, left));
    }
    const beside = join(folder, `${beginning}${newName()}.new`);
    let isNoted = false;
    try {
      files.create(beside, bytes, rights);
      isNoted = note?.write() === true;
      files.rename(beside, path);
    } catch (error) {
      if (files.look(beside) !== undefined) files.remove(beside);
      if (isNoted) note?.remove();
      throw error;
    }
    files.sync(folder);
    return true;
  } catch (error) {
    throw unwritable(path, error);
  }
}
