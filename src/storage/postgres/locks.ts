/**
 * Advisory locks on keys, held by a transaction until it ends. They are what makes an expectation true until its commit is done, of a
 * key that is absent too: there is no row that could be locked.
 */
import crypto from 'node:crypto';
import type { Expectation, Write } from '../storage.ts';
import { type LongNumber, longArray, type Value } from './messages.ts';

export interface KeyLock extends LongNumber {
  /** Whether nobody else may have it at the same time. */
  readonly alone: boolean;
}

/** What a commit names. */
interface Named {
  readonly writes: readonly Pick<Write, 'key'>[];
  readonly expectations: readonly Pick<Expectation, 'key'>[];
}

/**
 * In ascending order of their numbers, each once: all who lock more than one take them in this order, so that none waits in a circle.
 *
 * @param space what keeps this store's locks apart from those of others in the database
 */
export function locksOf(space: string, commits: readonly Named[]): readonly KeyLock[] {
  const named = new Map<string, boolean>();
  for (const { writes } of commits) for (const { key } of writes) named.set(key, true);
  for (const { expectations } of commits)
    for (const { key } of expectations) if (!named.has(key)) named.set(key, false);
  const all: KeyLock[] = [];
  for (const [key, alone] of named) all.push(lockOf(space, key, alone));
  all.sort((a, b) => a.high - b.high || a.low - b.low);
  const locks: KeyLock[] = [];
  for (const lock of all) {
    const last = locks.at(-1);
    if (last?.high !== lock.high || last.low !== lock.low) locks.push(lock);
    else if (lock.alone) locks[locks.length - 1] = lock;
  }
  return locks;
}

/** The first 64 bits of SHA-256, byte by byte in a text. The one-shot digest came with Node 20.12, and costs half. */
const digest: (text: string) => string =
  typeof crypto.hash === 'function'
    ? (text) => crypto.hash('sha256', text, 'binary')
    : (text) => crypto.createHash('sha256').update(text).digest('binary');

/** Two keys may have the same number: then their commits wait for each other for nothing, once in 2^64. */
function lockOf(space: string, key: string, alone: boolean): KeyLock {
  const bytes = digest(`${space}\0${key}`);
  return { high: wordAt(bytes, 0), low: wordAt(bytes, 4) >>> 0, alone };
}

function wordAt(bytes: string, at: number): number {
  return (
    (bytes.charCodeAt(at) << 24) |
    (bytes.charCodeAt(at + 1) << 16) |
    (bytes.charCodeAt(at + 2) << 8) |
    bytes.charCodeAt(at + 3)
  );
}

/** What a transaction that holds its locks has set, to the id of its mark; it ends with the transaction. */
export const heldSetting = 'coffer.held';

/** `$1` numbers, `$2` whether alone, `$3` id of the commit's mark. */
export const takeLocks = {
  name: 'coffer_lock',
  // To be NULL is what locks are asked for, and they never are: none are counted, once all are held.
  text:
    `SELECT set_config('${heldSetting}', $3::text, true) WHERE (SELECT count(*) FROM ` +
    'unnest($1::bigint[], $2::boolean[]) AS lock(number, alone) WHERE CASE WHEN alone ' +
    'THEN pg_advisory_xact_lock(number) IS NULL ELSE pg_advisory_xact_lock_shared(number) IS NULL END) = 0',
} as const;

export function lockValues(locks: readonly KeyLock[], id: string): readonly Value[] {
  let alone = '';
  for (const each of locks) alone += `${alone === '' ? '{' : ','}${each.alone ? 't' : 'f'}`;
  return [longArray(locks), `${alone}}`, id];
}
