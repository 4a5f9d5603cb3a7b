/** Backups as files: for their owner alone, there whole or not at all, never written over anything. */
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CofferError } from '../../errors.ts';

const readAtOnce = 256 * 1024;

/** A file in the making: it has its name only once `finish` has resolved. */
export class NewBackupFile {
  readonly path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(path: string, temporary: string, file: FileHandle) {
    this.path = path;
    this.#temporary = temporary;
    this.#file = file;
  }

  /**
   * Throws `conflict` if anything is at `path`, a link among them, and `unavailable` where nothing can be written. `mark` makes the
   * temporary name one's own: what another writer with the same mark left behind is taken away.
   */
  static async create(path: string, mark: string): Promise<NewBackupFile> {
    await requireFree(path);
    const temporary = join(dirname(path), `.${basename(path)}.${mark}.part`);
    await unlink(temporary).catch(() => undefined);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    try {
      return new NewBackupFile(path, temporary, await open(temporary, flags, 0o600));
    } catch (cause) {
      throw unwritable(path, cause);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(piece: Buffer): Promise<void> {
    try {
      let written = 0;
      while (written < piece.length) written += (await this.#file.write(piece, written)).bytesWritten;
      this.#bytes += piece.length;
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
  }

  /** The file is on disk under its name. Rejects with `conflict` if something took the name meanwhile. */
  async finish(): Promise<void> {
    try {
      await this.#file.sync();
      await this.#file.close();
      // Unlike a rename, a second name is refused where there is one already.
      await link(this.#temporary, this.path);
      await unlink(this.#temporary);
      const directory = await open(dirname(this.path), 'r');
      await directory.sync().finally(() => directory.close());
    } catch (cause) {
      await this.discard();
      throw hasCode(cause, 'EEXIST') ? taken(this.path) : unwritable(this.path, cause);
    }
  }

  /** Leaves nothing behind. Never rejects. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await unlink(this.#temporary).catch(() => undefined);
  }
}

/**
 * The bytes of a backup's file. Rejects with `not_found` if there is none, and with `invalid_request` for what is no file: a link
 * too, which somebody else may turn to another one between two readings.
 */
export async function* readBackupFile(path: string): AsyncGenerator<Buffer, void, undefined> {
  const file = await openToRead(path);
  try {
    if (!(await file.stat()).isFile()) throw noFile(path);
    for (;;) {
      const piece = Buffer.allocUnsafe(readAtOnce);
      const { bytesRead } = await file.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Bytes of the file, for progress. Rejects as reading does. */
export async function backupFileBytes(path: string): Promise<number> {
  const file = await openToRead(path);
  return file
    .stat()
    .then(({ size }) => size)
    .finally(() => file.close());
}

async function openToRead(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK a pipe would keep us waiting for somebody to write.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) throw new CofferError('not_found', `there is no file ${path}`, { cause });
    if (hasCode(cause, 'ELOOP')) throw noFile(path);
    throw new CofferError('unavailable', `cannot read ${path}`, { cause });
  }
}

async function requireFree(path: string): Promise<void> {
  const there = await lstat(path).then(
    () => true,
    () => false,
  );
  if (there) throw taken(path);
}

function taken(path: string): CofferError {
  return new CofferError('conflict', `${path} is there already: a backup is never written over anything`);
}

function noFile(path: string): CofferError {
  return new CofferError('invalid_request', `${path} is not a regular file`);
}

function unwritable(path: string, cause: unknown): CofferError {
  if (cause instanceof CofferError) return cause;
  const reasons: readonly (readonly [string, string])[] = [
    ['ENOENT', 'there is no such directory'],
    ['ENOTDIR', 'a part of the path is no directory'],
    ['EACCES', 'permission denied'],
    ['ENOSPC', 'the disk is full'],
    ['EROFS', 'the file system is read-only'],
    ['ENAMETOOLONG', 'the name is too long'],
  ];
  const reason = reasons.find(([code]) => hasCode(cause, code))?.[1] ?? 'the file system refuses';
  return new CofferError('unavailable', `cannot write ${path}: ${reason}`, { cause });
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
