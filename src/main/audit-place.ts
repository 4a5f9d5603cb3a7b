/** Which log a command reads: the files in a data directory, or the lines in its store. */
import { existsSync } from 'node:fs';
import type { Shell } from '../cli/shell.ts';
import { filePlace, type LogPlace } from '../core/audit/log-place.ts';
import { keepsLog, storedPlace } from '../core/audit/stored-place.ts';
import { CofferError } from '../errors.ts';
import { hostStorage, openHostStorage, storageOption } from './host-storage.ts';
import { openBarrier } from './open-barrier.ts';

export const storedLogOptions = {
  stored: { type: 'flag', help: 'the log in the store, where there are files as well' },
  ...storageOption,
  keyfile: { type: 'text', value: 'FILE', help: 'for a log in the store: its keyfile' },
} as const;

export const storedLogNote =
  'A log that is in the store (audit.log = "store") opens with the keyfile or the unseal keys; one in files needs none.';

export interface OpenedLog {
  readonly place: LogPlace;
  close(): Promise<void>;
}

/**
 * The files, or where there are none, or `stored` says so, the store's own. Throws `not_found` where there is no log, and as reading
 * the store and its slots does.
 */
export async function openLogPlace(
  shell: Shell,
  options: {
    readonly stored: boolean;
    readonly storage: string | undefined;
    readonly keyfile: string | undefined;
    /** Absolute. */
    readonly data: string;
    readonly directory: string;
  },
): Promise<OpenedLog> {
  const { directory } = options;
  if (!options.stored && existsSync(directory)) {
    return { place: filePlace(directory), close: () => Promise.resolve() };
  }
  const where = hostStorage(shell, options.storage, options.data);
  // Before anybody is asked for keys.
  if (!options.stored && !(await hasLog(shell, where))) {
    throw new CofferError('not_found', `there is no audit log in ${directory}`);
  }
  const { barrier, close } = await openBarrier(shell, where, options.keyfile);
  return { place: storedPlace(barrier), close };
}

async function hasLog(shell: Shell, where: ReturnType<typeof hostStorage>): Promise<boolean> {
  if (!where.mayHoldStore()) return false;
  const storage = await openHostStorage(shell, where, { create: false, readOnly: true });
  return keepsLog(storage).finally(() => storage.close());
}
