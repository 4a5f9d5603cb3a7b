/** Opens a store without serving it, for commands that look at it from beside a running server. */
import { Barrier } from '../barrier/barrier.ts';
import { askHidden, isInteractive, readAll } from '../cli/prompt.ts';
import type { Shell } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { type Boot, readBoot } from '../seal/boot.ts';
import { type KeyCollector, offerKey } from '../seal/collector.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { addressedSeals, manualSeals } from './catalog.ts';
import { configuredKek } from './configured-kek.ts';
import { hostKeyfiles, openHostStorage } from './host-storage.ts';

export interface OpenedBarrier {
  readonly barrier: Barrier;
  close(): Promise<void>;
}

/**
 * Reads only. Opens with the store's keyfile (the one given, else as `hostKeyfiles` finds it); where there is none it asks for unseal keys or the passphrase at the terminal, or reads
 * them from standard input, one a line. Throws as reading the store and its slots does.
 */
export async function openBarrier(
  shell: Shell,
  place: StoragePlace,
  keyfile: string | undefined,
): Promise<OpenedBarrier> {
  const storage = await openHostStorage(shell, place, { create: false, readOnly: true });
  try {
    const boot = await readBoot(storage);
    if (boot.kind === 'empty') throw new CofferError('store_unusable', `there is no store in ${place.name}`);
    const barrier = new Barrier({ storage, random: systemRandom, clock: systemClock });
    const rootKey = await unwrapRootKey(shell, boot, keyfile);
    await barrier.unseal(rootKey, boot.header.id).finally(() => rootKey.fill(0));
    return {
      barrier,
      close: async () => {
        barrier.seal();
        await storage.close();
      },
    };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

type Store = Pick<Extract<Boot, { kind: 'store' }>, 'header' | 'slots'>;

/** The root key, from the store's keyfile or from its unseal keys; the caller's, to use and to zero. Throws as its slots do. */
export async function unwrapRootKey(shell: Shell, boot: Store, keyfile: string | undefined): Promise<Buffer> {
  const storeId = boot.header.id;
  const paths = keyfile === undefined ? hostKeyfiles(shell, storeId) : [keyfile];
  const fromKeyfile = await unwrapByKeyfile(boot, paths);
  if (fromKeyfile.kind === 'opened') return fromKeyfile.rootKey;
  // Who names a keyfile wants that one; and where nothing else opens, what is wrong with it is the answer.
  const fromSettings = keyfile === undefined ? await unwrapByAddress(shell, boot) : undefined;
  if (fromSettings !== undefined) return fromSettings;
  const others = boot.slots.some(({ kind }) => kind !== 'keyfile');
  if (fromKeyfile.kind === 'failed' && (keyfile !== undefined || !others)) throw fromKeyfile.error;
  const ways = boot.slots.flatMap(({ id, kind, body }) => {
    const manual = manualSeals.find((seal) => seal.kind === kind);
    return manual === undefined ? [] : [{ kind, collector: manual.collect(body, { storeId, slotId: id }) }];
  });
  if (ways.length === 0)
    throw new CofferError('wrong_key', 'this program opens none of the store’s key slots');
  return collectKeys(shell, ways);
}

/** By a key that the server's settings name here. */
async function unwrapByAddress(shell: Shell, boot: Store): Promise<Buffer | undefined> {
  const found = await configuredKek(shell, boot);
  if (found === undefined) return undefined;
  const { kek, slot } = found;
  const manual = manualSeals.find(({ kind }) => kind === slot.kind);
  const place = { storeId: boot.header.id, slotId: slot.id };
  try {
    const step = await manual?.collect(slot.body, place).add(kek.toString('base64'));
    return step?.kind === 'opened' ? step.rootKey : undefined;
  } finally {
    kek.fill(0);
  }
}

type KeyfileOutcome =
  | { readonly kind: 'opened'; readonly rootKey: Buffer }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'none' };

/** A store may have several slots of keyfiles; a file opens one of them. Where none does, what is wrong with the first is told. */
async function unwrapByKeyfile(boot: Store, paths: readonly string[]): Promise<KeyfileOutcome> {
  let outcome: KeyfileOutcome = { kind: 'none' };
  for (const path of paths) {
    const seal = new KeyfileSeal({ path, random: systemRandom });
    for (const { id, body } of boot.slots.filter(({ kind }) => kind === 'keyfile')) {
      try {
        return { kind: 'opened', rootKey: await seal.unwrap(body, { storeId: boot.header.id, slotId: id }) };
      } catch (error) {
        if (outcome.kind === 'none' || path === paths[0]) outcome = { kind: 'failed', error };
      }
    }
  }
  return outcome;
}

interface Way {
  readonly kind: string;
  readonly collector: KeyCollector;
}

async function collectKeys(shell: Shell, ways: readonly Way[]): Promise<Buffer> {
  const given = isInteractive(shell)
    ? undefined
    : (await readAll(shell, 64 * 1024)).toString('utf8').split('\n');
  for (;;) {
    const key = given === undefined ? await askHidden(shell, question(ways)) : given.shift();
    if (key === undefined || key === '') {
      throw new CofferError('wrong_key', `no key was given that opens the store; it takes ${wanted(ways)}`);
    }
    const step = await offerKey(
      ways.map(({ collector }) => collector),
      key,
    );
    if (step.kind === 'opened') return step.rootKey;
  }
}

function question(ways: readonly Way[]): string {
  const shares = ways.find(({ kind }) => kind === 'shamir')?.collector;
  const passphrase = ways.some(({ kind }) => kind === 'passphrase');
  if (shares === undefined) return passphrase ? 'Passphrase' : 'Unseal key';
  const count = `${shares.progress + 1} of ${shares.threshold}`;
  return passphrase && shares.progress === 0
    ? `Passphrase, or unseal key (${count})`
    : `Unseal key (${count})`;
}

/** What opens the store, as a message says it. */
function wanted(ways: readonly Way[]): string {
  const words = ways.map(({ kind, collector: { threshold } }) => {
    if (kind === 'keyfile') return 'its keyfile (--keyfile FILE)';
    if (kind === 'passphrase') return 'its passphrase';
    if (addressedSeals.some((type) => type.kind === kind)) return `its ${kind} key (COFFER_SEAL=${kind}:…)`;
    return threshold === 1 ? 'an unseal key' : `${threshold} unseal keys, one a line`;
  });
  return [...new Set(words)].join(', or ');
}
