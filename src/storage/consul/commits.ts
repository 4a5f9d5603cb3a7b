/**
 * Commits: one transaction each, sent once. Consul may carry a transaction out whose answer never arrives, also later; so each goes by a
 * _lane_, a key of this process alone, which the transaction writes at the index that the lane has, along with a mark of its own.
 * When an answer is lost the lane is read: the mark stands there, so the commit landed; or it does not, and then the lane is written
 * once more, after which the lost transaction finds another index and can't land any more, however late it comes. What did
 * not land is done again. A lane has one commit under way at a time; there are several lanes.
 *
 * The mark is the `Flags` of what is written, drawn anew for each try: Consul leaves a key's index as it is where nothing about the key
 * changes, and a record that is written has another revision in any case. The revision is the index of the commit: Consul's grow with
 * each of its own commits, so none comes back, not for a key that is deleted and made again either.
 */
import { CofferError, ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, Write } from '../storage.ts';
import { asFailure, errorOf, type Failure } from './failure.ts';
import type { Ways } from './layout.ts';
import { conflictOf, type Plan, planOf } from './plan.ts';
import type { Entry, Lane, Presence } from './presence.ts';
import {
  checkOnly,
  closedError,
  type KvOperation,
  mostOperations,
  readKeys,
  refusalOf,
  type TxnAnswer,
  write,
} from './txn.ts';

/** Between two tries of the same thing, in milliseconds. */
const pause = 100;

/** What became of one try. */
type Outcome =
  | { readonly kind: 'landed'; readonly index: number }
  | { readonly kind: 'conflict'; readonly error: CofferError }
  /** Nothing was written, and never will be. */
  | { readonly kind: 'undone'; readonly failure: Failure; readonly again: boolean }
  | { readonly kind: 'barred' }
  | { readonly kind: 'unknown'; readonly failure: Failure };

export class Commits {
  readonly #ways: Ways;
  readonly #presence: Presence;
  readonly #patience: number;
  readonly #open = new Set<Promise<unknown>>();
  #closed = false;

  /** @param patience milliseconds for which a commit is tried, and what became of it asked for */
  constructor(ways: Ways, presence: Presence, patience: number) {
    this.#ways = ways;
    this.#presence = presence;
    this.#patience = patience;
  }

  async commit(writes: readonly Write[], expectations: readonly Expectation[]): Promise<readonly Revision[]> {
    if (this.#closed) throw closedError();
    // No commit has index 0, and Consul takes it for "absent".
    const none = expectations.find(({ revision }) => revision === 0);
    const plan = planOf(this.#ways.layout, writes, none === undefined ? expectations : []);
    const committed = none === undefined ? this.#land(plan) : Promise.reject(conflictOn(none));
    this.#open.add(committed);
    try {
      const index = await committed;
      return writes.map(() => index as Revision);
    } finally {
      this.#open.delete(committed);
    }
  }

  /** Takes no more, and resolves when every commit has been answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#open);
  }

  /** The index of the commit. */
  async #land(plan: Plan): Promise<number> {
    const { clock } = this.#ways;
    const until = clock.steady() + this.#patience;
    for (let tries = 1; ; tries++) {
      const outcome = plan.writes ? await this.#try(plan, until) : await this.#check(plan);
      if (outcome.kind === 'landed') return outcome.index;
      if (outcome.kind === 'conflict') throw outcome.error;
      if (outcome.kind === 'barred') throw await this.#refusal();
      if (outcome.kind === 'unknown')
        throw errorOf(outcome.failure, '; whether the commit was written is not known');
      if (!outcome.again || clock.steady() >= until) throw errorOf(outcome.failure, '; nothing was written');
      // A lane that was gone, or an answer that was: there is nothing to wait for, the first time.
      if (tries > 1 || outcome.failure.kind === 'busy') {
        await this.#rest(Math.min(tries, 10) * pause * Math.random());
      }
    }
  }

  async #try(plan: Plan, until: number): Promise<Outcome> {
    let entry: Entry;
    try {
      entry = await this.#presence.entry();
    } catch (error) {
      // Whatever became of the entry, nothing of the commit was sent.
      const failure = asFailure(error);
      return { kind: 'undone', failure, again: failure.kind === 'busy' };
    }
    const room = mostOperations - plan.operations.length;
    if (room < guards) return this.#tryAlone(plan);
    const lane = await entry.take();
    try {
      return await this.#run(entry, lane, plan, until);
    } finally {
      entry.give(lane);
    }
  }

  async #run(entry: Entry, lane: Lane, plan: Plan, until: number): Promise<Outcome> {
    const mark = generateRevision();
    const before = [laneOperation(lane), ...this.#gateOperations()];
    try {
      const answer = await write(this.#ways.agent, marked([...before, ...plan.operations], mark));
      if (answer.kind === 'done') {
        const told = answer.entries.some(({ key }) => key === lane.key);
        return told
          ? landedAt(lane, indexOf(answer))
          : await this.#settle(entry, lane, plan, mark, until, true);
      }
      const stale = answer.problems.find(({ operation }) => operation === 0);
      if (stale === undefined) return this.#outcomeOf(plan, answer, before.length);
      // The token's rights are looked at before anything else, and told of every operation.
      if (!/is stale$/.test(stale.text)) return undoneBy(refusalOf(answer.problems).failure);
      return await this.#settle(entry, lane, plan, mark, until, false);
    } catch (error) {
      const failure = asFailure(error);
      return failure.kind === 'open'
        ? this.#settle(entry, lane, plan, mark, until, true, failure)
        : undoneBy(failure);
    }
  }

  /**
   * Asks the lane what became of a transaction.
   *
   * @param lost its answer did not come, so it may still be under way; else Consul refused it for the lane
   */
  async #settle(
    entry: Entry,
    lane: Lane,
    plan: Plan,
    mark: number,
    until: number,
    lost: boolean,
    failure: Failure = { kind: 'open', reason: 'Consul did not say what became of it' },
  ): Promise<Outcome> {
    for (;;) {
      try {
        const [now] = await readKeys(this.#ways.agent, [lane.key]);
        if (now === undefined || now.index === 0) {
          entry.lose();
          return lost ? await this.#byRecords(plan, mark, failure) : undone(failure);
        }
        if (now.flags === mark) return landedAt(lane, now.index);
        // No index comes back: a transaction that needs the one before can't land any more.
        if (!lost || now.index !== lane.index) {
          lane.index = now.index;
          return undone(failure);
        }
        const answer = await write(this.#ways.agent, marked([laneOperation(lane)], generateRevision()));
        if (answer.kind === 'done') {
          lane.index = indexOf(answer);
          return undone(failure);
        }
      } catch (error) {
        asFailure(error);
        if (this.#ways.clock.steady() >= until) return { kind: 'unknown', failure };
        await this.#rest(pause);
      }
    }
  }

  /** The session ended, and the lane with it: what is left to go by are the records. That none bears the mark proves nothing. */
  async #byRecords(plan: Plan, mark: number, failure: Failure): Promise<Outcome> {
    const found = await readKeys(this.#ways.agent, plan.put);
    const ours = found.find(({ flags }) => flags === mark);
    return ours === undefined ? { kind: 'unknown', failure } : { kind: 'landed', index: ours.index };
  }

  /** Deletes so much that a transaction has no room for more: what became of it can't be found out where its answer is lost. */
  async #tryAlone(plan: Plan): Promise<Outcome> {
    try {
      if (await this.#isBarred()) return { kind: 'barred' };
      const answer = await write(this.#ways.agent, marked(plan.operations, generateRevision()));
      return answer.kind === 'done'
        ? { kind: 'landed', index: indexOf(answer) }
        : this.#outcomeOf(plan, answer, 0);
    } catch (error) {
      const failure = asFailure(error);
      return failure.kind === 'open' ? { kind: 'unknown', failure } : undoneBy(failure);
    }
  }

  async #check(plan: Plan): Promise<Outcome> {
    const before = this.#gateOperations();
    try {
      const answer = await checkOnly(this.#ways.agent, [...before, ...plan.operations]);
      return answer.kind === 'done'
        ? { kind: 'landed', index: 1 }
        : this.#outcomeOf(plan, answer, before.length);
    } catch (error) {
      return undoneBy(asFailure(error));
    }
  }

  #outcomeOf(plan: Plan, { problems }: Extract<TxnAnswer, { kind: 'refused' }>, before: number): Outcome {
    const ofGate = problems.some(({ operation }) => operation < before);
    if (ofGate && problems.every(({ text }) => !/^Permission denied/.test(text))) return { kind: 'barred' };
    const error = conflictOf(plan, problems, before);
    return error === undefined ? undoneBy(refusalOf(problems).failure) : { kind: 'conflict', error };
  }

  #gateOperations(): readonly KvOperation[] {
    const { gate } = this.#ways;
    return gate === undefined ? [] : [{ Verb: 'check-not-exists', Key: gate.key }];
  }

  async #isBarred(): Promise<boolean> {
    const { agent, gate } = this.#ways;
    if (gate === undefined) return false;
    const [found] = await readKeys(agent, [gate.key]);
    return found?.index !== 0;
  }

  async #refusal(): Promise<CofferError> {
    const { agent, gate } = this.#ways;
    try {
      const [found] = gate === undefined ? [] : await readKeys(agent, [gate.key]);
      if (gate !== undefined && found !== undefined && found.index !== 0) return gate.refusal(found.value);
      return new CofferError('unavailable', 'the store was barred for a moment; nothing was written');
    } catch (error) {
      return errorOf(asFailure(error), '; nothing was written');
    }
  }

  #rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.#ways.clock.after(milliseconds, resolve));
  }
}

/** Operations besides those of the commit itself: the lane, and the gate. */
const guards = 2;

function laneOperation({ key, index }: Lane): KvOperation {
  return { Verb: 'cas', Key: key, Index: index, Value: '' };
}

function marked(operations: readonly KvOperation[], mark: number): readonly KvOperation[] {
  return operations.map((each) => (each.Value === undefined ? each : { ...each, Flags: mark }));
}

/** All that a transaction writes has the same one; deletions alone have none that anybody could ask for. */
function indexOf({ entries }: Extract<TxnAnswer, { kind: 'done' }>): number {
  return Math.max(1, ...entries.map(({ index }) => index));
}

function landedAt(lane: Lane, index: number): Outcome {
  lane.index = index;
  return { kind: 'landed', index };
}

function undone(failure: Failure): Outcome {
  return { kind: 'undone', failure, again: true };
}

function undoneBy(failure: Failure): Outcome {
  return { kind: 'undone', failure, again: failure.kind === 'busy' };
}

function conflictOn({ key }: Expectation): ConflictError {
  return new ConflictError(key);
}
