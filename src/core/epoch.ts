/**
 * The epoch: one record, read in the same multi-get as the token, whose revision changes with each commit that changes
 * mounts, policies or keyring, or seals the store. Its parts say which of them changed.
 */
import type { BarrierStore, PlainWrite, SealedRecord } from '../barrier/store.ts';
import { CofferError } from '../errors.ts';
import { type Expectation, parseStorageKey } from '../storage/storage.ts';
import { decodeStored, encodeStored } from './stored-json.ts';

export type EpochPart = 'mounts' | 'policies' | 'keyring' | 'seal';

export type Epoch = { readonly [P in EpochPart]: number };

export const epochKey = parseStorageKey('core/epoch');

export const firstEpoch: Epoch = { mounts: 1, policies: 1, keyring: 1, seal: 1 };

export function encodeEpoch(epoch: Epoch): Buffer {
  return encodeStored(epoch);
}

/** Throws `integrity` when the record is missing: a store without it was cut down. */
export function decodeEpoch(record: SealedRecord | undefined): Epoch {
  if (record === undefined) throw new CofferError('integrity', 'the epoch record is missing');
  const stored = decodeStored<Epoch>(record.open());
  return { mounts: stored.mounts, policies: stored.policies, keyring: stored.keyring, seal: stored.seal };
}

/** What a commit adds to bump one part: a conflict at `epochKey` means that somebody else's change came first. */
export async function bumpEpoch(
  store: BarrierStore,
  part: EpochPart,
): Promise<{ readonly write: PlainWrite; readonly expectation: Expectation }> {
  const record = await store.read(epochKey);
  const epoch = decodeEpoch(record);
  return {
    write: { key: epochKey, value: encodeEpoch({ ...epoch, [part]: epoch[part] + 1 }) },
    expectation: { key: epochKey, revision: record?.revision ?? null },
  };
}
