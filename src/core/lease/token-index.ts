/** The index of a token's leases, and what happens to it when the token ends. */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { moveDue } from '../due.ts';
import type { TokenId } from '../token/record.ts';
import { decodeLease, encodeLease, leaseKey, leaseOfTokenPrefix } from './record.ts';

/** Leases a page, so that the page's commit stays within the storage's limit of writes. */
const page = 6;

/**
 * Writes that make the first leases of a dead token due now and take them out of the index. `more` says that there are others.
 */
export async function leaseEndWrites(
  store: BarrierStore,
  token: TokenId,
  now: number,
): Promise<{ readonly writes: readonly PlainWrite[]; readonly more: boolean }> {
  const prefix = leaseOfTokenPrefix(token);
  const entries = await store.range(prefix, { limit: page });
  const writes: PlainWrite[] = [];
  for (const entry of entries.items) {
    const id = entry.key.slice(prefix.length);
    writes.push({ key: parseStorageKey(entry.key), value: null });
    const sealed = await store.read(leaseKey(id));
    if (sealed === undefined) continue;
    const record = decodeLease(sealed.open());
    const expiresAt = Math.min(record.expiresAt, now);
    // One that failed to end waits for its next try; its token's end is a reason to try at once.
    const moved = moveDue('lease', record, expiresAt);
    writes.push({
      key: leaseKey(id),
      value: encodeLease({ ...record, expiresAt, queuedAt: moved.queuedAt }),
    });
    writes.push(...moved.writes);
  }
  return { writes, more: entries.next !== undefined };
}
