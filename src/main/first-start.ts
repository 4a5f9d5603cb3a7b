/** Making a store on this machine: where its keyfile and root token go, and what its owner is told. */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Places } from '../config/paths.ts';
import type { SealState } from '../core/seal-state.ts';
import { type Random, randomUuid } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { createKeyfile, keyfileName, listKeyfiles } from '../seal/keyfile/keyfile.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';

export interface FirstStart {
  readonly state: SealState;
  readonly random: Random;
  readonly places: Places;
  /** The data directory, absolute. */
  readonly data: string;
  /** Given by the operator; the default places when undefined. */
  readonly keyfile: string | undefined;
  readonly rootTokenFile: string | undefined;
  /** Keep the root token as the CLI's login too. */
  readonly logIn: boolean;
}

export interface MadeStore {
  readonly storeId: string;
  readonly keyfile: string;
  readonly rootTokenFile: string;
}

/** Where a store's keyfile is by default. */
export function defaultKeyfile(places: Places, storeId: string): string {
  return join(places.config, keyfileName(storeId));
}

/**
 * Makes a store with a keyfile slot and kv v2 at `secret/`. Keyfile and root token are on disk before the store is, so that
 * none is ever missing. Throws `conflict` rather than write over a keyfile.
 */
export async function makeStore(start: FirstStart): Promise<MadeStore> {
  let keyfile = start.keyfile ?? '';
  let rootTokenFile = start.rootTokenFile ?? '';
  const { storeId } = await start.state.create({
    withSecretMount: true,
    makeSlots: async (rootKey, id) => {
      keyfile = start.keyfile ?? defaultKeyfile(start.places, id);
      const key = start.random.bytes(32);
      await createKeyfile(keyfile, { storeId: id, dataPlace: start.data, key });
      key.fill(0);
      const slotId = randomUuid(start.random);
      const seal = new KeyfileSeal({ path: keyfile, random: start.random });
      return [{ id: slotId, kind: seal.kind, body: await seal.wrap(rootKey, { storeId: id, slotId }) }];
    },
    keepRootToken: async (text, id) => {
      rootTokenFile = start.rootTokenFile ?? join(start.places.config, `${id}.root-token`);
      await writePrivate(rootTokenFile, `${text}\n`, 'new');
      if (start.logIn) await writePrivate(start.places.tokenFile, `${text}\n`, 'replace');
    },
  });
  return { storeId, keyfile, rootTokenFile };
}

/**
 * An empty place beside a keyfile made for it is a volume that is not mounted, or a store that was lost: never a fresh one.
 * Throws `store_unusable`, naming both.
 */
export async function refuseEarlierStore(places: Places, data: string): Promise<void> {
  const earlier = (await listKeyfiles(places.config)).find(({ dataPlace }) => dataPlace === data);
  if (earlier === undefined) return;
  throw new CofferError(
    'store_unusable',
    `${data} is empty, but ${earlier.path} is the keyfile of a store that was there (${earlier.storeId}). ` +
      'Is a volume not mounted? To begin anew, move that keyfile away first.',
  );
}

async function writePrivate(path: string, text: string, mode: 'new' | 'replace'): Promise<void> {
  const target = mode === 'new' ? path : `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(target, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await file.close();
    if (target !== path) await rename(target, path);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new CofferError('unavailable', `cannot write ${path}${exists ? ': the file exists already' : ''}`, {
      cause: error,
    });
  }
}

/** What the owner of a new store reads, once. */
export function welcome(made: MadeStore, data: string): string {
  return `
A new store has been made.

  store       ${data}
  keyfile     ${made.keyfile}
  root token  ${made.rootTokenFile}

Back up the store and the keyfile, apart from each other: without the keyfile nobody
can open the store. Keep the root token safe, or revoke it once you have other ways in.

`;
}

/** What its owner may try next. */
export function firstSteps(address: string): string {
  return `Serving on ${address}. Next:

  npx coffer put db/password
  npx coffer get db/password
  npx coffer help

`;
}
