/**
 * Re-sealing: records of older terms are sealed anew under the newest, page by page, in commits of their own. Each expects the
 * record as it was read, so that nothing that somebody writes meanwhile is lost; the mark in what is written tells everybody who
 * read the record before that it is still the same.
 */
import { CofferError, ConflictError } from '../errors.ts';
import { bootKeys } from '../seal/boot.ts';
import {
  type Expectation,
  type KeyedRecord,
  type Storage,
  type StorageKey,
  storageLimits,
} from '../storage/storage.ts';
import { isPresentRecord, recordOverhead, recordTerm } from './record.ts';
import type { ResealedPage } from './store.ts';
import type { Unsealed } from './unsealed.ts';

/** Records read at a time: also when each is as large as can be they fit a few commits. */
const pageRecords = 48;
/** A commit also holds its expectations; bytes are bounded with room for what sealing adds. */
const commitBytes = storageLimits.commitBytes - 4_096;
/** What the mark adds to a record. */
const growth = 8;

/** One page; see `Terms.resealPage`. */
export async function resealPage(
  storage: Storage,
  unsealed: Unsealed,
  after: string | undefined,
  expectations: readonly Expectation[],
): Promise<ResealedPage> {
  const page = await storage.range('', { limit: pageRecords, ...(after === undefined ? {} : { after }) });
  unsealed.requireLive();
  const damaged: StorageKey[] = [];
  // The fence of whoever runs this is theirs to write, and they do so often.
  const fences = new Set(expectations.map(({ key }) => key));
  const old = page.items.filter((record) => !fences.has(record.key) && isOld(unsealed, record, damaged));
  let resealed = 0;
  let missed = 0;
  for (const batch of batches(old)) {
    const outcome = await resealBatch(storage, unsealed, batch, expectations, damaged);
    resealed += outcome.resealed;
    missed += outcome.missed;
  }
  return { seen: page.items.length, resealed, missed, damaged, next: page.next };
}

/** Whether a record is the barrier's and sealed under an older term. What can't be told is damaged. */
function isOld(unsealed: Unsealed, { key, value }: KeyedRecord, damaged: StorageKey[]): boolean {
  if (key.startsWith('boot/') || key === bootKeys.keyring || key.startsWith(`${bootKeys.keyring}/`))
    return false;
  if (isPresentRecord(value)) return false;
  try {
    return recordTerm(value) < unsealed.keyring.newest.id;
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    damaged.push(key);
    return false;
  }
}

function* batches(records: readonly KeyedRecord[]): Generator<readonly KeyedRecord[]> {
  let batch: KeyedRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = record.value.length + recordOverhead + growth + Buffer.byteLength(record.key);
    if (batch.length > 0 && bytes + size > commitBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

async function resealBatch(
  storage: Storage,
  unsealed: Unsealed,
  batch: readonly KeyedRecord[],
  expectations: readonly Expectation[],
  damaged: StorageKey[],
): Promise<{ readonly resealed: number; readonly missed: number }> {
  let left = batch;
  let missed = 0;
  while (left.length > 0) {
    const { budget } = unsealed;
    if (!budget.take(left.length)) await budget.reserve(left.length);
    const sound = left.filter((record) => opens(unsealed, record, damaged));
    const writes = sound.map((record) => unsealed.reseal(record, budget.term));
    unsealed.requireLive();
    try {
      const asRead = sound.map(({ key, revision }) => ({ key, revision }));
      if (writes.length > 0) await storage.commit(writes, [...asRead, ...expectations]);
      return { resealed: writes.length, missed };
    } catch (error) {
      if (!(error instanceof ConflictError) || expectations.some(({ key }) => key === error.key)) throw error;
      // Somebody wrote this one: theirs stays.
      left = sound.filter(({ key }) => key !== error.key);
      missed += sound.length - left.length;
      if (left.length === sound.length) throw error;
    }
  }
  return { resealed: 0, missed };
}

function opens(unsealed: Unsealed, { key, value }: KeyedRecord, damaged: StorageKey[]): boolean {
  try {
    unsealed.open(key, value).fill(0);
    return true;
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'integrity') throw error;
    damaged.push(key);
    return false;
  }
}
