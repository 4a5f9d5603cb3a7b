/** Making a store on this machine: where its keyfile and root token go, and what its owner is told. */
import { mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Places } from '../config/paths.ts';
import type { SealState } from '../core/seal-state.ts';
import { type Random, randomUuid } from '../crypto/random.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { createKeyfile, keyfileName, listKeyfiles } from '../seal/keyfile/keyfile.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import type { Seal } from '../seal/seal.ts';
import type { Slot } from '../seal/slots.ts';
import { deviceDirectoryOf } from './program-facts.ts';
import { encodeSealNote, findSealNote, sealNoteName } from './seal-note.ts';

export interface FirstStart {
  readonly state: SealState;
  readonly random: Random;
  readonly places: Places;
  /** The data directory, absolute. */
  readonly data: string;
  /** The store's place as messages and the keyfile have it; the data directory where absent. */
  readonly storePlace?: string;
  /** Given by the operator; the default places when undefined. */
  readonly keyfile: string | undefined;
  /** Each gets a slot, in place of a keyfile; with a keyfile that was named, besides it. */
  readonly seals: readonly Seal[];
  readonly rootTokenFile: string | undefined;
  /** Keep the root token as the CLI's login too. */
  readonly logIn: boolean;
}

export interface MadeStore {
  readonly storeId: string;
  /** Undefined where the store has none. */
  readonly keyfile: string | undefined;
  /** Kinds of the slots that need no keyfile. */
  readonly kinds: readonly string[];
  readonly rootTokenFile: string;
}

/** Where a store's keyfile is by default. */
export function defaultKeyfile(places: Places, storeId: string): string {
  return join(places.config, keyfileName(storeId));
}

/**
 * Makes a store with a keyfile slot and kv v2 at `secret/`. Keyfile and root token are on disk before the store is, so that
 * none is ever missing. Throws `conflict` rather than write over a keyfile, and when another process made a store there first;
 * then, as after any failure that surely left no store, the files written for it are taken back.
 */
export async function makeStore(start: FirstStart): Promise<MadeStore> {
  const files = new StoreFiles(start);
  try {
    const { storeId, rootToken } = await start.state.create({
      withSecretMount: true,
      makeSlots: (rootKey, id) => files.makeSlots(rootKey, id),
      keepRootToken: (text, id) => files.keepRootToken(text, id),
    });
    // Where files of audit devices go, unless others are configured.
    await mkdir(deviceDirectoryOf(start.data), { mode: 0o700, recursive: true });
    if (start.logIn) await writePrivate(start.places.tokenFile, `${rootToken}\n`, 'replace');
    const kinds = start.seals.map(({ kind }) => kind);
    return { storeId, keyfile: files.keyfile, kinds, rootTokenFile: files.rootTokenFile };
  } catch (error) {
    const second = asCofferError(error).code === 'already_initialized';
    // With both files there the commit was tried, and unless another one came first it may have worked.
    if (second || !files.complete) await files.takeBack();
    if (!second) throw error;
    throw new CofferError(
      'conflict',
      `another process made a store in ${start.storePlace ?? start.data} at the same moment; start again to serve that one`,
      { cause: error },
    );
  }
}

/** The files beside a store in the making. */
class StoreFiles {
  readonly #start: FirstStart;
  readonly #written: string[] = [];
  keyfile: string | undefined;
  rootTokenFile = '';

  constructor(start: FirstStart) {
    this.#start = start;
  }

  /** The root token's is the last. */
  get complete(): boolean {
    return this.#written.includes(this.rootTokenFile);
  }

  /** What is elsewhere comes first: where that fails no file has been written. */
  async makeSlots(rootKey: Buffer, storeId: string): Promise<readonly Slot[]> {
    const { keyfile, seals, random } = this.#start;
    const slots: Slot[] = [];
    for (const seal of seals) {
      const slotId = randomUuid(random);
      const place = { storeId, slotId };
      const body = await seal.wrap(rootKey, place);
      // A key that may be used one way only would show at the next start.
      (await seal.unwrap(body, place)).fill(0);
      slots.push({ id: slotId, kind: seal.kind, body });
    }
    if (seals.length > 0 && keyfile === undefined) {
      await this.#keepNote(storeId, slots);
      return slots;
    }
    return [...slots, await this.#makeKeyfile(rootKey, storeId)];
  }

  async #keepNote(storeId: string, slots: readonly Slot[]): Promise<void> {
    const { places, data, storePlace = data } = this.#start;
    const note = join(places.config, sealNoteName(storeId));
    const kinds = slots.map(({ kind }) => kind);
    await writePrivate(note, encodeSealNote({ storeId, data: storePlace, kinds }), 'new');
    this.#written.push(note);
  }

  async #makeKeyfile(rootKey: Buffer, storeId: string): Promise<Slot> {
    const { keyfile, places, random, data, storePlace = data } = this.#start;
    this.keyfile = keyfile ?? defaultKeyfile(places, storeId);
    const key = random.bytes(32);
    await createKeyfile(this.keyfile, { storeId, dataPlace: storePlace, key });
    this.#written.push(this.keyfile);
    key.fill(0);
    const slotId = randomUuid(random);
    const seal = new KeyfileSeal({ path: this.keyfile, random });
    return { id: slotId, kind: seal.kind, body: await seal.wrap(rootKey, { storeId, slotId }) };
  }

  async keepRootToken(text: string, storeId: string): Promise<void> {
    const { rootTokenFile, places } = this.#start;
    this.rootTokenFile = rootTokenFile ?? join(places.config, `${storeId}.root-token`);
    await writePrivate(this.rootTokenFile, `${text}\n`, 'new');
    this.#written.push(this.rootTokenFile);
  }

  async takeBack(): Promise<void> {
    for (const path of this.#written) await unlink(path);
  }
}

/**
 * An empty place beside a keyfile made for it, or beside a note of a store without one, is a volume that is not mounted, or a store
 * that was lost: never a fresh one. Throws `store_unusable`, naming both.
 */
export async function refuseEarlierStore(places: Places, storePlace: string): Promise<void> {
  const earlier = (await listKeyfiles(places.config)).find(({ dataPlace }) => dataPlace === storePlace);
  const note = findSealNote(places.config, storePlace);
  if (earlier === undefined && note !== undefined) {
    throw new CofferError(
      'store_unusable',
      `${storePlace} is empty, but ${note.path} tells of a store that was there (${note.storeId}). ` +
        'Is a volume not mounted? To begin anew, move that file away first.',
    );
  }
  if (earlier === undefined) return;
  throw new CofferError(
    'store_unusable',
    `${storePlace} is empty, but ${earlier.path} is the keyfile of a store that was there (${earlier.storeId}). ` +
      'Is a volume not mounted? To begin anew, move that keyfile away first.',
  );
}

/** A file of mode 0600, on disk when this resolves. Throws `unavailable`, also for `new` where something is at `path`. */
export async function writePrivate(path: string, text: string, mode: 'new' | 'replace'): Promise<void> {
  const target = mode === 'new' ? path : `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // The rest of a start that was cut off; in a container the next one has the same process id.
    if (target !== path) await rm(target, { force: true });
    const file = await open(target, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await file.close();
    if (target !== path) await rename(target, path);
    await syncName(path);
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new CofferError('unavailable', `cannot write ${path}${exists ? ': the file exists already' : ''}`, {
      cause: error,
    });
  }
}

/** A new file survives power loss once its directory is on disk too. */
async function syncName(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(dirname(path), 'r');
  await directory.sync().finally(() => directory.close());
}

/** What the owner of a new store reads, once. */
export function welcome(made: MadeStore, data: string): string {
  return `
A new store has been made.

  store       ${data}
${opening(made)}
  root token  ${made.rootTokenFile}

${advice(made)} Keep the root token safe, or revoke it once you have
other ways in.

`;
}

function opening({ keyfile, kinds }: MadeStore): string {
  const lines = [
    ...(keyfile === undefined ? [] : [`keyfile     ${keyfile}`]),
    ...kinds.map((kind) => `opens by    ${kind}`),
  ];
  return lines.map((line) => `  ${line}`).join('\n');
}

function advice({ keyfile, kinds }: MadeStore): string {
  if (keyfile === undefined) {
    return `Back up the store, and add another way to open it: without its KMS key nobody
can (coffer operator slots add passphrase).`;
  }
  if (kinds.length > 0) return 'Back up the store and the keyfile, apart from each other.';
  return `Back up the store and the keyfile, apart from each other: without the keyfile
nobody can open the store.`;
}

/** What its owner may try next. */
export function firstSteps(address: string): string {
  return `Serving on ${address}. Next:

  npx coffer put db/password
  npx coffer get db/password
  npx coffer help

`;
}
