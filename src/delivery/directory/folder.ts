/**
 * A directory that is held open. What is in it is reached through the open directory itself and by one plain name, so that nothing that is put on the way there
 * in the meantime, link or other directory, changes where something is read or written: `openat(2)` with O_NOFOLLOW, which Node lacks,
 * by way of /proc. Where there is none (macOS) the real path is compared instead, which leaves a moment between look and use.
 */
import { constants } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rmdir,
  stat,
  unlink,
} from 'node:fs/promises';
import { CofferError } from '../../errors.ts';

/** How files are opened; handed in, so that a full disk can be tried. */
export type OpenFile = (path: string, flags: number, mode?: number) => Promise<FileHandle>;

export const systemOpen: OpenFile = (path, flags, mode) => open(path, flags, mode);

/** Who may reach a directory: `own` is ours alone, `safe` ours or the superuser's, and written by nobody else. */
export type Privacy = 'own' | 'safe';

const asDirectory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const asNewFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export class Folder implements AsyncDisposable {
  /** As people know it. */
  readonly path: string;
  readonly #handle: FileHandle;
  /** Where its entries are found for as long as it is open. */
  readonly #base: string;
  readonly #open: OpenFile;

  private constructor(path: string, handle: FileHandle, base: string, openFile: OpenFile) {
    this.path = path;
    this.#handle = handle;
    this.#base = base;
    this.#open = openFile;
  }

  /** Throws `unavailable` where it is not there, `permission_denied` for a link and for one that others could change. */
  static async root(path: string, openFile: OpenFile): Promise<Folder> {
    const handle = await open(path, asDirectory).catch((error: unknown) => {
      throw fileFailure(path, error);
    });
    return Folder.#checked(path, path, handle, 'safe', openFile);
  }

  /** One in it; undefined where there is none. Throws as `root` does. */
  async child(name: string, privacy: Privacy): Promise<Folder | undefined> {
    const path = `${this.path}/${name}`;
    let handle: FileHandle;
    try {
      handle = await open(this.#at(name), asDirectory);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw fileFailure(path, error);
    }
    return Folder.#checked(path, this.#at(name), handle, privacy, this.#open);
  }

  /** The same, made where it is missing: 0700, and there also after a power cut. */
  async make(name: string, privacy: Privacy): Promise<Folder> {
    const there = await this.child(name, privacy);
    if (there !== undefined) return there;
    await this.#doing(name, () => mkdir(this.#at(name), { mode: 0o700 }), ['EEXIST']);
    await this.sync();
    const made = await this.child(name, privacy);
    if (made !== undefined) return made;
    throw new CofferError('unavailable', `${this.path}/${name} was taken away while it was made`);
  }

  /** A whole file in place of whatever has its name: 0600, and on disk when it resolves. @param salt for the name it has until then */
  async write(name: string, text: string, salt: string): Promise<void> {
    const temporary = `.${name}.${salt}`;
    await this.#doing(name, async () => {
      const file = await this.#open(this.#at(temporary), asNewFile, 0o600);
      try {
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(this.#at(temporary), this.#at(name));
      } catch (error) {
        await unlink(this.#at(temporary)).catch(() => undefined);
        throw error;
      }
    });
    await this.sync();
  }

  /** Whether a file could be written: one that nobody looks for is, and goes again. */
  async tryWriting(name: string): Promise<void> {
    await this.unlink(name);
    await this.#doing(name, async () => {
      const file = await this.#open(this.#at(name), asNewFile, 0o600);
      try {
        await file.writeFile('{"status":"SUCCESS"}');
        await file.sync();
      } finally {
        await file.close();
        await unlink(this.#at(name));
      }
    });
  }

  /** A file or link that is not there is gone already. */
  async unlink(name: string): Promise<void> {
    await this.#doing(name, () => unlink(this.#at(name)), ['ENOENT']);
  }

  /** Leaves one that still has something in it. */
  async removeFolder(name: string): Promise<void> {
    await this.#doing(name, () => rmdir(this.#at(name)), ['ENOENT', 'ENOTEMPTY', 'EEXIST']);
    await this.sync();
  }

  async names(): Promise<readonly string[]> {
    return readdir(this.#base).catch((error: unknown) => {
      throw fileFailure(this.path, error);
    });
  }

  /** What was made, renamed and removed in it is on disk. */
  async sync(): Promise<void> {
    await this.#handle.sync().catch((error: unknown) => {
      throw fileFailure(this.path, error);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  #at(name: string): string {
    return `${this.#base}/${name}`;
  }

  async #doing(name: string, action: () => Promise<void>, harmless: readonly string[] = []): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!harmless.includes(codeOf(error))) throw fileFailure(`${this.path}/${name}`, error);
    }
  }

  static async #checked(
    path: string,
    reached: string,
    handle: FileHandle,
    privacy: Privacy,
    openFile: OpenFile,
  ): Promise<Folder> {
    try {
      const stats = await handle.stat();
      requirePrivate(path, stats, privacy);
      const base = `/proc/self/fd/${handle.fd}`;
      const same = await stat(base).catch(() => undefined);
      if (same?.ino === stats.ino && same.dev === stats.dev) return new Folder(path, handle, base, openFile);
      // Links above a listed directory are the operator's own, so it is only what was reached last that must be no other.
      const parent = reached.slice(0, reached.lastIndexOf('/')) || '/';
      const expected = `${await realpath(parent)}/${reached.slice(reached.lastIndexOf('/') + 1)}`.replace(
        '//',
        '/',
      );
      if ((await realpath(reached)) !== expected) throw linked(path);
      return new Folder(path, handle, reached, openFile);
    } catch (error) {
      await handle.close();
      throw error instanceof CofferError ? error : fileFailure(path, error);
    }
  }
}

function requirePrivate(
  path: string,
  stats: { readonly uid: number; readonly mode: number },
  privacy: Privacy,
): void {
  const us = process.geteuid?.();
  // Elsewhere owners and modes say nothing about rights.
  if (us === undefined) return;
  if (stats.uid !== us && !(privacy === 'safe' && stats.uid === 0)) {
    throw refused(`${path} belongs to somebody else than the server’s user`);
  }
  const others = privacy === 'own' ? 0o077 : 0o022;
  if ((stats.mode & others) === 0) return;
  throw refused(
    privacy === 'own'
      ? `others may reach ${path}; say: chmod 700 ${path}`
      : `others may write to ${path}; say: chmod go-w ${path}`,
  );
}

/** What the file system said, by its code. */
function fileFailure(path: string, error: unknown): CofferError {
  const code = codeOf(error);
  if (code === 'ELOOP' || code === 'ENOTDIR') return linked(path);
  const known = words[code];
  if (known !== undefined) return new CofferError(known[0], `${path} ${known[1]}`);
  return new CofferError('unavailable', `${path} could not be written (${code})`);
}

const words: Readonly<Record<string, readonly ['unavailable' | 'permission_denied', string]>> = {
  ENOENT: ['unavailable', 'is not there'],
  EACCES: ['permission_denied', 'may not be written by the server’s user'],
  EPERM: ['permission_denied', 'may not be written by the server’s user'],
  EROFS: ['permission_denied', 'is on a file system that is mounted read-only'],
  EISDIR: ['permission_denied', 'is a directory; remove it'],
  ENOSPC: ['unavailable', 'cannot be written: the disk is full'],
  EDQUOT: ['unavailable', 'cannot be written: the quota of the disk is used up'],
};

function linked(path: string): CofferError {
  return refused(`${path} is a link or no directory; links are not followed`);
}

function refused(message: string): CofferError {
  return new CofferError('permission_denied', message);
}

function codeOf(error: unknown): string {
  return error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[A-Z0-9_]{2,40}$/.test(error.code)
    ? error.code
    : 'unknown';
}
