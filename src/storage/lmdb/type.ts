import { resolve } from 'node:path';
import { CofferError } from '../../errors.ts';
import type { StoragePlace, StorageType } from '../storage-type.ts';
import { hasDataFile } from './directory.ts';
import { openLmdbStorage } from './lmdb.ts';

export const lmdb: StorageType = {
  schemes: ['lmdb'],
  form: 'lmdb:PATH',
  parse(url, base) {
    const path = url.slice('lmdb:'.length);
    if (path === '' || path.includes('\0') || path.startsWith('//')) {
      throw new CofferError('invalid_request', 'an LMDB store is lmdb:PATH, the path of its directory');
    }
    const directory = resolve(base, path);
    return lmdbPlace(directory, `lmdb:${directory}`);
  },
};

/** @param path of the store's directory, absolute; @param name as messages and keyfiles have it */
export function lmdbPlace(path: string, name: string): StoragePlace {
  return {
    kind: 'lmdb',
    name,
    lasting: true,
    mayHoldStore: () => hasDataFile(path),
    open: ({ create, readOnly = false, log }) => openLmdbStorage({ path, create, readOnly, log }),
  };
}
