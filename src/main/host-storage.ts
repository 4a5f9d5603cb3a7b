/** Storages that a command on the host opens by itself, named as `coffer server --storage` names them. */
import { resolve } from 'node:path';
import { type Shell, variable } from '../cli/shell.ts';
import { holdsPassword } from '../config/kinds.ts';
import { soundSettings } from '../config/load.ts';
import type { Settings, StorageSetting } from '../config/settings.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { defaultKeyfile } from './first-start.ts';
import { loadServerSettings } from './server-settings.ts';
import { storagePlace } from './storage-place.ts';

export const storageOption = {
  storage: {
    type: 'text',
    value: 'URL',
    help: 'the store, where it is not in the data directory (COFFER_STORAGE, or COFFER_CONFIG)',
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

/**
 * The store that a server would serve here: of `--storage`, COFFER_STORAGE or the configuration file, or the one of a data directory
 * (absolute). Throws as `namedStorage` does, and `ConfigurationError` for a file that no server would start with.
 */
export function hostStorage(shell: Shell, flag: string | undefined, data: string): StoragePlace {
  const source = { option: 'storage', variable: 'COFFER_STORAGE' };
  return namedStorage(shell, source, flag) ?? lasting(configured(shell).storage, data);
}

/** The data directory, absolute, that a server would have here: of `--data`, COFFER_DATA, the configuration file, or the user's own. */
export function hostData(shell: Shell, flag: string | undefined): string {
  const named = flag ?? variable(shell.env, 'COFFER_DATA') ?? configured(shell).data;
  return resolve(named ?? shell.places.data);
}

/**
 * Where a server would have its keyfile here, in the order in which they are worth a try: of COFFER_KEYFILE or else the configuration
 * file, and the one that is named for the store. Absolute. Throws `ConfigurationError` for a file that no server would start with.
 */
export function hostKeyfiles(shell: Shell, storeId: string): readonly string[] {
  const named = variable(shell.env, 'COFFER_KEYFILE') ?? configured(shell).keyfile;
  const usual = defaultKeyfile(shell.places, storeId);
  return named === undefined ? [usual] : [...new Set([resolve(named), usual])];
}

/** What the file of COFFER_CONFIG says; nothing where none is named. Other variables are none of its business. */
function configured(shell: Shell): Pick<Settings, 'data' | 'storage' | 'keyfile'> {
  const config = variable(shell.env, 'COFFER_CONFIG');
  if (config === undefined) return { data: undefined, storage: undefined, keyfile: undefined };
  return soundSettings(loadServerSettings({ config }, { env: {} }));
}

function lasting(setting: StorageSetting | undefined, data: string): StoragePlace {
  const place = storagePlace(setting, data);
  if (place.lasting) return place;
  throw new CofferError(
    'usage',
    'the configuration file names a store in memory: it ends with its server, and nobody else can open it',
  );
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
