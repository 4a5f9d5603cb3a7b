/** One more key to a safe that is there, for when the first is lost. */
import { unlink } from 'node:fs/promises';
import { type Random, systemRandom } from '../crypto/random.ts';
import { CofferError, ConflictError } from '../errors.ts';
import { bootKeys, readBoot } from '../seal/boot.ts';
import { encodeSlots } from '../seal/slots.ts';
import { openLmdbStorage } from '../storage/lmdb/lmdb.ts';
import { keyfileSlot, passphraseSlot } from './new-slot.ts';
import { type FileSafeKeys, unwrapRootKey } from './open.ts';
import { requirePlace, storeFolder } from './place.ts';

export interface NewKey {
  /** Absolute, the safe's. */
  readonly path: string;
  /** One that opens it. */
  readonly keys: FileSafeKeys;
  /** The key to come: a file that is not there yet, or a passphrase. */
  readonly add:
    | { readonly kind: 'keyfile'; readonly path: string }
    | { readonly kind: 'passphrase'; readonly passphrase: () => Promise<string> };
  /** The system's unless told. */
  readonly random?: Random;
}

/**
 * From then on either key opens the safe; on disk when it resolves.
 *
 * @returns how many keys the safe now has
 * @throws what opening it throws; `conflict` rather than write over a keyfile, or where another process changes the keys meanwhile;
 *   `invalid_request` for a weak passphrase. Then the keys are as they were, and no keyfile is left.
 */
export async function addKey({ path, keys, add, random = systemRandom }: NewKey): Promise<number> {
  requirePlace(path);
  const storage = await openLmdbStorage({ path: storeFolder(path), create: false, roomBytes: 0 });
  try {
    const boot = await readBoot(storage, 'safe');
    if (boot.kind === 'empty')
      throw new CofferError('not_found', `there is no safe in ${path}; it was never finished`);
    const { id } = boot.header;
    const rootKey = await unwrapRootKey(boot, keys, random);
    try {
      const slot =
        add.kind === 'passphrase'
          ? await passphraseSlot(await add.passphrase(), id, rootKey, random)
          : await keyfileSlot({ keyfile: add.path, dataPlace: path }, id, rootKey, random);
      const slots = [...boot.slots, slot];
      try {
        await storage.commit(
          [{ key: bootKeys.slots, value: encodeSlots(slots) }],
          [{ key: bootKeys.slots, revision: boot.slotsRevision }],
        );
      } catch (error) {
        // It opens nothing, and would be taken for a key.
        if (add.kind === 'keyfile') await unlink(add.path);
        if (!(error instanceof ConflictError)) throw error;
        throw new CofferError(
          'conflict',
          'another process changed the keys of this safe meanwhile; try again',
        );
      }
      return slots.length;
    } finally {
      rootKey.fill(0);
    }
  } finally {
    await storage.close();
  }
}
