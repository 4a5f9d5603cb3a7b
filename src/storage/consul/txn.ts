/**
 * Transactions of Consul's KV (developer.hashicorp.com/consul/api-docs/txn): many operations that land whole or not at all, or that are read
 * as one snapshot. One without a write is read under the mode of its query; `consistent` asks the leader whether it still is one.
 */
import { CofferError } from '../../errors.ts';
import type { AgentAnswer, ConsulAgent } from './agent.ts';
import { failureOfAnswer, Refusal, refusedToken } from './failure.ts';

/** From Consul 1.14 on; it was 64. */
export const mostOperations = 128;

export interface KvOperation {
  readonly Verb: 'set' | 'cas' | 'lock' | 'delete' | 'check-index' | 'check-not-exists' | 'get-or-empty';
  readonly Key: string;
  /** Base64. */
  readonly Value?: string;
  /** A number of the writer's own that Consul keeps with the value. */
  readonly Flags?: number;
  readonly Index?: number;
  readonly Session?: string;
}

export interface KvEntry {
  readonly key: string;
  readonly value: Buffer;
  readonly flags: number;
  /** Index of the commit that wrote it last; Consul's grow with each of its commits. 0 for what is not there. */
  readonly index: number;
}

export interface TxnProblem {
  /** Place of the operation. */
  readonly operation: number;
  readonly text: string;
}

export type TxnAnswer =
  | { readonly kind: 'done'; readonly entries: readonly KvEntry[] }
  | { readonly kind: 'refused'; readonly problems: readonly TxnProblem[] };

export function bodyOf(operations: readonly KvOperation[]): string {
  return JSON.stringify(operations.map((KV) => ({ KV })));
}

/** Reads every key, in the order asked. Rejects with `Refusal` and `AgentLost`. */
export async function readKeys(agent: ConsulAgent, keys: readonly string[]): Promise<readonly KvEntry[]> {
  const operations = keys.map((Key) => ({ Verb: 'get-or-empty', Key }) as const);
  const answer = await checkOnly(agent, operations);
  if (answer.kind === 'refused') throw refusalOf(answer.problems);
  // What the token may not read is left out without a word: nobody may take it for absent.
  if (answer.entries.length !== keys.length || answer.entries.some(({ key }, place) => key !== keys[place])) {
    throw new Refusal(refusedToken);
  }
  return answer.entries;
}

/** A transaction that writes nothing. Rejects as `readKeys`. */
export async function checkOnly(agent: ConsulAgent, operations: readonly KvOperation[]): Promise<TxnAnswer> {
  return txnAnswerOf(
    await agent.read({ method: 'PUT', path: '/v1/txn?consistent', body: bodyOf(operations) }),
  );
}

/** A transaction that writes: it is sent once. Rejects as `readKeys`. */
export async function write(agent: ConsulAgent, operations: readonly KvOperation[]): Promise<TxnAnswer> {
  return txnAnswerOf(await agent.ask({ method: 'PUT', path: '/v1/txn', body: bodyOf(operations) }));
}

/** Why a transaction was refused, where no expectation was the reason. */
export function refusalOf(problems: readonly TxnProblem[]): Refusal {
  if (problems.some(({ text }) => /^Permission denied|^ACL not found/.test(text)))
    return new Refusal(refusedToken);
  return new Refusal({ kind: 'refused', reason: 'Consul refused the transaction' });
}

/** Whether an operation failed because what it expects does not hold. */
export function isBroken({ text }: TxnProblem): boolean {
  return /, index is stale$|^failed (to check index|index check)|^key ".*" exists$/s.test(text);
}

export function txnAnswerOf(answer: Pick<AgentAnswer, 'status' | 'body'>): TxnAnswer {
  if (answer.status !== 200 && answer.status !== 409) throw new Refusal(failureOfAnswer(answer));
  const parsed = objectOf(jsonOf(answer.body));
  if (answer.status === 409) {
    const problems = listOf(parsed['Errors']).map((each) => {
      const { OpIndex, What } = objectOf(each);
      return { operation: numberOf(OpIndex), text: textOf(What) };
    });
    if (problems.length === 0) throw odd();
    return { kind: 'refused', problems };
  }
  return { kind: 'done', entries: listOf(parsed['Results']).map((each) => entryOf(objectOf(each)['KV'])) };
}

/** An entry as every answer of the KV store has it. Throws a `Refusal` for anything else. */
export function entryOf(json: unknown): KvEntry {
  const { Key, Value, Flags, ModifyIndex } = objectOf(json);
  return {
    key: textOf(Key),
    value: Buffer.from(Value === null ? '' : textOf(Value), 'base64'),
    // Somebody else's may be larger than a number holds exactly: then they are not ours, which is all that is asked of them.
    flags: typeof Flags === 'number' ? Flags : 0,
    index: numberOf(ModifyIndex),
  };
}

export function jsonOf(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    throw odd();
  }
}

function odd(): Refusal {
  return new Refusal({ kind: 'open', reason: 'what answers is not Consul as it should be' });
}

function objectOf(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null) throw odd();
  return json as Readonly<Record<string, unknown>>;
}

function listOf(json: unknown): readonly unknown[] {
  if (json === null || json === undefined) return [];
  if (!Array.isArray(json)) throw odd();
  return json;
}

function textOf(json: unknown): string {
  if (typeof json !== 'string') throw odd();
  return json;
}

function numberOf(json: unknown): number {
  if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) throw odd();
  return json;
}

/** For a place that nobody should reach: kept apart from what Consul says. */
export function closedError(): CofferError {
  return new CofferError('unavailable', 'the store is closed');
}
