/** The store of a server's home: found, or made in a place that is empty. Parameters and place have to tell the same. */
import type { AwsCaller } from '../../aws/caller.ts';
import type { HomeNames } from '../../config/aws-home.ts';
import { createRootlessStore } from '../../core/create-store.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { readBoot } from '../../seal/boot.ts';
import type { Seal } from '../../seal/seal.ts';
import type { Slot } from '../../seal/slots.ts';
import type { Storage } from '../../storage/storage.ts';
import type { StoragePlace } from '../../storage/storage-type.ts';
import { migrationGate } from '../migration-gate.ts';
import { foundingOf } from './founding.ts';
import { type HomeRooms, settle } from './rooms.ts';

/** Of the rooms, those that a store is made in. */
export type StoreRooms = Omit<HomeRooms, 'kms' | 'keys'>;

export interface StoreWish {
  readonly place: StoragePlace;
  /** Of the home's key. */
  readonly seal: Seal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Roles of IAM that administer a new store. */
  readonly distinguished: readonly string[];
  /** Who this server is, whose account's roles those are. */
  readonly caller: () => Promise<AwsCaller>;
}

export interface FoundStore {
  readonly storeId: string;
  /** Made by this very call. */
  readonly isNew: boolean;
}

/**
 * In this order, so that each step can be the last: the place is written down while it is empty, the store is made in one commit, its
 * id is written down. Throws `store_unusable` where a store is missing that the parameters tell of, and where one is there that they
 * know nothing of.
 */
export async function findOrMakeStore(rooms: StoreRooms, wish: StoreWish): Promise<FoundStore> {
  const { names, parameters } = rooms;
  const found = await parameters.below(names.folder);
  requireSamePlace(names, found.get(names.placeParameter), wish.place);
  const known = found.get(names.storeParameter);
  if (known !== undefined) return { storeId: await requireStore(wish, names, known), isNew: false };
  const storage = await open(wish, true);
  try {
    return await makeStore(rooms, wish, storage);
  } finally {
    await storage.close();
  }
}

function open({ place, env }: StoreWish, create: boolean): Promise<Storage> {
  return place.open({ create, gate: migrationGate, env, log: () => undefined });
}

function requireSamePlace(names: HomeNames, written: string | undefined, { name }: StoragePlace): void {
  if (written === undefined || written === name) return;
  throw new CofferError(
    'store_unusable',
    `the parameter ${names.placeParameter} says that the store is in ${written.slice(0, 300)}, and this server is told ${name}: ` +
      'say the same --storage, or another --name',
  );
}

/** Asks for nothing to be made. */
async function requireStore(wish: StoreWish, names: HomeNames, known: string): Promise<string> {
  const tells = `the parameter ${names.storeParameter} tells of a store there (${known.slice(0, 60)})`;
  let storage: Storage;
  try {
    storage = await open(wish, false);
  } catch (error) {
    const { code, message } = asCofferError(error);
    if (code !== 'store_unusable') throw error;
    throw new CofferError(code, `${message}; ${tells}`, { cause: error });
  }
  try {
    const boot = await readBoot(storage);
    if (boot.kind === 'store' && boot.header.id === known) return known;
    const there = boot.kind === 'empty' ? 'is empty' : `holds another store (${boot.header.id})`;
    throw new CofferError(
      'store_unusable',
      `${wish.place.name} ${there}, but ${tells}. Bring that store back, or, to begin anew, delete the parameters below ${names.folder}`,
    );
  } finally {
    await storage.close();
  }
}

async function makeStore(rooms: StoreRooms, wish: StoreWish, storage: Storage): Promise<FoundStore> {
  const { names, parameters, say } = rooms;
  const { place } = wish;
  const before = await readBoot(storage);
  if (before.kind === 'store' && (await parameters.read(names.placeParameter)) === undefined) {
    throw new CofferError(
      'store_unusable',
      `${place.name} holds a store (${before.header.id}), but there is no parameter ${names.placeParameter} that tells of it: ` +
        'serve it with --storage and --seal, or say another --name',
    );
  }
  const standing = await settle(rooms, names.placeParameter, place.name, 'Where the store is');
  requireSamePlace(names, standing, place);
  if (before.kind === 'empty') say(`making the store in ${place.name}`);
  const isNew = before.kind === 'empty' && (await made(rooms, wish, storage));
  const boot = await readBoot(storage);
  if (boot.kind === 'empty')
    throw new CofferError('unavailable', `${place.name} shows no store: start again`);
  const { id } = boot.header;
  const known = await settle(rooms, names.storeParameter, id, 'Id of the store');
  if (known === id) return { storeId: id, isNew };
  throw new CofferError(
    'store_unusable',
    `${place.name} holds the store ${id}, and the parameter ${names.storeParameter} says ${known.slice(0, 60)}`,
  );
}

/** False where somebody else made one first. */
async function made(rooms: StoreRooms, wish: StoreWish, storage: Storage): Promise<boolean> {
  const { names, clock, random } = rooms;
  const { seal, distinguished } = wish;
  const caller = await wish.caller();
  try {
    await createRootlessStore({
      storage,
      clock,
      random,
      withSecretMount: false,
      founding: foundingOf({ names, caller, distinguished, clock, random }),
      makeSlots: async (rootKey, storeId) => [await slotOf(seal, random, rootKey, storeId)],
    });
    return true;
  } catch (error) {
    if (asCofferError(error).code === 'already_initialized') return false;
    throw error;
  }
}

async function slotOf(seal: Seal, random: Random, rootKey: Buffer, storeId: string): Promise<Slot> {
  const id = randomUuid(random);
  const place = { storeId, slotId: id };
  const body = await seal.wrap(rootKey, place);
  // A key that may be used one way only would show at the next start.
  (await seal.unwrap(body, place)).fill(0);
  return { id, kind: seal.kind, body };
}
