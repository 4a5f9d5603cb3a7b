/**
 * Requests that the server makes of itself as somebody: an engine that carries on for a person what that person asked for may do no more
 * than the person may by now. They take the road like everybody's, with a token of that one request's own: of the entity, with no policy but
 * those that the entity and its groups have at that moment.
 */
import { randomUuid } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import type { Core } from './core.ts';
import { parseApiPath } from './path.ts';
import { type Answer, type AnswerData, type Operation, RawJson } from './request.ts';
import { rootTokenAt } from './token/root-token.ts';

/** Seconds that a token of one request lasts. */
const longest = 60;

/**
 * @param asker what the audit log calls whoever asks
 * @throws CofferError what the request was refused with; `permission_denied` also where the entity is gone or disabled
 */
export async function askAs(
  core: Pick<Core, 'batchTokens' | 'clock' | 'random' | 'surroundings'>,
  asker: string,
  entityId: string,
  wish: { readonly operation: Operation; readonly path: string; readonly data: JsonObject },
): Promise<JsonObject | undefined> {
  const { batchTokens, clock, random, surroundings } = core;
  if (surroundings.handle === undefined)
    throw new CofferError('unavailable', 'this server cannot ask itself');
  // Without an entity there is nobody whose rights could count.
  if (entityId === '') throw new CofferError('permission_denied', 'permission denied');
  const now = clock.now();
  const { text } = batchTokens.seal(
    {
      ...rootTokenAt(now),
      policies: [],
      displayName: asker,
      path: 'auth/token/create',
      entityId,
      expiresAt: now + longest * 1_000,
      creationTtl: longest,
      explicitMaxTtl: longest,
    },
    [],
  );
  const path = parseApiPath(wish.path);
  const request = { id: randomUuid(random), operation: wish.operation, path, data: wish.data, token: text };
  return dataOf(await surroundings.handle({ ...request, wrapTtl: 0, remoteAddress: '127.0.0.1' }), wish.path);
}

/** The data of an answer; undefined for none, and where nothing is there. Throws what the request was refused with. */
export function dataOf(answer: Answer, path: string): JsonObject | undefined {
  if (answer.kind === 'envelope') return answer.data === null ? undefined : plain(answer.data);
  if (answer.kind !== 'error' || (answer.status === 404 && answer.code === undefined)) return undefined;
  const { code = 'internal', errors } = answer;
  if (code === 'not_found') return undefined;
  throw new CofferError(code, `${path}: ${errors.join('; ')}`);
}

function plain(data: AnswerData): JsonObject {
  const members = Object.entries(data).map(([name, value]): [string, JsonValue] => {
    if (value instanceof RawJson) return [name, JSON.parse(value.text) as JsonValue];
    return [name, isJsonObject(value) ? plain(value as AnswerData) : (value as JsonValue)];
  });
  return Object.fromEntries(members);
}
