/** What `coffer doctor` finds in the storage that the settings name, where that is not in the data directory. */
import { type Finding, fail, ok } from '../cli/doctor/finding.ts';
import type { Environment } from '../cli/shell.ts';
import type { StorageSetting } from '../config/settings.ts';
import { asCofferError } from '../errors.ts';
import { type Boot, readBoot } from '../seal/boot.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import type { SlotsOfStore } from './configured-kek.ts';
import { storagePlace } from './storage-place.ts';

export interface StorageSeen {
  readonly findings: readonly Finding[];
  /** Undefined where there is no store, or nobody here may read it. */
  readonly store: SlotsOfStore | undefined;
}

/** Never rejects, and writes nothing. Of a store in files nothing is said: other checks do. */
export async function checkStorage(
  setting: StorageSetting | undefined,
  data: string,
  env: Environment,
): Promise<StorageSeen> {
  const place = placeOf(setting, data);
  if (place === undefined || !place.lasting || !place.mayHoldStore())
    return { findings: [], store: undefined };
  const inFiles = place.kind === 'lmdb';
  try {
    const boot = await bootOf(place, env);
    const store = boot.kind === 'empty' ? undefined : boot;
    if (inFiles) return { findings: [], store };
    const finding =
      store === undefined
        ? fail(
            'storage',
            `there is no store in ${place.name}`,
            'name the right one, or make one there with --init',
          )
        : ok('storage', `${place.name} answers, and holds a store`);
    return { findings: [finding], store };
  } catch (error) {
    const finding = fail('storage', asCofferError(error).message, 'without it the server answers nothing');
    return { findings: inFiles ? [] : [finding], store: undefined };
  }
}

/** Undefined for what names no place: the check of the configuration says so. */
function placeOf(setting: StorageSetting | undefined, data: string): StoragePlace | undefined {
  try {
    return storagePlace(setting, data);
  } catch {
    return undefined;
  }
}

async function bootOf(place: StoragePlace, env: Environment): Promise<Boot> {
  const storage = await place.open({ create: false, readOnly: true, env, log: () => {} });
  try {
    return await readBoot(storage);
  } finally {
    await storage.close();
  }
}
