/** One line of a file that is kept from others, such as a passphrase. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { CofferError } from '../errors.ts';
import { systemReason } from './private-file.ts';
import { readAll } from './prompt.ts';
import type { Shell } from './shell.ts';

const longest = 64 * 1024;
const foreignRights = 0o077;

/**
 * The first line of a file, of a descriptor (`/dev/fd/3`) or of standard input (`-`). Throws `usage` for one that cannot be read, is
 * empty, or is a file that others may read.
 */
export async function readPrivateText(shell: Shell, path: string): Promise<string> {
  const bytes = path === '-' ? await readAll(shell, longest) : readFileOnce(path);
  const [line = ''] = bytes.toString('utf8').split(/\r?\n/, 1);
  bytes.fill(0);
  if (line === '') throw new CofferError('usage', `${path === '-' ? 'standard input' : path} is empty`);
  return line;
}

function readFileOnce(path: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const stats = fstatSync(file);
    if (stats.isFile() && process.getuid !== undefined && (stats.mode & foreignRights) !== 0) {
      throw new CofferError('usage', `others may read ${path}; say: chmod 600 ${path}`);
    }
    return readUpTo(file, longest);
  } catch (error) {
    if (error instanceof CofferError) throw error;
    throw new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A pipe gives what it has, piece by piece. */
function readUpTo(file: number, most: number): Buffer {
  const buffer = Buffer.alloc(most);
  let length = 0;
  for (let read = -1; read !== 0 && length < most; length += read) {
    read = readSync(file, buffer, length, most - length, null);
  }
  return buffer.subarray(0, length);
}
