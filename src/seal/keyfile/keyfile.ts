/** Keyfiles on disk: made once, 0600, never overwritten; refused when others could read them. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CofferError } from '../../errors.ts';
import {
  encodeKeyfile,
  type Keyfile,
  type KeyfileNote,
  longestKeyfile,
  parseKeyfile,
} from './keyfile-text.ts';
import { checkKeyStrength } from './weak-key.ts';

const suffix = '.keyfile';
/** Rights of group and others. */
const foreignRights = 0o077;

export interface FoundKeyfile extends KeyfileNote {
  readonly path: string;
}

/** The file name a store's keyfile has by default: named for the store, so that several can lie side by side. */
export function keyfileName(storeId: string): string {
  return `${storeId}${suffix}`;
}

/**
 * Makes a keyfile, with its directories (0700) where needed; both are on disk when this resolves. The key has 32 bytes and stays the
 * caller's, to zero. Rejects with `conflict` if there is a file already, `invalid_request` for a weak key, `unavailable` if the file
 * can't be written; then none is left behind.
 */
export async function createKeyfile(
  path: string,
  content: KeyfileNote & { readonly key: Buffer },
): Promise<void> {
  checkKeyStrength(content.key);
  const text = encodeKeyfile(content);
  try {
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await fillNew(await openNew(path), path, text, made);
  } catch (error) {
    if (error instanceof CofferError) throw error;
    throw new CofferError('unavailable', `keyfile ${path} can't be written`, { cause: error });
  } finally {
    text.fill(0);
  }
}

/**
 * Reads a keyfile; a link is followed, and the file it names is what counts. Rejects with `not_found` if there is none,
 * `invalid_request` if group or others have any right to it, if it is no keyfile or its key is weak, `store_unusable` for a later
 * format, `unavailable` if it can't be read.
 */
export async function readKeyfile(path: string): Promise<Keyfile> {
  const { text, mode } = await readText(path);
  try {
    if (process.platform !== 'win32' && (mode & foreignRights) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new CofferError(
        'invalid_request',
        `keyfile ${path} has mode ${octal}, so others may use it; say: chmod 600 ${path}`,
      );
    }
    const keyfile = labelled(path, () => parseKeyfile(text));
    labelled(path, () => checkKeyStrength(keyfile.key.reveal()));
    return keyfile;
  } finally {
    text.fill(0);
  }
}

/**
 * The keyfiles in a directory, by name, whatever their modes: signs of an earlier store. What only looks like one by its name is passed over;
 * one of a later format rejects with `store_unusable`, an unreadable one with `unavailable`. No directory, no keyfiles.
 */
export async function listKeyfiles(directory: string): Promise<readonly FoundKeyfile[]> {
  const found: FoundKeyfile[] = [];
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    const note = await readNote(path);
    if (note !== undefined) found.push({ path, ...note });
  }
  return found;
}

async function readNote(path: string): Promise<KeyfileNote | undefined> {
  try {
    const { text } = await readText(path);
    const { storeId, dataPlace, key } = labelled(path, () => parseKeyfile(text));
    key[Symbol.dispose]();
    text.fill(0);
    return { storeId, dataPlace };
  } catch (error) {
    // Gone meanwhile, or something else under such a name.
    if (error instanceof CofferError && (error.code === 'invalid_request' || error.code === 'not_found')) {
      return undefined;
    }
    throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => name.endsWith(suffix)).toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw new CofferError('unavailable', `directory ${directory} can't be read`, { cause: error });
  }
}

async function readText(path: string): Promise<{ text: Buffer; mode: number }> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK a named pipe of this name would hold us for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) throw new CofferError('invalid_request', `${path} is not a file`);
    const buffer = Buffer.alloc(longestKeyfile + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return { text: buffer.subarray(0, bytesRead), mode: status.mode };
  } catch (error) {
    if (error instanceof CofferError) throw error;
    if (isMissing(error)) throw new CofferError('not_found', `there is no keyfile at ${path}`);
    throw new CofferError('unavailable', `keyfile ${path} can't be read`, { cause: error });
  } finally {
    await file?.close();
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw new CofferError('conflict', `there is a file at ${path} already; a keyfile is never overwritten`);
  }
}

async function fillNew(
  file: FileHandle,
  path: string,
  text: Buffer,
  firstMade: string | undefined,
): Promise<void> {
  try {
    // The mode given to open is cut by the umask; this one is not.
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
    await syncDirectories(path, firstMade);
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** Flushes the names: the file's in its directory, and each new directory's in the one above it. */
async function syncDirectories(path: string, firstMade: string | undefined): Promise<void> {
  if (process.platform === 'win32') return;
  let directory = resolve(dirname(path));
  const last = firstMade === undefined ? directory : dirname(resolve(firstMade));
  for (;;) {
    const handle = await open(directory, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
    if (directory === last || directory === dirname(directory)) return;
    directory = dirname(directory);
  }
}

/** Puts the path before what is wrong with the file. */
function labelled<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof CofferError) throw new CofferError(error.code, `${path}: ${error.message}`);
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
