/**
 * Commits. Each is one transaction under a token of its own, by which DynamoDB knows it for ten minutes: sent again it is done once, and
 * told as done. So when an answer is lost the same is sent again, until there is one or the deadline is over; that is far within
 * the ten minutes, and measured by two clocks, for a process that was stopped meanwhile must not send it after them.
 */
import { randomUUID } from 'node:crypto';
import { AwsError } from '../../aws/aws-error.ts';
import type { DynamoClient } from '../../aws/dynamo.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, Write } from '../storage.ts';
import { CommitQueue, type Queued } from './commit-queue.ts';
import { failureKind, pauseAfter, storeFailure } from './failure.ts';
import { pause, Stopwatch, type Surroundings } from './patience.ts';
import { type Planned, planOf } from './plan.ts';
import type { Roots } from './roots.ts';

interface Pending extends Queued {
  /** Since it was asked for. */
  readonly watch: Stopwatch;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Of a transaction that does not hold. */
interface Broken {
  /** Its place in the plan; -1 where that is not said. */
  readonly place: number;
  /** Whether one was sent before of which nobody knows what became. */
  readonly lost: boolean;
}

export interface CommitOptions {
  readonly client: DynamoClient;
  readonly table: string;
  readonly roots: Roots;
  readonly surroundings: Surroundings;
}

export class Commits {
  readonly #options: CommitOptions;
  readonly #queue = new CommitQueue<Pending>((group) => this.#carryOut(group));
  /** Commits that have not been answered. */
  readonly #open = new Set<Promise<unknown>>();

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  /** Rejects with `ConflictError`, or with `unavailable` and what is known of the outcome. */
  commit(writes: readonly Write[], expectations: readonly Expectation[]): Promise<readonly Revision[]> {
    const answer = this.#commit(writes, expectations);
    const settled = answer.then(
      () => undefined,
      () => undefined,
    );
    this.#open.add(settled);
    void settled.then(() => this.#open.delete(settled));
    return answer;
  }

  /** Resolves when every commit has been answered. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  async #commit(
    writes: readonly Write[],
    expectations: readonly Expectation[],
  ): Promise<readonly Revision[]> {
    const { roots, surroundings, table } = this.#options;
    const watch = new Stopwatch(surroundings.clock);
    const revisions = writes.map(generateRevision);
    const plan = planOf(table, writes, revisions, expectations);
    const bytes = writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    try {
      await roots.enter(writes.flatMap(({ key, value }) => (value === null ? [] : [key])));
    } catch (error) {
      throw storeFailure(error, notWritten);
    }
    await new Promise<void>((resolve, reject) => {
      this.#queue.add({ plan, bytes, alone: false, watch, resolve, reject });
    });
    return revisions;
  }

  async #carryOut(waited: readonly Pending[]): Promise<void> {
    const { patience } = this.#options.surroundings;
    const group = waited.filter(({ watch }) => watch.passed < patience);
    for (const late of waited) if (!group.includes(late)) late.reject(overdue(false));
    const last = group.at(-1);
    if (last === undefined) return;
    try {
      const plan = together(group);
      const broken = await this.#land(plan, last.watch);
      if (broken === undefined) for (const { resolve } of group) resolve();
      else this.#tellBroken(group, plan, broken);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  #tellBroken(group: readonly Pending[], plan: readonly Planned[], { place, lost }: Broken): void {
    const [only, another] = group;
    if (another === undefined) {
      only?.reject(new ConflictError(plan[place]?.key ?? ''));
      return;
    }
    if (lost) {
      // What was sent first may be under way still: the same under other tokens could then be done twice.
      for (const { reject } of group) reject(overdue(true));
      return;
    }
    for (const commit of group) commit.alone = true;
    this.#queue.addAgain(group);
  }

  /** Undefined when it has landed. Rejects with what is known. */
  async #land(plan: readonly Planned[], watch: Stopwatch): Promise<Broken | undefined> {
    const { client, surroundings } = this.#options;
    const { patience, jitter } = surroundings;
    const ClientRequestToken = randomUUID();
    const TransactItems = plan.map(({ action }) => action);
    let lost = false;
    for (let tries = 0; ; tries++) {
      // The process was stopped.
      if (watch.passed >= patience) throw overdue(lost);
      await this.#admission(lost);
      try {
        await client.transactWrite({ TransactItems, ClientRequestToken });
        return undefined;
      } catch (error) {
        const kind = failureKind(error);
        if (kind === 'condition') return { place: placeOf(error), lost };
        lost ||= kind === 'lost';
        const most = pauseAfter(error, tries);
        const rest = (most ?? 0) * jitter();
        if (most === undefined || watch.passed + rest >= patience) throw failed(error, lost);
        await pause(surroundings, rest);
      }
    }
  }

  async #admission(lost: boolean): Promise<void> {
    try {
      await this.#options.surroundings.admit();
    } catch (error) {
      throw failed(error, lost);
    }
  }
}

/** What is expected by several is looked at once. */
function together(group: readonly Pending[]): readonly Planned[] {
  const [only, another] = group;
  if (only !== undefined && another === undefined) return only.plan;
  return [...new Map(group.flatMap(({ plan }) => plan.map((each) => [each.key, each]))).values()];
}

function placeOf(error: unknown): number {
  return error instanceof AwsError ? error.cancellations.indexOf('ConditionalCheckFailed') : -1;
}

const notKnown = '; whether it was written is not known';
const notWritten = '; nothing was written';

function failed(error: unknown, lost: boolean): CofferError {
  return storeFailure(error, lost ? notKnown : notWritten);
}

function overdue(lost: boolean): CofferError {
  const message = 'the store did not get to a commit in time';
  return new CofferError('unavailable', message + (lost ? notKnown : notWritten));
}
