/**
 * Revoking a token without its children. Every descendant names it among its ancestors, so something must stay where it was: a mark
 * that refuses the token itself and ends the line above its children, who have no parent from then on. The mark goes when the last
 * of its children has gone; that is looked at once a day, and by `auth/token/tidy`.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import type { Expectation } from '../../storage/storage.ts';
import { type Due, dueWrite, withoutDue } from '../due.ts';
import { withoutAccessor } from './accessor.ts';
import {
  childKey,
  childrenPrefix,
  encodeToken,
  endingKey,
  ofIdentityKey,
  type TokenId,
  type TokenRecord,
  tokenKey,
} from './record.ts';

/** Milliseconds between looks at whether the mark is needed yet. */
const lookEvery = 86_400_000;

/** What stays of a token: enough to end lines, and nothing of what it was for. */
function markOf(record: TokenRecord, now: number): TokenRecord {
  const { id, accessor } = record;
  return {
    id,
    accessor,
    orphanedAt: now,
    expiresAt: now + lookEvery,
    policies: [],
    displayName: '',
    metadata: null,
    path: '',
    mount: null,
    ancestors: [],
    issuedAt: record.issuedAt,
    renewedAt: null,
    creationTtl: 0,
    maxTtl: 0,
    explicitMaxTtl: 0,
    period: 0,
    renewable: false,
    usesLeft: null,
    orphan: true,
    boundCidrs: [],
    internal: null,
  };
}

/** The writes that end a token and leave its children alone; its leases and its cubbyhole are left to the duty. */
export function orphaningWrites(record: TokenRecord, now: number): readonly PlainWrite[] {
  const mark = markOf(record, now);
  const writes: PlainWrite[] = [
    { key: tokenKey(record.id), value: encodeToken(mark) },
    ...withoutAccessor(record),
    dueWrite(now, 'token-tree', record.id),
    dueWrite(now + lookEvery, 'token', record.id),
  ];
  writes.push(...withoutDue('token', record).filter(({ key }) => writes.every((other) => other.key !== key)));
  const child = childKey(record);
  if (child !== undefined) writes.push({ key: child, value: null });
  if (record.given === true) writes.push({ key: endingKey(record.id), value: 'present' });
  if (record.identity !== undefined) {
    writes.push({ key: ofIdentityKey(record.identity, record.id), value: null });
  }
  return writes;
}

/** Whether no child is left that a mark could be needed for. */
export async function isMarkIdle(store: BarrierStore, id: TokenId): Promise<boolean> {
  return (await store.children(childrenPrefix(id), { limit: 1 })).items.length === 0;
}

/** Duty: a mark's entry has come. `expectations` are for the commit, the mark's own revision among them. */
export async function settleMark(
  store: BarrierStore,
  mark: TokenRecord,
  due: Due,
  now: number,
  expectations: readonly Expectation[],
): Promise<void> {
  const taken: PlainWrite = { key: due.key, value: null };
  const left = withoutDue('token', mark).filter(({ key }) => key !== due.key);
  if (await isMarkIdle(store, mark.id)) {
    return void (await store.commit([{ key: tokenKey(mark.id), value: null }, taken, ...left], expectations));
  }
  const next = { ...mark, expiresAt: now + lookEvery, queuedAt: undefined };
  const again = dueWrite(next.expiresAt, 'token', mark.id);
  const writes = [{ key: tokenKey(mark.id), value: encodeToken(next) }, again, taken, ...left];
  await store.commit(uniqueLast(writes, again), expectations);
}

/** One write a key: the new entry may stand where an old one did. */
function uniqueLast(writes: readonly PlainWrite[], kept: PlainWrite): readonly PlainWrite[] {
  return writes.filter((write) => write === kept || write.key !== kept.key);
}
