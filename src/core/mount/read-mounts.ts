/** The mounts of a store as their records say, held against what vouches for them. */
import type { BarrierStore, KeyedSealedRecord, SealedRecord } from '../../barrier/store.ts';
import { ConflictError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { decodeEpoch, type Epoch, epochKey } from '../epoch.ts';
import { allItems } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { checkWitness, digestOf, witnessedNames, witnessPrefix } from '../witness.ts';
import { mountPrefix } from './entry.ts';

/** What is known of a mount's record. */
export interface Read {
  readonly revision: Revision;
  /** Of the record, for its witness. */
  readonly digest: string;
}

/** A record that was not known. */
export interface ReadMount extends Read {
  readonly plaintext: Buffer;
}

/**
 * All mounts by their uuids, as of one epoch, those of `known` that are unchanged as they are known. The epoch vouches for each of them
 * and for their number, so that what fits it is of its time, whenever it was read; what does not was changed since, and is read again,
 * or was changed from outside. Throws `integrity` for that.
 *
 * @param given the epoch's record, where it has just been read
 */
export async function readMounts<K extends Read>(
  store: BarrierStore,
  known: ReadonlyMap<string, K>,
  given: SealedRecord | undefined,
): Promise<ReadonlyMap<string, K | ReadMount>> {
  let epoch = given ?? (await store.read(epochKey));
  return retryOnConflict(async () => {
    const [records, lists] = await Promise.all([
      allItems((page) => store.range(mountPrefix, page)),
      allItems((page) => store.range(witnessPrefix('mounts'), page)),
    ]);
    try {
      const found = new Map<string, K | ReadMount>();
      for (const record of records) {
        const uuid = record.key.slice(mountPrefix.length);
        const before = known.get(uuid);
        found.set(uuid, before?.revision === record.revision ? before : openMount(record));
      }
      checkMounts(decodeEpoch(epoch), lists, found);
      return found;
    } catch (error) {
      const before = epoch;
      epoch = await store.read(epochKey);
      throw before?.revision === epoch?.revision ? error : new ConflictError(epochKey);
    }
  });
}

/** Throws `integrity`, and `sealed`, as opening a record does. */
export function openMount(record: SealedRecord): ReadMount {
  const plaintext = record.open();
  return { revision: record.revision, digest: digestOf(plaintext), plaintext };
}

/** Throws `integrity` where the mounts are not those that the epoch vouches for. */
function checkMounts(
  { witness }: Epoch,
  sealedLists: readonly KeyedSealedRecord[],
  found: ReadonlyMap<string, Read>,
): void {
  const lists = new Map(sealedLists.map((list) => [list.key, list]));
  const names = new Set([...found.keys(), ...witnessedNames('mounts', witness.mounts, lists)]);
  const all = [...names].map((name) => ({ name, digest: found.get(name)?.digest }));
  checkWitness('mounts', witness.mounts, lists, all);
}
