/** What the agent does to files, handed in: tests put faults between any two steps. Every method throws what the system says (`ENOSPC` and the like). */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

export interface Entry {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Whose a new file is. */
export interface Rights {
  readonly mode: number;
  /** Numbers; undefined leaves what the system gives. */
  readonly owner: number | undefined;
  readonly group: number | undefined;
}

export interface Files {
  /** What is at the path itself, behind no link; undefined where nothing is. */
  look(path: string): Entry | undefined;
  /** Follows no link at the path, waits for no pipe. @param most bytes; a larger file is an error `EFBIG` */
  read(path: string, most: number): Buffer;
  /** The same behind links: for what a person named, and not for what we wrote. */
  readNamed(path: string, most: number): Buffer;
  /** Names, in no order. */
  list(directory: string): readonly string[];
  /** What a link says. */
  target(link: string): string;
  makeDirectory(path: string, mode: number): void;
  setMode(directory: string, mode: number): void;
  /** A file that was not there before (`EEXIST`), on disk with all its bytes and rights; nobody but us could open it in between. */
  create(path: string, bytes: Uint8Array, rights: Rights): void;
  /** An empty file that was not there before (`EEXIST`), for nobody else. Its name is on disk with the next `sync` of its directory. */
  mark(path: string): void;
  link(target: string, path: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  removeDirectory(path: string): void;
  /** Names of a directory, on disk. */
  sync(directory: string): void;
}

const unchanged = 0xffff_ffff;

export const systemFiles: Files = {
  look(path) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    return { kind: kindOf(stats), mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
  },
  read: (path, most) => readWhole(path, most, constants.O_NOFOLLOW),
  readNamed: (path, most) => readWhole(path, most, 0),
  list: (directory) => readdirSync(directory),
  target: (link) => readlinkSync(link),
  makeDirectory: (path, mode) => {
    mkdirSync(path, { mode });
    // What the umask took away is given where it was wanted.
    chmodSync(path, mode);
  },
  setMode: (directory, mode) => chmodSync(directory, mode),
  create(path, bytes, { mode, owner, group }) {
    const file = openSync(path, 'wx', 0o600);
    try {
      // In this order: who gave a file away may no more change its mode.
      fchmodSync(file, mode);
      if (owner !== undefined || group !== undefined) {
        fchownSync(file, owner ?? unchanged, group ?? unchanged);
      }
      let written = 0;
      while (written < bytes.length) written += writeSync(file, bytes, written);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
  mark: (path) => closeSync(openSync(path, 'wx', 0o600)),
  link: (target, path) => symlinkSync(target, path),
  rename: (from, to) => renameSync(from, to),
  remove: (path) => unlinkSync(path),
  removeDirectory: (path) => rmdirSync(path),
  sync(directory) {
    const handle = openSync(directory, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  },
};

function readWhole(path: string, most: number, flags: number): Buffer {
  // Without O_NONBLOCK a named pipe of this name would be waited for.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  try {
    const { size } = fstatSync(file);
    if (size > most) throw Object.assign(new Error('the file is too large'), { code: 'EFBIG' });
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(file, bytes, 0, size, 0));
  } finally {
    closeSync(file);
  }
}

function kindOf(stats: Stats): Entry['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
