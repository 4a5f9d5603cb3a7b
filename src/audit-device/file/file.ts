/** `file`: lines are appended to a file of the server's user, 0600, below a directory that the configuration lists. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CofferError } from '../../errors.ts';
import {
  type AuditDeviceType,
  type DeviceOptions,
  type DevicePlaces,
  deviceFailure,
  type OpenDevice,
  refuseOthers,
} from '../audit-device.ts';
import { type Location, parseLocation, safePath } from './location.ts';

export const file: AuditDeviceType = {
  type: 'file',
  summary: 'A file of JSON lines',
  prepare(options, places) {
    refuseOthers(options, ['file_path', 'path', 'mode']);
    checkMode(options['mode']);
    const location = parseLocation(pathIn(options), places);
    return { open: () => openFile(location, places) };
  },
};

/** `path` is an older name of `file_path`. Throws `invalid_request`. */
function pathIn(options: DeviceOptions): string {
  const path = options['file_path'] ?? options['path'] ?? '';
  if (path === '') throw new CofferError('invalid_request', 'file_path is required');
  return path;
}

/** A file that others may read would show what callers do, and one that is executable has no use that is not a misuse. */
function checkMode(mode: string | undefined): void {
  if (mode === undefined || mode === '' || /^0*(600)?$/.test(mode)) return;
  throw new CofferError('invalid_request', 'the mode of an audit file is 0600 and nothing else');
}

/** Not blocking: a named pipe put in the file's place must not hold the server up. */
const appending =
  constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function openFile(location: Location, places: DevicePlaces): Promise<OpenDevice> {
  const path = safePath(location, places);
  const handle = await open(path, appending, 0o600).catch((error: unknown) => {
    throw deviceFailure('the audit file cannot be opened; a link is not followed', error);
  });
  try {
    const stats = await handle.stat();
    requirePlainFile(stats);
    return new AppendedFile(handle, await endsInsideLine(handle, stats.size));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function requirePlainFile(stats: Stats): void {
  const problem = problemOf(stats);
  if (problem !== undefined) throw new CofferError('unavailable', `this audit file ${problem}`);
}

function problemOf(stats: Stats): string | undefined {
  if (!stats.isFile()) return 'is no plain file';
  if (stats.nlink !== 1) return 'has further names (hard links), which may be anybody’s';
  if (process.geteuid !== undefined && stats.uid !== process.geteuid())
    return 'belongs to somebody else than the server’s user';
  if ((stats.mode & 0o177) !== 0)
    return `has mode ${(stats.mode & 0o7777).toString(8)}; it must be 600, not executable and closed to others`;
  return undefined;
}

/** A write that was cut short left a piece of a line: the next one must not be glued to it. */
async function endsInsideLine(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last.toString('latin1') !== '\n';
}

class AppendedFile implements OpenDevice {
  readonly #handle: FileHandle;
  #insideLine: boolean;

  constructor(handle: FileHandle, insideLine: boolean) {
    this.#handle = handle;
    this.#insideLine = insideLine;
  }

  async write(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(`${this.#insideLine ? '\n' : ''}${lines.join('\n')}\n`);
    for (let offset = 0; offset < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, offset).catch((error: unknown) => {
        throw deviceFailure('the audit file cannot be written', error);
      });
      offset += bytesWritten;
    }
    this.#insideLine = false;
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}
