/**
 * Advisory locks on keys, held by a transaction until it ends. They are what makes an expectation true until its commit is done, of a
 * key that is absent too: there is no row that could be locked.
 */
import { createHash } from 'node:crypto';
import type { Expectation, Write } from '../storage.ts';
import { numberArray } from './messages.ts';

export interface KeyLocks {
  /** In ascending order, each once: all who lock more than one take them in this order, so that none waits in a circle. */
  readonly numbers: readonly bigint[];
  /** Whether nobody else may have the lock of the same place in `numbers`. */
  readonly alone: readonly boolean[];
}

/** What a commit names. */
interface Named {
  readonly writes: readonly Pick<Write, 'key'>[];
  readonly expectations: readonly Pick<Expectation, 'key'>[];
}

/** @param space what keeps this store's locks apart from those of others in the database */
export function locksOf(space: string, commits: readonly Named[]): KeyLocks {
  const alone = new Map<bigint, boolean>();
  for (const { expectations } of commits)
    for (const { key } of expectations) alone.set(lockOf(space, key), false);
  for (const { writes } of commits) for (const { key } of writes) alone.set(lockOf(space, key), true);
  const numbers = [...alone.keys()].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return { numbers, alone: numbers.map((number) => alone.get(number) === true) };
}

/** Two keys may have the same number: then their commits wait for each other for nothing, once in 2^64. */
function lockOf(space: string, key: string): bigint {
  return createHash('sha256').update(`${space}\0${key}`).digest().readBigInt64BE(0);
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

export function lockValues({ numbers, alone }: KeyLocks, id: string): readonly string[] {
  return [numberArray(numbers), `{${alone.map((each) => (each ? 't' : 'f')).join(',')}}`, id];
}
