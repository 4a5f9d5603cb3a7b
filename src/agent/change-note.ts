/**
 * What says, beyond the end of this process, that files were changed and nobody may have been told: a name on the disk before the change is
 * there, gone once somebody was told. Whatever has the name counts. It is looked at and taken away, and never opened: it says nothing but that it
 * is there, so that a power loss can leave no half of it. Nobody else can put it there, for nobody else can change the directory.
 */
import { basename, dirname, join } from 'node:path';
import { CofferError } from '../errors.ts';
import type { DirectorySurroundings } from './credential-directory.ts';
import { systemCode, unwritable } from './file-error.ts';
import type { Files } from './files.ts';
import type { ChangeSettings } from './settings.ts';
import { requireOwnDirectory } from './trusted-path.ts';

export interface ChangeNote {
  /** Never throws: why a place is not for us is said by whoever writes there. */
  isThere(): boolean;
  /** Throws `usage` where it has to stay. After a power loss it may be there again. */
  remove(): void;
}

/** Whether there is somebody who goes on with what was before: the program of `[exec]` is started anew with the agent. */
export function isNoted(change: ChangeSettings | undefined): boolean {
  return change !== undefined && change.kind !== 'exec';
}

/** The note of a file, beside it. */
export function notePath(file: string): string {
  return join(dirname(file), `.${basename(file)}.untold`);
}

/** The note of one file. */
export class FileNote implements ChangeNote {
  readonly #path: string;
  readonly #files: Files;
  readonly #uid: number;

  constructor(file: string, { files, uid }: Pick<DirectorySurroundings, 'files' | 'uid'>) {
    this.#path = notePath(file);
    this.#files = files;
    this.#uid = uid;
  }

  isThere(): boolean {
    try {
      requireOwnDirectory(this.#files, dirname(this.#path), this.#uid);
      return isMark(this.#files, this.#path);
    } catch {
      return false;
    }
  }

  /**
   * On disk when it returns, in a directory that is known for ours. @returns whether it was not there before
   * @throws what the system says, and `usage` for a directory of that name; then there is no new one
   */
  write(): boolean {
    const isNew = this.#files.look(this.#path) === undefined;
    if (isNew) this.#files.mark(this.#path);
    else if (!isMark(this.#files, this.#path))
      throw new CofferError('usage', `${this.#path} is there and is none of ours; take it away first`);
    try {
      this.#files.sync(dirname(this.#path));
    } catch (error) {
      if (isNew) this.#files.remove(this.#path);
      throw error;
    }
    return isNew;
  }

  remove(): void {
    removeMark(this.#files, this.#path);
  }
}

export function isMark(files: Files, path: string): boolean {
  const kind = files.look(path)?.kind;
  return kind !== undefined && kind !== 'directory';
}

/** Throws `usage`. One that is gone already is no error. */
export function removeMark(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unwritable(path, error);
  }
}
