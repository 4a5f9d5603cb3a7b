/** What is found at the two places of a migration, and whether it may begin, go on, or has been done. */
import { CofferError } from '../../errors.ts';
import { bootKeys, decodeHeader, restoringKey, type StoreHeader } from '../../seal/boot.ts';
import { decodeMigrationMark, type MigrationMark, migratingKey } from '../../seal/migration-mark.ts';
import { decodeSlots } from '../../seal/slots.ts';
import { withOccupants } from '../../storage/occupants.ts';
import type { Expectation, Revision, Storage, StorageRecord } from '../../storage/storage.ts';

/** One of the two storages. */
export interface MigrationPlace {
  readonly storage: Storage;
  /** Its URL without a password, for people. */
  readonly shown: string;
}

export interface MarkFound {
  readonly mark: MigrationMark;
  readonly revision: Revision;
}

/** What rests in the clear at a place; each part only where it is there. */
export interface PlaceFound {
  readonly empty: boolean;
  readonly header: StorageRecord | undefined;
  readonly decoded: StoreHeader | undefined;
  readonly marked: MarkFound | undefined;
}

/** Throws `store_unusable` for what a newer Coffer wrote and for a restore that was cut off, `integrity` for what is damaged. */
export async function lookAt({ storage, shown }: MigrationPlace): Promise<PlaceFound> {
  const keys = [bootKeys.header, bootKeys.slots, restoringKey, migratingKey];
  const [header, slots, restoring, mark] = await storage.readMany(keys);
  if (restoring !== undefined) {
    throw new CofferError(
      'store_unusable',
      `a backup is being restored into ${shown}, or its restore was cut off: run \`coffer operator restore\` again first`,
    );
  }
  const { items } = await storage.children('', { limit: 1 });
  if (slots !== undefined) decodeSlots(slots.value);
  return {
    empty: items.length === 0,
    header,
    decoded: header && decodeHeader(header.value),
    marked: mark && { mark: decodeMigrationMark(mark.value), revision: mark.revision },
  };
}

/** A store that can be taken somewhere else. */
export interface SourceFound {
  readonly header: StorageRecord;
  readonly storeId: string;
  readonly marked: MarkFound | undefined;
}

/** Throws `store_unusable` for a place without a whole store. */
export async function requireStore(place: MigrationPlace): Promise<SourceFound> {
  const found = await lookAt(place);
  const role = found.marked?.mark.role;
  if (role === 'target') {
    throw new CofferError(
      'store_unusable',
      `${place.shown} is itself the target of a migration that was cut off: there is no whole store to take from it`,
    );
  }
  const { header, decoded, marked } = found;
  if (header === undefined || decoded === undefined) {
    throw new CofferError('store_unusable', `there is no store of Coffer in ${place.shown}`);
  }
  const keyring = await place.storage.read(bootKeys.keyring);
  if (keyring === undefined || (await place.storage.read(bootKeys.slots)) === undefined) {
    throw new CofferError(
      'store_unusable',
      `the store in ${place.shown} is half-written: parts of it are missing`,
    );
  }
  return { header, storeId: decoded.id, marked };
}

/**
 * Throws `conflict` where somebody else has the store open, and `unsupported_operation` for a storage that can't tell. Whoever
 * opens it later meets the mark.
 */
export async function requireAlone({ storage, shown }: MigrationPlace): Promise<void> {
  const occupied = withOccupants(storage);
  if (occupied === undefined) {
    throw new CofferError(
      'unsupported_operation',
      `whether a server has ${shown} open cannot be told of this storage, so nothing is migrated from or to it`,
    );
  }
  const others = await occupied.occupants();
  if (others.length === 0) return;
  throw new CofferError(
    'conflict',
    `${shown} is open elsewhere (${others.join(', ')}): stop every server and command that uses it; sealing is not enough`,
  );
}

/** What has to be there still: the mark as it was written. */
export function markStands({ revision }: Pick<MarkFound, 'revision'>): Expectation {
  return { key: migratingKey, revision };
}
