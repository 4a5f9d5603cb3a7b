/** Files that only their owner may read. */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CofferError } from '../errors.ts';

/**
 * Writes a file with mode 0600 so that it is there whole or not at all. What is there is replaced; a link is replaced, not
 * followed; anything but a file is refused. Throws `usage` when the place cannot be written.
 */
export function writePrivateFile(path: string, contents: Uint8Array | string): void {
  refuseOtherThanFile(path);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  try {
    createPrivateFile(temporary, contents);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw unwritable(path, error);
  }
}

/**
 * As `writePrivateFile`, of a text that comes in pieces; where that rejects, nothing is there and it rejects with the same. A signal
 * that ends the program takes the part along that was written.
 */
export async function streamPrivateFile(path: string, text: AsyncIterable<string>): Promise<void> {
  refuseOtherThanFile(path);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  const end = (signal: NodeJS.Signals) => {
    removeQuietly(temporary);
    // The handler is gone by now, so that this does what it did without us.
    process.kill(process.pid, signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, end);
  try {
    await fillPrivateFile(temporary, path, text);
    orUnwritable(path, () => renameSync(temporary, path));
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
}

async function fillPrivateFile(temporary: string, path: string, text: AsyncIterable<string>): Promise<void> {
  const file = orUnwritable(path, () => openSync(temporary, 'wx', 0o600));
  try {
    for await (const piece of text) orUnwritable(path, () => writeWhole(file, Buffer.from(piece)));
    orUnwritable(path, () => fsyncSync(file));
  } finally {
    closeSync(file);
  }
}

function orUnwritable<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Writes a file with mode 0600 that was not there before. Throws what node throws: `EEXIST` when it was. */
export function createPrivateFile(path: string, contents: Uint8Array | string): void {
  const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents;
  const file = openSync(path, 'wx', 0o600);
  try {
    writeWhole(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(file, bytes, written);
}

/** The folder and those above it, for its owner alone where they were missing. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** The usage error for a file that cannot be written, with the system's reason. */
export function unwritable(path: string, error: unknown): CofferError {
  if (error instanceof CofferError) return error;
  return new CofferError('usage', `cannot write ${path}: ${systemReason(error)}`, { cause: error });
}

/** `ENOENT` and the like: node's messages may repeat more than belongs in ours. */
export function systemReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EISDIR: 'it is a directory',
    ENOTDIR: 'a part of the path is not a directory',
    EEXIST: 'it exists already',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
    ELOOP: 'it is a link',
  };
  return typeof code === 'string' ? (reasons[code] ?? code) : 'unknown reason';
}

function refuseOtherThanFile(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile() && !stat.isSymbolicLink()) {
    throw new CofferError('usage', `cannot write ${path}: it is not a regular file`);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Either it was never made, or the error on its way out says more.
  }
}
