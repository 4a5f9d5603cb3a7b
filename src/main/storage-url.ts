/** Storages by their URL, for commands that open one without serving it. */
import { resolve } from 'node:path';
import { CofferError } from '../errors.ts';
import { hasDataFile } from '../storage/lmdb/directory.ts';
import { openLmdbStorage } from '../storage/lmdb/lmdb.ts';
import type { Storage } from '../storage/storage.ts';
import { storeDirectoryOf } from './node.ts';
import { requirePrivateDirectories } from './private-place.ts';

export interface StoragePlace {
  /** The URL without a password, for people. */
  readonly shown: string;
  /** Opens what is there. Throws `store_unusable` if nothing is. */
  open(): Promise<Storage>;
  /** Opens it, and makes an empty place where there is none. */
  create(): Promise<Storage>;
}

type Scheme = (rest: string, name: string) => StoragePlace;

const schemes: Readonly<Record<string, Scheme>> = { lmdb, memory };

/** Throws `usage` for a URL of no storage that holds a store for good; `name` is the option's, for messages. */
export function parseStorageUrl(url: string, name: string): StoragePlace {
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(url) ?? [];
  const parse = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  // A URL may hold a password by mistake: nothing of it is repeated.
  if (parse === undefined) throw new CofferError('usage', `${name} names no storage: give lmdb:DIR`);
  return parse(rest, name);
}

function lmdb(rest: string, name: string): StoragePlace {
  if (rest === '') throw new CofferError('usage', `${name} is lmdb:DIR, with the data directory of a server`);
  const data = resolve(rest);
  const path = storeDirectoryOf(data);
  return {
    shown: `lmdb:${data}`,
    open: async () => {
      requirePrivateDirectories(data);
      if (!hasDataFile(path)) throw new CofferError('store_unusable', `there is no store in ${data}`);
      return openLmdbStorage({ path, create: false });
    },
    create: async () => {
      requirePrivateDirectories(data);
      return openLmdbStorage({ path, create: true });
    },
  };
}

function memory(_rest: string, name: string): StoragePlace {
  throw new CofferError(
    'usage',
    `${name}: a store in memory ends with its server, and nothing is moved there or from there`,
  );
}
