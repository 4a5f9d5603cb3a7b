/** Which store a server is to serve: what `--storage` says, or the one in the data directory. */
import type { Found } from '../config/found.ts';
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { StorageSetting } from '../config/settings.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { lmdbPlace } from '../storage/lmdb/type.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { storageTypes } from './catalog.ts';
import { storeDirectoryOf } from './node.ts';

/** @param data the data directory, absolute. Throws `invalid_request` for a storage that there is not. */
export function storagePlace(setting: StorageSetting | undefined, data: string): StoragePlace {
  // Keyfiles have always named the data directory.
  if (setting === undefined) return lmdbPlace(storeDirectoryOf(data), data);
  const scheme = setting.url.slice(0, setting.url.indexOf(':'));
  const type = storageTypes.find(({ schemes }) => schemes.includes(scheme));
  if (type !== undefined) return type.parse(setting.url, setting.base);
  const forms = storageTypes.map(({ form }) => form).join(', ');
  throw new CofferError('invalid_request', `there is no storage of this kind; say one of ${forms}`);
}

/** What is wrong with the storage that is named. Asks nothing of it. */
export function storageProblems({ settings, found }: Loaded): readonly Problem[] {
  try {
    storagePlace(settings.storage, '/');
    return [];
  } catch (error) {
    const said: Found<unknown> | undefined = found.find(({ name }) => name === 'storage');
    return said === undefined ? [] : [said.origin.problem(`storage: ${asCofferError(error).message}`)];
  }
}
