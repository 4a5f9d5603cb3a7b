/**
 * Requests that the server makes of itself, for what its start was told to set up. They take the road like everybody's, with a root
 * token that never leaves this process, ends within a minute, and is revoked as soon as the work is done: whoever starts a server
 * holds the key of its store, and the audit log shows what was made of that.
 */
import { type Clock, systemClock } from '../clock.ts';
import type { Core } from '../core/core.ts';
import { dataOf } from '../core/own-request.ts';
import { parseApiPath } from '../core/path.ts';
import type { Operation } from '../core/request.ts';
import { rootTokenAt } from '../core/token/root-token.ts';
import { type Random, randomUuid, systemRandom } from '../crypto/random.ts';
import { emptyObject, type JsonObject } from '../json.ts';
import type { CofferNode } from './node.ts';

export interface OwnSession {
  /** The data of the answer; undefined for none, and where nothing is there. Throws what the request was refused with. */
  ask(operation: Operation, path: string, data?: JsonObject): Promise<JsonObject | undefined>;
}

/** Seconds. */
const longest = 60;

export interface SessionOptions {
  readonly node: Pick<CofferNode, 'road'>;
  readonly core: Pick<Core, 'tokens' | 'store'>;
  /** What the audit log calls whoever asks. */
  readonly name: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

export async function inOwnSession<T>(
  { node, core, name, clock = systemClock, random = systemRandom }: SessionOptions,
  work: (session: OwnSession) => Promise<T>,
): Promise<T> {
  const now = clock.now();
  const { text, record, writes } = core.tokens.mint({
    ...rootTokenAt(now),
    displayName: name,
    expiresAt: now + longest * 1_000,
    creationTtl: longest,
    explicitMaxTtl: longest,
  });
  await core.store.commit(writes);
  try {
    return await work({
      async ask(operation, path, data = emptyObject()) {
        const request = { id: randomUuid(random), operation, path: parseApiPath(path), data, token: text };
        const answer = await node.road.handle({ ...request, wrapTtl: 0, remoteAddress: '127.0.0.1' });
        return dataOf(answer, path);
      },
    });
  } finally {
    await core.tokens.revoke(record.id);
  }
}
