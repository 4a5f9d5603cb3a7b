/**
 * Commits. Each is one transaction, sent in one piece and answered in one: `BEGIN`, the locks of all keys it names, the write, which
 * looks at the expectations first, and `COMMIT`.
 *
 * The locks are taken by a statement of their own, because in READ COMMITTED a statement sees what was committed before it began: the
 * write begins when the locks are held, so it sees all that others with these keys have committed, and they wait until it has.
 * Where advisory locks hold nothing back (some systems that speak PostgreSQL's protocol) the same write runs SERIALIZABLE instead, and
 * is tried again where the server says so.
 *
 * Every commit leaves a mark of a random id. When the answer is lost the mark is asked for on another connection, by making it with
 * the word that nothing landed: it waits for whoever is making it, and either it is there already, or the lost commit can't make
 * it any more, however late it is carried out.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, Write } from '../storage.ts';
import { failureOf, isCut, isTimeout, mayTryAgain, stateOf } from './failure.ts';
import { type KeyLocks, locksOf, lockValues, takeLocks } from './locks.ts';
import { type Answer, bytesArray, bytesOf, numberArray, type Session, type Statement } from './session.ts';
import type { SessionPool } from './session-pool.ts';
import type { Statements } from './statements.ts';

export interface CommitOptions {
  readonly pool: SessionPool;
  readonly statements: Statements;
  /** What keeps this store's locks apart from those of others in the database. */
  readonly space: string;
  /** Whether advisory locks keep commits apart; else the server has to. */
  readonly locks: boolean;
  readonly clock: Clock;
  /** Milliseconds for which the fate of a commit is asked for. */
  readonly patience: number;
}

const mostTries = 50;
/** Between two tries of the same thing, in milliseconds. */
const pause = 20;
/** Each so many commits marks that are too old are taken away, more than have come since. */
const sweepEvery = 256;

const begin: Statement = { text: 'BEGIN ISOLATION LEVEL READ COMMITTED' };
const beginSerializable: Statement = { text: 'BEGIN ISOLATION LEVEL SERIALIZABLE' };
const commit: Statement = { text: 'COMMIT' };

/** What became of one try. */
type Outcome =
  | { readonly kind: 'landed' }
  | { readonly kind: 'conflict'; readonly key: string }
  /** Nothing was written, and never will be. */
  | { readonly kind: 'undone'; readonly error: unknown; readonly again: boolean }
  | { readonly kind: 'unknown'; readonly error: unknown };

/** What a try of a commit is made of, whatever its mark. */
interface Work {
  readonly locks: KeyLocks;
  readonly values: readonly unknown[];
  readonly writes: boolean;
}

export class Commits {
  readonly #options: CommitOptions;
  #count = 0;

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  async commit(writes: readonly Write[], expectations: readonly Expectation[]): Promise<readonly Revision[]> {
    const revisions = writes.map(generateRevision);
    const work: Work = {
      locks: this.#options.locks
        ? locksOf(this.#options.space, writes, expectations)
        : { numbers: [], alone: [] },
      values: valuesOf(writes, revisions, expectations),
      writes: writes.length > 0,
    };
    const until = this.#options.clock.now() + this.#options.patience;
    for (let tries = 1; ; tries++) {
      const outcome = await this.#try(work);
      if (outcome.kind === 'landed') {
        this.#countOne();
        return revisions;
      }
      if (outcome.kind === 'conflict') throw new ConflictError(outcome.key);
      if (outcome.kind === 'unknown') throw notKnown(outcome.error);
      if (!outcome.again || tries === mostTries || this.#options.clock.now() >= until)
        throw failureOf(outcome.error, '; nothing was written');
      await this.#rest(Math.min(tries, 10) * pause * Math.random());
    }
  }

  /** Never rejects: what cannot be known is an outcome too. */
  async #try(work: Work): Promise<Outcome> {
    const id = randomUUID();
    let minute = 0;
    let outcome: Outcome;
    try {
      outcome = await this.#options.pool.lend(async (session) => {
        minute = session.minute;
        return this.#run(session, work, minute, id);
      });
    } catch (error) {
      // No connection: nothing was sent.
      return { kind: 'undone', error, again: false };
    }
    if (outcome.kind !== 'unknown' || outcome.error instanceof CofferError) return outcome;
    if (!work.writes) return { kind: 'undone', error: outcome.error, again: !isTimeout(outcome.error) };
    return this.#fateOf(minute, id, outcome.error);
  }

  async #run(session: Session, { locks, values }: Work, minute: number, id: string): Promise<Outcome> {
    const { statements, locks: locking } = this.#options;
    const sent = session.together(() => [
      session.ask(locking ? begin : beginSerializable),
      ...(locking ? [session.ask(takeLocks, lockValues(locks))] : []),
      session.ask(statements.write, [...values, minute, id]),
      session.ask(commit),
    ]);
    const answers = await Promise.allSettled(sent);
    return outcomeOf(session, answers);
  }

  /** Asks on other connections until one has answered, or for as long as anybody waits. */
  async #fateOf(minute: number, id: string, lost: unknown): Promise<Outcome> {
    const { pool, statements, clock, patience } = this.#options;
    const until = clock.now() + patience;
    for (;;) {
      try {
        const [row] = await pool.lend(async (session) => {
          try {
            await session.ask(statements.bury, [minute, id]);
            return (await session.ask(statements.fate, [minute, id])).rows;
          } catch (error) {
            if (isCut(stateOf(error))) session.drop();
            throw error;
          }
        });
        if (row === undefined) return { kind: 'unknown', error: lost };
        return row[0] === 't' ? { kind: 'landed' } : { kind: 'undone', error: lost, again: !isTimeout(lost) };
      } catch {
        if (clock.now() >= until) return { kind: 'unknown', error: lost };
        await this.#rest(10 * pause);
      }
    }
  }

  #countOne(): void {
    this.#count += 1;
    if (this.#count % sweepEvery !== 1) return;
    const { pool, statements } = this.#options;
    // Nobody waits for it, and the next one does what this one could not.
    pool.lend((session) => session.ask(statements.sweep)).catch(() => undefined);
  }

  #rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(milliseconds, resolve));
  }
}

/** The values of `Statements.write` but the last two. */
function valuesOf(
  writes: readonly Write[],
  revisions: readonly Revision[],
  expectations: readonly Expectation[],
): readonly unknown[] {
  const keys: Buffer[] = [];
  const putRevisions: number[] = [];
  const values: Buffer[] = [];
  const starts: number[] = [];
  const gone: Buffer[] = [];
  let end = 1;
  // In one order everywhere: where rows are what commits wait for, none waits in a circle.
  const ordered = [...writes.entries()].sort(([, a], [, b]) => (a.key < b.key ? -1 : 1));
  for (const [index, { key, value }] of ordered) {
    if (value === null) {
      gone.push(Buffer.from(key));
      continue;
    }
    keys.push(Buffer.from(key));
    putRevisions.push(revisions[index] ?? generateRevision());
    values.push(value);
    starts.push(end);
    end += value.length;
  }
  return [
    bytesArray(expectations.map(({ key }) => Buffer.from(key))),
    numberArray(expectations.map(({ revision }) => revision)),
    bytesArray(keys),
    numberArray(putRevisions),
    values.length === 1 ? values[0] : Buffer.concat(values),
    numberArray(starts),
    numberArray(values.map(({ length }) => length)),
    bytesArray(gone),
  ];
}

function outcomeOf(session: Session, answers: readonly PromiseSettledResult<Answer>[]): Outcome {
  const ended = answers.at(-1);
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (ended?.status === 'fulfilled') {
    if (failed !== undefined) return undoneBy(session, failed.reason);
    const written = answers.at(-2);
    const key = written?.status === 'fulfilled' ? written.value.rows[0]?.[0] : undefined;
    if (key !== undefined) return { kind: 'conflict', key: bytesOf(key).toString() };
    if (ended.value.command === 'COMMIT')
      return session.unconfirmed ? unconfirmed(session) : { kind: 'landed' };
    session.drop();
    return { kind: 'unknown', error: undefined };
  }
  const error: unknown = failed?.reason;
  const state = stateOf(ended?.reason);
  // The server itself says that the transaction is undone.
  if (mayTryAgain(state)) return undoneBy(session, ended?.reason);
  session.drop();
  return { kind: 'unknown', error };
}

/**
 * The server gave up waiting for its synchronous standby: the commit is there, and is gone if that standby takes over. Who asked
 * for synchronous replication did not want that acknowledged.
 */
function unconfirmed(session: Session): Outcome {
  session.drop();
  const message =
    'the store has it, but its standby did not confirm it in time: it may be lost when that takes over';
  return { kind: 'unknown', error: new CofferError('unavailable', message) };
}

function notKnown(cause: unknown): CofferError {
  if (cause instanceof CofferError) return cause;
  const message = 'the store did not answer a commit; whether it was written is not known';
  return new CofferError('unavailable', message, { cause: failureOf(cause).cause });
}

/** The transaction has ended, and not by a commit: a statement of it failed. */
function undoneBy(session: Session, error: unknown): Outcome {
  const state = stateOf(error);
  // A mark that came too late: the clock of this connection is off, and a new one asks the server again.
  const stale = state === '23502';
  if (stale || isCut(state)) session.drop();
  return { kind: 'undone', error, again: stale || mayTryAgain(state) };
}

/** Whether an advisory lock that one connection holds keeps another one from it. */
export async function locksHold(pool: SessionPool, space: string): Promise<boolean> {
  const number = locksOf(space, [], [{ key: `probe ${randomUUID()}` as never, revision: null }]).numbers;
  const attempt: Statement = { text: 'SELECT pg_try_advisory_xact_lock($1::bigint)' };
  try {
    return await pool.lend((holder) =>
      pool.lend(async (other) => {
        await holder.ask({ text: 'BEGIN' });
        const [held] = (await holder.ask(attempt, [String(number[0])])).rows;
        const [second] = (await other.ask(attempt, [String(number[0])])).rows;
        await holder.ask({ text: 'ROLLBACK' });
        return held?.[0] === 't' && second?.[0] === 'f';
      }),
    );
  } catch (error) {
    const state = stateOf(error);
    // No such function, or no such feature.
    if (state === '42883' || state === '0A000') return false;
    throw error;
  }
}

export function closedError(): CofferError {
  return new CofferError('unavailable', 'the store is closed');
}
