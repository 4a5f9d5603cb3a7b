/** That a store came out of a backup: written down by the restore, told to the audit log by the first process that serves it. */
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import { timestamp } from '../../clock.ts';
import { ConflictError } from '../../errors.ts';
import { parseStorageKey, type Revision } from '../../storage/storage.ts';
import type { AuditLog } from '../audit/audit.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

export interface RestoredMark {
  readonly backupId: string;
  /** SHA-256 of the file, in hex. */
  readonly checksum: string;
  /** Milliseconds: the moment that the records are of. */
  readonly backupCreatedAt: number;
  readonly restoredAt: number;
  /** The term that the restore added: no other store has it. Absent in marks of older programs. */
  readonly firstTerm?: number;
  readonly keptTokens: boolean;
  readonly droppedTokens: number;
  readonly droppedLeases: number;
  /** Audit chains that go on, or end, in the log of the store before. */
  readonly earlierChains: number;
  /** The audit log has it. */
  readonly announced: boolean;
}

export const restoredKey = parseStorageKey('core/backup/restored');

export function restoredWrite(mark: RestoredMark): PlainWrite {
  return { key: restoredKey, value: encodeStored(mark) };
}

/** Undefined for a store that was never restored. */
export async function readRestored(store: BarrierStore): Promise<RestoredMark | undefined> {
  const record = await store.read(restoredKey);
  return record && decodeStored<RestoredMark>(record.open());
}

/**
 * Once a restore: its line in the audit log, on disk before anything is served. Rejects where the line cannot be kept. Answers since
 * when the store goes its own way (milliseconds, and the first term of that time); undefined for one that was never restored.
 *
 * @param record as it was read
 */
export async function announceRestore(
  store: BarrierStore,
  audit: AuditLog,
  record: SealedRecord | undefined,
): Promise<{ readonly at: number; readonly term: number } | undefined> {
  if (record === undefined) return undefined;
  const mark = decodeStored<RestoredMark>(record.open());
  if (!mark.announced) await announce(store, audit, mark, record.revision);
  return { at: mark.restoredAt, term: mark.firstTerm ?? 0 };
}

async function announce(
  store: BarrierStore,
  audit: AuditLog,
  mark: RestoredMark,
  revision: Revision,
): Promise<void> {
  await audit.append(
    {
      type: 'event',
      event: 'store restored from a backup',
      backup_id: mark.backupId,
      backup_sha256: mark.checksum,
      backup_created_at: timestamp(mark.backupCreatedAt),
      restored_at: timestamp(mark.restoredAt),
      kept_tokens: mark.keptTokens,
      dropped_tokens: mark.droppedTokens,
      dropped_leases: mark.droppedLeases,
      earlier_chains: mark.earlierChains,
    },
    'disk',
  );
  try {
    await store.commit([restoredWrite({ ...mark, announced: true })], [{ key: restoredKey, revision }]);
  } catch (error) {
    // Two processes that start at once each have the line in their own chain, which does no harm.
    if (!(error instanceof ConflictError)) throw error;
  }
}
