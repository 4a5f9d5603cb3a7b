/** Storages that a command on the host opens by itself, named as `coffer server --storage` names them. */
import { type Shell, variable } from '../cli/shell.ts';
import { holdsPassword } from '../config/kinds.ts';
import type { StorageSetting } from '../config/settings.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { storagePlace } from './storage-place.ts';

export const storageOption = {
  storage: {
    type: 'text',
    value: 'URL',
    help: 'the store, where it is not in the data directory (COFFER_STORAGE)',
  },
} as const;

/** Where a URL may be named: as `--NAME`, or in a variable, which may hold a password. */
export interface StorageSource {
  readonly option: string;
  readonly variable: string;
}

/**
 * Undefined where neither the flag nor the variable names a storage. Throws `usage` for what is no storage, for one that ends with
 * its process, and for a password on the command line.
 */
export function namedStorage(
  shell: Shell,
  source: StorageSource,
  flag: string | undefined,
): StoragePlace | undefined {
  const url = flag ?? variable(shell.env, source.variable);
  if (url === undefined) return undefined;
  const setting = { url, base: process.cwd() };
  if (flag !== undefined && holdsPassword(setting)) {
    throw new CofferError(
      'usage',
      `--${source.option} has a password in it, and others may read a command line: change that password, and hand the new one ` +
        `over in ${source.variable}, PGPASSFILE or PGPASSWORD`,
    );
  }
  const place = parsed(setting, source.option);
  if (place.lasting) return place;
  throw new CofferError(
    'usage',
    `--${source.option}: a store in memory ends with its server, and nobody else can open it`,
  );
}

/** The store of a data directory (absolute), or the one that `--storage` or COFFER_STORAGE names in its place. */
export function hostStorage(shell: Shell, flag: string | undefined, data: string): StoragePlace {
  const source = { option: 'storage', variable: 'COFFER_STORAGE' };
  return namedStorage(shell, source, flag) ?? storagePlace(undefined, data);
}

/** Opens it; what an operator should know is a warning. Rejects as the storage says. */
export function openHostStorage(
  shell: Shell,
  place: StoragePlace,
  how: { readonly create: boolean; readonly readOnly?: boolean },
): Promise<Storage> {
  const log = (message: string): void => shell.ui.warn(`${place.name}: ${message}`);
  return place.open({ ...how, env: shell.env, log });
}

function parsed(setting: StorageSetting, option: string): StoragePlace {
  try {
    return storagePlace(setting, '/');
  } catch (error) {
    throw new CofferError('usage', `--${option}: ${asCofferError(error).message}`, { cause: error });
  }
}
