/** What every login ends with: a proof traded for a token. */
import type { Client } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { parseToken } from './token-file.ts';

/** The token itself, and what may be shown of it. */
export interface Login {
  readonly token: string;
  readonly who: JsonObject;
}

/** What proves who we are, for a token. */
export async function trade(client: Client, path: string, body: JsonObject): Promise<Login> {
  const answer = await client.request('POST', path, { body });
  const auth = isJsonObject(answer.body) && isJsonObject(answer.body['auth']) ? answer.body['auth'] : {};
  const token = auth['client_token'];
  if (typeof token !== 'string')
    throw new CofferError('unavailable', 'the server answered the login without a token');
  return { token: parseToken(token, 'the answer'), who: shownLogin(auth, auth['lease_duration']) };
}

export function shownLogin(data: JsonObject, ttl: JsonValue | undefined): JsonObject {
  return {
    display_name: data['display_name'] ?? '',
    accessor: data['accessor'] ?? '',
    policies: data['policies'] ?? [],
    ttl: ttl ?? 0,
    metadata: data['meta'] ?? data['metadata'] ?? null,
  };
}
