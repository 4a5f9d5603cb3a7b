/** What is found at the place of a store when it is opened, and whether this Consul can hold one. */
import { CofferError } from '../../errors.ts';
import type { AgentAnswer, ConsulAgent } from './agent.ts';
import { Refusal, refusedToken } from './failure.ts';
import type { Layout } from './layout.ts';
import { namesFrom } from './names.ts';
import { bodyOf, type KvEntry, type KvOperation, refusalOf, txnAnswerOf, write } from './txn.ts';

/** What `format` holds. */
const formatWord = 'coffer';
const newestFormat = 1;
/** More than 64 operations, a verb that came with Consul 1.14, and the longest request that a commit within the limits makes. */
const probeOperations = 65;
export const longestRequest = 512 * 1024;

export interface Wish {
  readonly create: boolean;
  readonly readOnly: boolean;
}

/**
 * Finds the store's mark, or makes it. Rejects with `store_unusable` where there is none (without `create`), where keys lie that Coffer did not
 * make, where a newer Coffer made them, and for a Consul that is too old or takes too little; with `Refusal` and `AgentLost`.
 */
export async function prepare(agent: ConsulAgent, layout: Layout, { create, readOnly }: Wish): Promise<void> {
  const found = await probe(agent, layout, readOnly);
  if (found.index !== 0) return requireFormat(found);
  for await (const _ of namesFrom(agent, layout.format.slice(0, -'format'.length), true)) {
    throw unusable('keys lie below this prefix, and not those of a store of Coffer: name another prefix');
  }
  if (!create || readOnly) throw unusable('there is no store below this prefix');
  const Value = Buffer.from(`${formatWord} ${newestFormat}`).toString('base64');
  const answer = await write(agent, [{ Verb: 'cas', Key: layout.format, Value, Index: 0 }]);
  // Somebody else may have made it at the same moment.
  if (answer.kind === 'refused' && (await probe(agent, layout, readOnly)).index === 0)
    throw refusalOf(answer.problems);
}

async function probe(agent: ConsulAgent, layout: Layout, readOnly: boolean): Promise<KvEntry> {
  const operation: KvOperation = { Verb: 'get-or-empty', Key: layout.format };
  const operations = Array.from({ length: probeOperations }, () => operation);
  const body = bodyOf(operations).padEnd(readOnly ? 0 : longestRequest);
  const answer = await agent.read({ method: 'PUT', path: '/v1/txn?consistent', body });
  requireAble(answer);
  const read = txnAnswerOf(answer);
  if (read.kind === 'refused') throw refusalOf(read.problems);
  const [first] = read.entries;
  if (first === undefined || read.entries.length !== operations.length) throw new Refusal(refusedToken);
  return first;
}

function requireAble({ status, body }: AgentAnswer): void {
  const text = body.toString('latin1', 0, 4_096);
  if (/too many operations|unknown KV verb/.test(text) && status >= 400) {
    throw unusable('this Consul is too old: a store needs version 1.14 or newer');
  }
  if (status !== 413) return;
  throw unusable(
    `Consul takes no transaction of ${longestRequest} bytes here: give its agents that (limits.txn_max_req_len, which is this long unless somebody set it)`,
  );
}

function requireFormat({ value }: KvEntry): void {
  const [, word, version] = /^(\w+) (\d{1,6})$/.exec(value.toString('latin1')) ?? [];
  if (word !== formatWord)
    throw unusable('keys lie below this prefix, and not those of a store of Coffer: name another prefix');
  if (Number(version) > newestFormat)
    throw unusable('the store was made by a newer Coffer: start that version');
}

function unusable(message: string): CofferError {
  return new CofferError('store_unusable', message);
}
