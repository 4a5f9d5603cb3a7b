/** Opening a safe with the key of one of its slots. */
import { accessSync, constants } from 'node:fs';
import { Barrier } from '../barrier/barrier.ts';
import type { Clock } from '../clock.ts';
import { type Random, systemRandom } from '../crypto/random.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { type Boot, readBoot } from '../seal/boot.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import { PassphraseSeal } from '../seal/passphrase/passphrase-seal.ts';
import { openLmdbStorage } from '../storage/lmdb/lmdb.ts';
import { FileSafe } from './file-safe.ts';
import { requirePlace, storeFolder } from './place.ts';

export interface FileSafeKeys {
  /** Where the keyfile of a safe is. */
  keyfile(id: string): string;
  /** Asked where no keyfile opens it. Throws `usage` where nobody can be asked. */
  passphrase(): Promise<string>;
}

export interface OpenOptions {
  /** Absolute. */
  readonly path: string;
  readonly keys: FileSafeKeys;
  /** The system's unless told. */
  readonly random?: Random;
  readonly clock: Clock;
}

/**
 * Throws `not_found` where there is no safe, `store_unusable` for a server's store and for one that others may reach, `wrong_key` for
 * a key that does not open it, and what the keys throw. A directory that may not be written opens for reading.
 */
export async function openFileSafe({
  path,
  keys,
  random = systemRandom,
  clock,
}: OpenOptions): Promise<FileSafe> {
  requirePlace(path);
  const folder = storeFolder(path);
  const readOnly = !isWritable(folder);
  const storage = await openLmdbStorage({ path: folder, create: false, readOnly, roomBytes: 0 });
  try {
    const boot = await readBoot(storage, 'safe');
    if (boot.kind === 'empty')
      throw new CofferError('not_found', `there is no safe in ${path}; it was never finished`);
    const barrier = new Barrier({ storage, random, clock });
    const rootKey = await unwrapRootKey(boot, keys, random);
    await barrier.unseal(rootKey, boot.header.id).finally(() => rootKey.fill(0));
    return new FileSafe({ barrier, id: boot.header.id, random, clock, close: () => storage.close() });
  } catch (error) {
    await storage.close();
    throw error;
  }
}

type Store = Extract<Boot, { kind: 'store' }>;

/** The caller's, to use and to zero. The keyfile first: it asks nobody. */
export async function unwrapRootKey(
  { header, slots }: Store,
  keys: FileSafeKeys,
  random: Random,
): Promise<Buffer> {
  const storeId = header.id;
  let problem: CofferError | undefined;
  for (const { id: slotId, kind, body } of slots) {
    if (kind !== 'keyfile') continue;
    try {
      return await new KeyfileSeal({ path: keys.keyfile(storeId), random }).unwrap(body, { storeId, slotId });
    } catch (error) {
      problem = asCofferError(error);
    }
  }
  const locked = slots.filter(({ kind }) => kind === 'passphrase');
  if (locked.length === 0)
    throw problem ?? new CofferError('wrong_key', 'this program opens none of the slots of this safe');
  // A keyfile that is there and does not fit is worth a word; one that is not there is how such a safe is used.
  if (problem !== undefined && problem.code !== 'not_found') throw problem;
  using seal = new PassphraseSeal({ passphrase: await keys.passphrase(), random });
  for (const { id: slotId, body } of locked) {
    try {
      return await seal.unwrap(body, { storeId, slotId });
    } catch (error) {
      problem = asCofferError(error);
    }
  }
  throw problem ?? new CofferError('wrong_key', 'this passphrase does not open the safe');
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
