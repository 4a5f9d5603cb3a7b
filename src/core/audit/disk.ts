/** The few file operations that writing a log takes; handed in, so that a full or failing disk can be shown. */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsync,
  lstatSync,
  mkdirSync,
  open,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';
import { CofferError } from '../../errors.ts';

export interface Disk {
  /**
   * Makes a directory that only its owner may enter. With `shared`, one that is there already is fine if it is as closed.
   * Returns whether it made one.
   */
  makeDirectory(path: string, shared: boolean): boolean;
  /** A new file, 0600, that only grows; fails if anything is there. Returns its descriptor. */
  create(path: string): number;
  /** May write less than asked. Returns the number of bytes that the kernel took. */
  write(fd: number, bytes: Buffer, offset: number): number;
  size(fd: number): number;
  /** The file's data survives power loss when this resolves. Runs off the event loop. */
  sync(fd: number): Promise<void>;
  /** The same for a directory's entries. */
  syncDirectory(path: string): Promise<void>;
  close(fd: number): void;
  remove(path: string): void;
}

const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const openAsync = promisify(open);

const creation =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW;

export const systemDisk: Disk = {
  makeDirectory(path, shared) {
    const made = mkdirSync(path, { recursive: shared, mode: 0o700 }) !== undefined;
    requirePrivateDirectory(path);
    return made || !shared;
  },
  create: (path) => openSync(path, creation, 0o600),
  write: (fd, bytes, offset) => writeSync(fd, bytes, offset),
  size: (fd) => fstatSync(fd).size,
  sync: (fd) => fdatasyncAsync(fd),
  async syncDirectory(path) {
    const fd = await openAsync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await fsyncAsync(fd);
    } finally {
      closeSync(fd);
    }
  },
  close: (fd) => closeSync(fd),
  remove: (path) => unlinkSync(path),
};

/** Throws `store_unusable` for a link, a file, or a directory that others may enter. */
export function requirePrivateDirectory(path: string): void {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) {
    throw new CofferError('store_unusable', `${path} is not a directory; the audit log needs one of its own`);
  }
  if ((stat.mode & 0o077) !== 0) {
    const mode = (stat.mode & 0o777).toString(8);
    throw new CofferError('store_unusable', `${path} has mode ${mode}; the audit log needs 700`);
  }
}

/** Whether an error of the file system says that there is no room. */
export function isOutOfSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
