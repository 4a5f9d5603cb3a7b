/**
 * Commits. Each is one transaction under a token of its own, by which DynamoDB knows it for ten minutes: sent again it is done once, and
 * told as done. So when an answer is lost the same is sent again, until there is one or the deadline is over; that is far within
 * the ten minutes, and measured by two clocks, for a process that was stopped meanwhile must not send it after them.
 */
import { randomUUID } from 'node:crypto';
import { AwsError } from '../../aws/aws-error.ts';
import type { DynamoClient, TransactWriteInput } from '../../aws/dynamo.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, StorageKey, Write } from '../storage.ts';
import { failureKind, pauseAfter, storeFailure } from './failure.ts';
import { KeyQueue } from './key-queue.ts';
import { addressOf, itemOf } from './layout.ts';
import { pause, Stopwatch, type Surroundings } from './patience.ts';
import type { Roots } from './roots.ts';

/** Transactions under way at a time. */
const mostUnderWay = 32;

type Action = NonNullable<TransactWriteInput['TransactItems']>[number];

interface Planned {
  readonly key: StorageKey;
  readonly action: Action;
}

export interface CommitOptions {
  readonly client: DynamoClient;
  readonly table: string;
  readonly roots: Roots;
  readonly surroundings: Surroundings;
}

export class Commits {
  readonly #options: CommitOptions;
  readonly #queue = new KeyQueue(mostUnderWay);
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
    try {
      await roots.enter(writes.flatMap(({ key, value }) => (value === null ? [] : [key])));
    } catch (error) {
      throw storeFailure(error, '; nothing was written');
    }
    const keys = plan.map(({ key }) => key);
    await this.#queue.run(keys, () => this.#land(plan, watch));
    return revisions;
  }

  async #land(plan: readonly Planned[], watch: Stopwatch): Promise<void> {
    const { client, surroundings } = this.#options;
    const { patience, jitter, admit } = surroundings;
    const ClientRequestToken = randomUUID();
    const TransactItems = plan.map(({ action }) => action);
    /** One was sent of which nobody knows what became. */
    let lost = false;
    for (let tries = 0; ; tries++) {
      // It waited behind others, or the process was stopped.
      if (watch.passed >= patience) throw overdue(lost);
      try {
        const admission = admit();
        if (admission !== undefined) await admission;
      } catch (error) {
        throw lost ? failed(error, lost) : error;
      }
      try {
        return await client.transactWrite({ TransactItems, ClientRequestToken });
      } catch (error) {
        const kind = failureKind(error);
        if (kind === 'condition') throw new ConflictError(failedKey(plan, error));
        lost ||= kind === 'lost';
        const most = pauseAfter(error, tries);
        const rest = (most ?? 0) * jitter();
        if (most === undefined || watch.passed + rest >= patience) throw failed(error, lost);
        await pause(surroundings, rest);
      }
    }
  }
}

/** Expectations first, in their order: of several that fail the first one is told. */
function planOf(
  TableName: string,
  writes: readonly Write[],
  revisions: readonly Revision[],
  expectations: readonly Expectation[],
): readonly Planned[] {
  const written = new Map(writes.map((write, index) => [write.key, { write, index }]));
  const plan: Planned[] = [];
  const add = (key: StorageKey, condition: ReturnType<typeof conditionOf> | Record<string, never>): void => {
    const found = written.get(key);
    written.delete(key);
    if (found === undefined) {
      const check = { TableName, Key: addressOf(key), ConditionExpression: '', ...condition };
      plan.push({ key, action: { ConditionCheck: check } });
      return;
    }
    const revision = revisions[found.index] ?? generateRevision();
    const { value } = found.write;
    plan.push({
      key,
      action:
        value === null
          ? { Delete: { TableName, Key: addressOf(key), ...condition } }
          : { Put: { TableName, Item: itemOf(key, value, revision), ...condition } },
    });
  };
  for (const expectation of expectations) add(expectation.key, conditionOf(expectation));
  for (const key of [...written.keys()]) add(key, {});
  return plan;
}

function conditionOf({ revision }: Expectation) {
  if (revision === null) {
    return { ConditionExpression: 'attribute_not_exists(#r)', ExpressionAttributeNames: { '#r': 'r' } };
  }
  return {
    ConditionExpression: '#r = :r',
    ExpressionAttributeNames: { '#r': 'r' },
    ExpressionAttributeValues: { ':r': { N: String(revision) } },
  };
}

function failedKey(plan: readonly Planned[], error: unknown): string {
  const place = error instanceof AwsError ? error.cancellations.indexOf('ConditionalCheckFailed') : -1;
  return plan[place]?.key ?? '';
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
