/**
 * The epoch: one record, read in the same multi-get as the token, whose revision changes with each commit that changes
 * mounts, policies, keyring, quotas or MFA, or seals the store. Its parts say which of them changed.
 */
import type { BarrierStore, PlainWrite, SealedRecord } from '../barrier/store.ts';
import { CofferError } from '../errors.ts';
import { type Expectation, parseStorageKey } from '../storage/storage.ts';
import { decodeStored, encodeStored } from './stored-json.ts';
import { changeWitness, type WitnessDigests, type Witnessed, witnessKey } from './witness.ts';

const epochParts = ['mounts', 'policies', 'keyring', 'seal', 'quotas', 'system', 'mfa'] as const;
export type EpochPart = (typeof epochParts)[number];

export type Epoch = { readonly [P in EpochPart]: number } & {
  /** What vouches for the mounts and the policies as they are now. */
  readonly witness: { readonly [W in Witnessed]: WitnessDigests };
};

/** Parts that came later than the first stores. */
type LaterPart = 'quotas' | 'system' | 'mfa';
type StoredEpoch = Omit<Epoch, LaterPart> & { readonly [P in LaterPart]?: number };

export const epochKey = parseStorageKey('core/epoch');

export const firstEpoch: Omit<Epoch, 'witness'> = {
  mounts: 1,
  policies: 1,
  keyring: 1,
  seal: 1,
  quotas: 1,
  system: 1,
  mfa: 1,
};

export function encodeEpoch(epoch: Epoch): Buffer {
  return encodeStored(epoch);
}

/** Throws `integrity` when the record is missing: a store without it was cut down. */
export function decodeEpoch(record: SealedRecord | undefined): Epoch {
  if (record === undefined) throw new CofferError('integrity', 'the epoch record is missing');
  return { quotas: 1, system: 1, mfa: 1, ...decodeStored<StoredEpoch>(record.open()) };
}

/** Whether any part is behind. */
export function isOlder(epoch: Epoch, than: Epoch): boolean {
  return epochParts.some((part) => epoch[part] < than[part]);
}

/** What a commit adds to bump one part. A conflict at `epochKey` means that somebody else's change came first. */
export interface EpochBump {
  /** As it is before. */
  readonly epoch: Epoch;
  readonly write: PlainWrite;
  readonly expectation: Expectation;
}

export async function bumpEpoch(store: BarrierStore, part: EpochPart): Promise<EpochBump> {
  const record = await store.read(epochKey);
  const epoch = decodeEpoch(record);
  return {
    epoch,
    write: epochWrite({ ...epoch, [part]: epoch[part] + 1 }),
    expectation: { key: epochKey, revision: record?.revision ?? null },
  };
}

/** The same for a record that is vouched for: its list changes along with it. */
export async function bumpWitnessed(
  store: BarrierStore,
  kind: Witnessed,
  name: string,
  value: Buffer | null,
): Promise<{ readonly writes: readonly PlainWrite[]; readonly expectation: Expectation }> {
  // One snapshot: a list of another moment than the epoch's would look like one that was put back.
  const [record, list] = await store.readMany([epochKey, witnessKey(kind, name)]);
  const epoch = decodeEpoch(record);
  const expectation = { key: epochKey, revision: record?.revision ?? null };
  const change = changeWitness(list, kind, epoch.witness[kind], name, value);
  const witness = { ...epoch.witness, [kind]: change.digests };
  return { writes: [change.write, epochWrite({ ...epoch, witness, [kind]: epoch[kind] + 1 })], expectation };
}

function epochWrite(epoch: Epoch): PlainWrite {
  return { key: epochKey, value: encodeEpoch(epoch) };
}
