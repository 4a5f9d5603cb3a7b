/**
 * Witnesses: who administers the storage can put an old record back, and a record vouches only for itself. So each policy and
 * each mount is written down a second time, as a digest in one of 64 sealed lists, and the epoch record holds the digest of
 * each list. A record that was put back, brought back or taken away no longer fits; only all of them together with the epoch
 * would, and a running node notices an epoch that goes back.
 */
import type { PlainWrite, SealedRecord } from '../barrier/store.ts';
import { sha256 } from '../crypto/digest.ts';
import { CofferError } from '../errors.ts';
import { parseStorageKey, type StorageKey } from '../storage/storage.ts';
import { decodeStored, encodeStored } from './stored-json.ts';

export type Witnessed = 'mounts' | 'policies';

/** Digests of the lists, by number; empty text for a list that does not exist. */
export type WitnessDigests = readonly string[];

const lists = 64;
export const noWitness: WitnessDigests = Array.from({ length: lists }, () => '');

interface List {
  readonly entries: Readonly<Record<string, string>>;
}

export interface WitnessChange {
  readonly write: PlainWrite;
  readonly digests: WitnessDigests;
}

/** Storage key of the list that names a record. */
export function witnessKey(kind: Witnessed, name: string): StorageKey {
  return keyOfList(kind, listOf(name));
}

/**
 * The change of a list that goes with a record's change (`null`: its end). `sealed` is the list, read as one snapshot with the
 * epoch's `digests`. Throws `integrity` when the list is not the epoch's.
 */
export function changeWitness(
  sealed: SealedRecord | undefined,
  kind: Witnessed,
  digests: WitnessDigests,
  name: string,
  value: Buffer | null,
): WitnessChange {
  const list = listOf(name);
  const { [name]: _, ...others } = readList(sealed, digests, list).entries;
  return writeList(kind, digests, list, value === null ? others : { ...others, [name]: digestOf(value) });
}

/** The lists of a new store's records. */
export function firstWitness(
  kind: Witnessed,
  records: readonly (readonly [name: string, value: Buffer])[],
): { readonly writes: readonly PlainWrite[]; readonly digests: WitnessDigests } {
  let digests = noWitness;
  const writes: PlainWrite[] = [];
  for (const list of new Set(records.map(([name]) => listOf(name)))) {
    const entries = records.filter(([name]) => listOf(name) === list);
    const change = writeList(
      kind,
      digests,
      list,
      Object.fromEntries(entries.map(([name, value]) => [name, digestOf(value)])),
    );
    digests = change.digests;
    writes.push(change.write);
  }
  return { writes, digests };
}

/**
 * Holds records against their lists; all of them, and `digests`, read as one snapshot. `value` undefined: there is no such
 * record. Throws `integrity`, naming the record.
 */
export function checkWitness(
  kind: Witnessed,
  digests: WitnessDigests,
  sealedLists: ReadonlyMap<StorageKey, SealedRecord | undefined>,
  records: readonly { readonly name: string; readonly digest: string | undefined }[],
): void {
  for (const { name, digest } of records) {
    const list = listOf(name);
    const { entries } = readList(sealedLists.get(keyOfList(kind, list)), digests, list);
    const witnessed = Object.hasOwn(entries, name) ? entries[name] : undefined;
    if (witnessed !== digest) throw tampered(kind, name);
  }
}

/** Every name that the lists know, each list held against the epoch. */
export function witnessedNames(
  kind: Witnessed,
  digests: WitnessDigests,
  sealedLists: ReadonlyMap<StorageKey, SealedRecord | undefined>,
): readonly string[] {
  return digests.flatMap((_, list) =>
    Object.keys(readList(sealedLists.get(keyOfList(kind, list)), digests, list).entries),
  );
}

export function witnessPrefix(kind: Witnessed): string {
  return `core/witness/${kind}/`;
}

/** What stands in a list for a record's plaintext. */
export function digestOf(value: Buffer): string {
  return sha256(value).toString('base64url');
}

function writeList(
  kind: Witnessed,
  digests: WitnessDigests,
  list: number,
  entries: List['entries'],
): WitnessChange {
  const value = Object.keys(entries).length === 0 ? null : encodeStored({ entries } satisfies List);
  return {
    write: { key: keyOfList(kind, list), value },
    digests: digests.with(list, value === null ? '' : digestOf(value)),
  };
}

function readList(sealed: SealedRecord | undefined, digests: WitnessDigests, list: number): List {
  const plaintext = sealed?.open();
  if ((plaintext === undefined ? '' : digestOf(plaintext)) !== digests[list]) {
    throw new CofferError(
      'integrity',
      'a list that vouches for mounts or policies is not the one last written',
    );
  }
  return plaintext === undefined ? { entries: {} } : decodeStored<List>(plaintext);
}

function tampered(kind: Witnessed, name: string): CofferError {
  const what = kind === 'mounts' ? 'mount' : 'policy';
  return new CofferError(
    'integrity',
    `the ${what} "${name}" is not the one last written: the storage was changed from outside`,
  );
}

function listOf(name: string): number {
  return (sha256(name)[0] ?? 0) % lists;
}

function keyOfList(kind: Witnessed, list: number): StorageKey {
  return parseStorageKey(`${witnessPrefix(kind)}${String(list).padStart(2, '0')}`);
}
