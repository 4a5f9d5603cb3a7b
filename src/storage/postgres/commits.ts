/**
 * Commits. Those that wait go together, in one transaction that is sent in one piece and answered in one: the locks of all keys they
 * name, and the write, which looks at the expectations first. In a group each commit lands by itself or not: no key
 * of one is written by another. Two of this process that name the same key never wait for each other in the server, but here.
 *
 * The locks are taken by a statement of their own, because in READ COMMITTED a statement sees what was committed before it began: the
 * write begins when the locks are held, so it sees all that others with these keys have committed, and they wait until it has.
 * Both stand before one Sync, so that they are one transaction without a word of it, which ends at the Sync, and where the first fails
 * the server leaves the second out. Were they carried out each by itself, no lock would last: the first sets what only its own
 * transaction has, and the write refuses without it.
 *
 * Where advisory locks hold nothing back (some systems that speak PostgreSQL's protocol) the same write runs SERIALIZABLE instead, and
 * is tried again where the server says so. There a `BEGIN` that fails (a cancellation hits whatever is under way) would keep nothing
 * behind it from being done. Sessions are DEFERRABLE by default and these transactions are not, so the write sees where it is.
 *
 * Every transaction leaves a mark of a random id. When the answer is lost the mark is asked for on another connection, by making it with
 * the word that nothing landed: it waits for whoever is making it, and either it is there already, or the lost commit can't make
 * it any more, however late it is carried out.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import { type Expectation, parseStorageKey, type Revision, type Write } from '../storage.ts';
import { Departures } from './departures.ts';
import { failureOf, isCut, isDemoted, isTimeout, mayTryAgain, stateOf } from './failure.ts';
import { type GroupLimits, KeysInUse, keysNamed, type Pending, takeGroup, valuesOf } from './group.ts';
import { locksOf, lockValues, takeLocks } from './locks.ts';
import type { Statement, Step } from './messages.ts';
import type { Row, Session } from './session.ts';
import type { SessionPool } from './session-pool.ts';
import type { Statements } from './statements.ts';
import { hasUndone, type Result } from './wire.ts';

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
  /** Told of a server that takes no writes any more: other connections may lead to it as well. */
  readonly onDemoted: () => void;
}

const mostTries = 50;
/** Between two tries of the same thing, in milliseconds. */
const pause = 20;
/** Each so many transactions marks that are too old are taken away, more than have come since. */
const sweepEvery = 256;
const groupLimits: GroupLimits = { commits: 64, keys: 128, bytes: 1024 * 1024 };

const beginSerializable: Statement = { text: 'BEGIN ISOLATION LEVEL SERIALIZABLE, NOT DEFERRABLE' };
const commit: Statement = { text: 'COMMIT' };

/** What became of one try of a group. */
type Outcome =
  /** By place in the group, the key of the expectation that did not hold; undefined where only that is known. */
  | { readonly kind: 'landed'; readonly broken: ReadonlyMap<number, string | undefined> }
  /** Nothing was written, and never will be. */
  | { readonly kind: 'undone'; readonly error: unknown; readonly again: boolean }
  | { readonly kind: 'unknown'; readonly error: unknown };

export class Commits {
  readonly #options: CommitOptions;
  readonly #limits: GroupLimits;
  readonly #inUse = new KeysInUse();
  readonly #waiting: Pending[] = [];
  readonly #departures: Departures;
  /** Commits that have not been answered. */
  #open = 0;
  #whenIdle: (() => void) | undefined;
  #scheduled = false;
  #count = 0;

  constructor(options: CommitOptions) {
    this.#options = options;
    this.#departures = new Departures(options.clock, () => this.#pump(), options.locks);
    // A serialisation failure undoes all of a transaction: no one's is to undo another's.
    this.#limits = options.locks ? groupLimits : { ...groupLimits, commits: 1 };
  }

  commit(writes: readonly Write[], expectations: readonly Expectation[]): Promise<readonly Revision[]> {
    return new Promise((resolve, reject) => {
      const answered =
        <T>(action: (value: T) => void) =>
        (value: T) => {
          this.#open -= 1;
          action(value);
          if (this.#open === 0) this.#whenIdle?.();
        };
      this.#open += 1;
      this.#waiting.push({
        writes,
        expectations,
        revisions: writes.map(generateRevision),
        bytes: writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
        keys: keysNamed({ writes, expectations }),
        until: this.#options.clock.now() + this.#options.patience,
        tries: 0,
        resolve: answered(resolve),
        reject: answered(reject),
      });
      this.#schedule();
    });
  }

  /** Resolves when every commit has been answered. */
  async idle(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  /** Behind everything that is ready now: who else commits in this turn comes along. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#departures.mayLeave(this.#waiting.length)) {
      const group = takeGroup(this.#waiting, this.#inUse, this.#limits);
      if (group.length === 0) return;
      void this.#carryOut(group);
    }
  }

  async #carryOut(group: readonly Pending[]): Promise<void> {
    const arrived = this.#departures.leave(group.length);
    const outcome = await this.#try(group);
    arrived();
    for (const pending of group) this.#inUse.remove(pending);
    this.#tell(group, outcome);
    this.#schedule();
  }

  #tell(group: readonly Pending[], outcome: Outcome): void {
    if (outcome.kind === 'landed') this.#countOne();
    for (const [place, pending] of group.entries()) {
      if (outcome.kind === 'unknown') pending.reject(notKnown(outcome.error));
      else if (outcome.kind === 'undone') this.#again(pending, outcome);
      else if (!outcome.broken.has(place)) pending.resolve(pending.revisions);
      else {
        const key = outcome.broken.get(place);
        // That an expectation did not hold is known, and not which: nobody has been told, so it may be tried anew.
        if (key === undefined) this.#waiting.push(pending);
        else pending.reject(new ConflictError(key));
      }
    }
  }

  #again(pending: Pending, { error, again }: Extract<Outcome, { kind: 'undone' }>): void {
    pending.tries += 1;
    const { clock } = this.#options;
    if (!again || pending.tries === mostTries || clock.now() >= pending.until) {
      pending.reject(failureOf(error, '; nothing was written'));
      return;
    }
    void this.#rest(Math.min(pending.tries, 10) * pause * Math.random()).then(() => {
      this.#waiting.push(pending);
      this.#pump();
    });
  }

  /** Never rejects: what cannot be known is an outcome too. */
  async #try(group: readonly Pending[]): Promise<Outcome> {
    const id = randomUUID();
    let minute = 0;
    let outcome: Outcome;
    try {
      outcome = await this.#options.pool.lend((session) => {
        minute = session.minute;
        return this.#run(session, group, minute, id);
      });
    } catch (error) {
      // No connection: nothing was sent.
      return { kind: 'undone', error, again: false };
    }
    if (outcome.kind === 'undone' && isDemoted(stateOf(outcome.error))) this.#options.onDemoted();
    if (outcome.kind !== 'unknown' || outcome.error instanceof CofferError) return outcome;
    return this.#fateOf(minute, id, outcome.error);
  }

  async #run(session: Session, group: readonly Pending[], minute: number, id: string): Promise<Outcome> {
    const { statements, locks, space } = this.#options;
    const write: Step = { statement: statements.write, values: [...valuesOf(group), minute, id] };
    if (!locks) return runSerializable(session, write);
    const lock: Step = { statement: takeLocks, values: lockValues(locksOf(space, group), id) };
    try {
      return landed(session, (await session.exchange([lock, write]))[1]);
    } catch (error) {
      if (hasUndone(error)) return undoneBy(session, error);
      session.drop();
      return { kind: 'unknown', error };
    }
  }

  /** Asks on other connections until one has answered, or for as long as anybody waits. */
  async #fateOf(minute: number, id: string, lost: unknown): Promise<Outcome> {
    const { pool, statements, clock, patience } = this.#options;
    const until = clock.now() + patience;
    for (;;) {
      try {
        return await pool.lend(async (session) => {
          try {
            await session.ask(statements.bury, [minute, id]);
            const [row] = (await session.ask(statements.fate, [minute, id])).rows;
            if (row?.[0] !== 't') return fateOf(row, lost);
            // To be seen is not to be confirmed: what is written behind it is confirmed behind it.
            await session.ask(statements.bury, [session.minute, randomUUID()]);
            return session.unconfirmed ? unconfirmed(session) : fateOf(row, lost);
          } catch (error) {
            const state = stateOf(error);
            if (isCut(state) || isDemoted(state)) session.drop();
            if (isDemoted(state)) this.#options.onDemoted();
            throw error;
          }
        });
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

async function runSerializable(session: Session, write: Step): Promise<Outcome> {
  const sent = session.together(() =>
    [{ statement: beginSerializable, values: [] }, write, { statement: commit, values: [] }].map((step) =>
      session.exchange([step]),
    ),
  );
  const answers = await Promise.allSettled(sent);
  const ended = answers.at(-1);
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (ended?.status === 'fulfilled') {
    if (failed !== undefined) return undoneBy(session, failed.reason);
    const written = answers.at(-2);
    if (ended.value[0]?.command === 'COMMIT' && written?.status === 'fulfilled') {
      return landed(session, written.value[0]);
    }
    session.drop();
    return { kind: 'unknown', error: undefined };
  }
  const error: unknown = failed?.reason;
  // The server itself says that the transaction is undone.
  if (mayTryAgain(stateOf(ended?.reason))) return undoneBy(session, ended?.reason);
  session.drop();
  return { kind: 'unknown', error };
}

function landed(session: Session, written: Result | undefined): Outcome {
  if (session.unconfirmed) return unconfirmed(session);
  const broken = new Map<number, string | undefined>();
  for (const [owner, key] of written?.rows ?? []) broken.set(owner?.readInt32BE(0) ?? -1, key?.toString());
  return { kind: 'landed', broken };
}

/** By the row of its mark: what became of a commit whose answer was lost. */
function fateOf(row: Row | undefined, lost: unknown): Outcome {
  if (row === undefined) return { kind: 'unknown', error: lost };
  if (row[0] !== 't') return { kind: 'undone', error: lost, again: !isTimeout(lost) };
  const broken = (row[1] ?? '').split(',').filter((each) => each !== '');
  return { kind: 'landed', broken: new Map(broken.map((each) => [Number(each), undefined])) };
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
  // Whoever takes writes now is looked for; where nobody does, opening the next session says so.
  const elsewhere = stale || isDemoted(state);
  if (elsewhere || isCut(state)) session.drop();
  return { kind: 'undone', error, again: elsewhere || mayTryAgain(state) };
}

/** Whether an advisory lock that one connection holds keeps another one from it. */
export async function locksHold(pool: SessionPool, space: string): Promise<boolean> {
  const probe = { writes: [{ key: parseStorageKey(`probe ${randomUUID()}`) }], expectations: [] };
  const [{ high, low } = { high: 0, low: 0 }] = locksOf(space, [probe]);
  const number = String((BigInt(high) << 32n) | BigInt(low));
  const attempt: Statement = { text: 'SELECT pg_try_advisory_xact_lock($1::bigint)' };
  try {
    return await pool.lend((holder) =>
      pool.lend(async (other) => {
        await holder.ask({ text: 'BEGIN' });
        try {
          const [held] = (await holder.ask(attempt, [number])).rows;
          const [second] = (await other.ask(attempt, [number])).rows;
          return held?.[0] === 't' && second?.[0] === 'f';
        } finally {
          // A failed attempt has failed the transaction, and the next user of the session must not be in it.
          await holder.ask({ text: 'ROLLBACK' }).catch(() => holder.drop());
        }
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
