/** The storages that several nodes of a test share. */
import { makePlace, type Place, type PlaceOptions } from '../fakes/client.ts';

export interface SharedStore {
  readonly name: string;
  make(options?: PlaceOptions): Promise<Place>;
}

export const stores: readonly SharedStore[] = [
  { name: 'memory', make: (options = {}) => makePlace({ silent: true, ...options }) },
  { name: 'lmdb', make: (options = {}) => makePlace({ silent: true, ...options, lmdb: true }) },
];
