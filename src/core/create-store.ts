/** Makes a store: one commit that holds all of it, so that there is never half a store. */
import { Barrier } from '../barrier/barrier.ts';
import type { PlainWrite } from '../barrier/store.ts';
import type { Clock } from '../clock.ts';
import { type Random, randomUuid } from '../crypto/random.ts';
import { CofferError, ConflictError } from '../errors.ts';
import { bootKeys, bootWrites, restoringKey } from '../seal/boot.ts';
import { migratingKey } from '../seal/migration-mark.ts';
import type { Slot } from '../seal/slots.ts';
import { parseStorageKey, type Storage, type StorageKey } from '../storage/storage.ts';
import { encodeEpoch, epochKey, firstEpoch } from './epoch.ts';
import { builtinEntries, newEntry } from './mount/builtin.ts';
import { encodeMount, type MountEntry, mountDataPrefix, mountKey, noMountConfig } from './mount/entry.ts';
import { defaultPolicyName, defaultPolicyText } from './policy/builtin.ts';
import { policyRecord } from './policy/store.ts';
import { rootTokenAt } from './token/root-token.ts';
import { type MintedToken, Tokens, tokenKeys } from './token/tokens.ts';
import type { ViewWrite } from './view.ts';
import { firstWitness } from './witness.ts';

/** What a store begins with besides what every store has: all of it in its one commit, so that it is there once and whole. */
export interface Founding {
  readonly mounts: readonly {
    readonly entry: MountEntry;
    /** The mount's own first records. */
    readonly records: readonly ViewWrite[];
  }[];
  /** `text` has been parsed by whoever wrote it. */
  readonly policies: readonly { readonly name: string; readonly text: string }[];
}

export interface NewStore {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  /** Wraps the root key: the slots of the new store. The key is zeroed afterwards. */
  readonly makeSlots: (rootKey: Buffer, storeId: string) => Promise<readonly Slot[]>;
  /** A kv v2 engine at `secret/`, for people; stores made through `sys/init` have none, as Vault's do not. */
  readonly withSecretMount: boolean;
  readonly founding?: Founding;
  /** Text of the root token; drawn when absent. */
  readonly rootToken?: string;
  /** Called with the root token before the store exists, so that it is kept even if the process dies right after. */
  readonly keepRootToken?: (text: string, storeId: string) => Promise<void>;
}

export interface CreatedStore {
  readonly storeId: string;
  readonly rootToken: string;
}

/** Throws `already_initialized` when there is a store; then nothing was written. */
export function createStore(options: NewStore): Promise<CreatedStore> {
  return create(options, mintRoot(options));
}

/**
 * The same without a root token: whoever may use a slot's key makes one when it is needed (`operator generate-root`). Answers the
 * store's id.
 */
export async function createRootlessStore(
  options: Omit<NewStore, 'rootToken' | 'keepRootToken'>,
): Promise<string> {
  return (await create(options, () => ({ text: '', writes: [] }))).storeId;
}

type RootToken = Pick<MintedToken, 'text' | 'writes'>;

function mintRoot({ clock, random, rootToken }: NewStore): (barrier: Barrier) => RootToken {
  return (barrier) => {
    const tokens = new Tokens({ store: barrier, ...tokenKeys(barrier), clock, random });
    return tokens.mint(rootTokenAt(clock.now()), rootToken);
  };
}

async function create(options: NewStore, rootOf: (barrier: Barrier) => RootToken): Promise<CreatedStore> {
  const { storage, clock, random } = options;
  const storeId = randomUuid(random);
  const rootKey = random.bytes(32);
  try {
    const slots = await options.makeSlots(rootKey, storeId);
    const creation = Barrier.create({ storage, random, clock, rootKey, storeId });
    const first = firstRecords(options, rootOf(creation.barrier));
    await options.keepRootToken?.(first.rootToken, storeId);
    await storage.commit(
      [
        ...bootWrites({ format: 1, id: storeId, createdAt: clock.now() }, slots),
        ...creation.writes,
        ...first.writes.map((write) => creation.encrypt(write)),
      ],
      // A place that a restore or a migration has begun to fill is taken, although it has no header yet.
      [
        ...[bootKeys.header, restoringKey, migratingKey].map((key) => ({ key, revision: null })),
        ...creation.expectations,
      ],
    );
    creation.barrier.seal();
    return { storeId, rootToken: first.rootToken };
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    throw new CofferError('already_initialized', 'Vault is already initialized', { cause: error });
  } finally {
    rootKey.fill(0);
  }
}

function firstRecords(
  options: NewStore,
  root: RootToken,
): { readonly rootToken: string; readonly writes: readonly PlainWrite[] } {
  const { clock, random, founding = { mounts: [], policies: [] } } = options;
  const now = clock.now();
  const entries = [
    ...builtinEntries(random, now),
    ...(options.withSecretMount ? [secretMount(random, now)] : []),
    ...founding.mounts.map(({ entry }) => entry),
  ];
  const policies = [{ name: defaultPolicyName, text: defaultPolicyText }, ...founding.policies];
  const records = founding.mounts.flatMap(({ entry, records }) =>
    records.map(({ path, value }) => ({ key: parseStorageKey(mountDataPrefix(entry.uuid) + path), value })),
  );
  return {
    rootToken: root.text,
    writes: [
      ...witnessed(
        entries,
        policies.map(({ name, text }) => ({ name, ...policyRecord(name, text, now) })),
      ),
      ...records,
      ...root.writes,
    ],
  };
}

/** Mounts and policies, what vouches for them, and the epoch that vouches for that. */
function witnessed(
  entries: readonly MountEntry[],
  policies: readonly { readonly name: string; readonly key: StorageKey; readonly value: Buffer }[],
): readonly PlainWrite[] {
  const mounts = entries.map((entry) => ({
    key: mountKey(entry.uuid),
    uuid: entry.uuid,
    value: encodeMount(entry),
  }));
  const ofMounts = firstWitness(
    'mounts',
    mounts.map(({ uuid, value }) => [uuid, value]),
  );
  const ofPolicies = firstWitness(
    'policies',
    policies.map(({ name, value }) => [name, value]),
  );
  const witness = { mounts: ofMounts.digests, policies: ofPolicies.digests };
  return [
    { key: epochKey, value: encodeEpoch({ ...firstEpoch, witness }) },
    ...policies.map(({ key, value }) => ({ key, value })),
    ...mounts.map(({ key, value }) => ({ key, value })),
    ...ofMounts.writes,
    ...ofPolicies.writes,
  ];
}

function secretMount(random: Random, now: number): MountEntry {
  return newEntry(
    {
      kind: 'secret',
      path: 'secret/',
      type: 'kv',
      description: 'key/value secrets',
      options: { version: '2' },
      config: noMountConfig,
    },
    random,
    now,
  );
}
