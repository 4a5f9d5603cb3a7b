/** Makes a safe: one commit that holds all of it, so that there is never half a safe. */
import { unlink } from 'node:fs/promises';
import { Barrier } from '../barrier/barrier.ts';
import type { Clock } from '../clock.ts';
import { type Random, randomUuid, systemRandom } from '../crypto/random.ts';
import { CofferError, ConflictError } from '../errors.ts';
import { bootKeys, bootWrites, encodeSafeMark, readBoot, safeKey } from '../seal/boot.ts';
import type { Slot } from '../seal/slots.ts';
import { openLmdbStorage } from '../storage/lmdb/lmdb.ts';
import { keyfileSlot, passphraseSlot } from './new-slot.ts';
import { prepareNewPlace, storeFolder } from './place.ts';

export interface NewFileSafe {
  /** Absolute. */
  readonly path: string;
  /** Where its keyfile goes, by the safe's id; undefined makes none. */
  readonly keyfile: ((id: string) => string) | undefined;
  /** Undefined makes no slot for one. One of the two ways there must be. */
  readonly passphrase: string | undefined;
  /** The system's unless told. */
  readonly random?: Random;
  readonly clock: Clock;
}

export interface MadeFileSafe {
  readonly id: string;
  readonly keyfile: string | undefined;
}

type Making = NewFileSafe & { readonly random: Random };

/**
 * Throws `already_initialized` where there is one, `store_unusable` for a directory that something else is in, `invalid_request` for a
 * weak passphrase, `conflict` rather than write over a keyfile. Then no safe was made, and no keyfile is left.
 */
export async function createFileSafe(wishes: NewFileSafe): Promise<MadeFileSafe> {
  const options = { random: systemRandom, ...wishes };
  const { path, random } = options;
  const id = randomUuid(random);
  const rootKey = random.bytes(32);
  const slots: Slot[] = [];
  try {
    if (options.passphrase !== undefined)
      slots.push(await passphraseSlot(options.passphrase, id, rootKey, random));
    prepareNewPlace(path);
    const storage = await openLmdbStorage({ path: storeFolder(path), create: true, roomBytes: 0 });
    try {
      if ((await readBoot(storage, 'safe')).kind !== 'empty') throw already(path);
      const keyfile = options.keyfile?.(id);
      if (keyfile !== undefined)
        slots.push(await keyfileSlot({ keyfile, dataPlace: path }, id, rootKey, random));
      await commitSafe(storage, id, rootKey, slots, options).catch(async (error: unknown) => {
        if (!(error instanceof ConflictError)) throw error;
        // Another process came first, so that this keyfile opens nothing.
        if (keyfile !== undefined) await unlink(keyfile);
        throw already(path);
      });
      return { id, keyfile };
    } finally {
      await storage.close();
    }
  } finally {
    rootKey.fill(0);
  }
}

async function commitSafe(
  storage: Awaited<ReturnType<typeof openLmdbStorage>>,
  id: string,
  rootKey: Buffer,
  slots: readonly Slot[],
  { random, clock }: Making,
): Promise<void> {
  const { barrier, writes, expectations } = Barrier.create({ storage, random, clock, rootKey, storeId: id });
  try {
    await storage.commit(
      [
        ...bootWrites({ format: 1, id, createdAt: clock.now() }, slots),
        { key: safeKey, value: encodeSafeMark() },
        ...writes,
      ],
      [{ key: bootKeys.header, revision: null }, ...expectations],
    );
  } finally {
    barrier.seal();
  }
}

function already(path: string): CofferError {
  return new CofferError('already_initialized', `there is a safe in ${path} already`);
}
