/** Lists of Consul, read while they come: Consul has no pages, so whoever has enough lets go of the rest. */
import type { AgentStream, ConsulAgent } from './agent.ts';
import { failureOfAnswer, Refusal, refusedToken } from './failure.ts';

/** Of one name, or of one entry with its value in base64. */
const longestItem = 1024 * 1024;

/**
 * Names that begin with `start`, in the order of their bytes. With `separator`, a name that goes on behind the next `/` after `start` ends
 * with that `/`, and comes once. Rejects with `Refusal` and `AgentLost`.
 */
export async function* namesFrom(
  agent: ConsulAgent,
  start: string,
  separator: boolean,
): AsyncGenerator<string> {
  const path = `/v1/kv/${start}?keys&consistent${separator ? '&separator=%2F' : ''}`;
  for await (const [, name = ''] of itemsOf(await agent.stream({ method: 'GET', path }), /"([^"]*)"/g))
    yield name;
}

/** Entries whose name begins with `start`, as JSON, all of them as they were at one moment. Rejects as `namesFrom`. */
export async function* entriesFrom(agent: ConsulAgent, start: string): AsyncGenerator<string> {
  const path = `/v1/kv/${start}?recurse&consistent`;
  for await (const [entry] of itemsOf(await agent.stream({ method: 'GET', path }), /\{[^{}]*\}/g))
    yield entry;
}

/** Parts of an answer that fit `item`, which no part of a name or value of ours can begin or end. */
async function* itemsOf(stream: AgentStream, item: RegExp): AsyncGenerator<RegExpMatchArray> {
  try {
    if (stream.filtered) throw new Refusal(refusedToken);
    // Nothing is there; there is no other reason for it.
    if (stream.status === 404) return;
    if (stream.status !== 200)
      throw new Refusal(failureOfAnswer({ status: stream.status, body: await beginningOf(stream) }));
    let text = '';
    for await (const piece of stream.pieces) {
      text += piece.toString('latin1');
      let end = 0;
      for (const match of text.matchAll(item)) {
        end = match.index + match[0].length;
        yield match;
      }
      text = text.slice(end);
      if (text.length > longestItem)
        throw new Refusal({ kind: 'open', reason: 'Consul answered with more than was asked for' });
    }
    if (!/\]\s*$/.test(text))
      throw new Refusal({ kind: 'open', reason: 'what answers is not Consul as it should be' });
  } finally {
    stream.end();
  }
}

async function beginningOf({ pieces }: AgentStream): Promise<Buffer> {
  for await (const piece of pieces) return piece;
  return Buffer.alloc(0);
}
