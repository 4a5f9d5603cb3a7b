/** What every login ends with: a proof traded for a token. */
import type { Client } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { secondFactor, wantedBy } from './second-factor.ts';
import type { Shell } from './shell.ts';
import { parseToken } from './token-file.ts';

/** The token itself, and what may be shown of it. */
export interface Login {
  readonly token: string;
  readonly who: JsonObject;
}

/** What proves who we are, for a token; with a one-time code, where the server wants one besides. */
export async function trade(
  shell: Shell,
  client: Client,
  options: { readonly 'mfa-code-stdin': boolean | undefined },
  path: string,
  body: JsonObject,
): Promise<Login> {
  const answer = await client.request('POST', path, { body });
  const first = authOf(answer.body);
  const wanted = wantedBy(first);
  const auth =
    wanted === undefined
      ? first
      : authOf(await secondFactor(shell, client, wanted, options['mfa-code-stdin'] === true));
  const token = auth['client_token'];
  if (typeof token !== 'string')
    throw new CofferError('unavailable', 'the server answered the login without a token');
  return { token: parseToken(token, 'the answer'), who: shownLogin(auth, auth['lease_duration']) };
}

function authOf(body: JsonValue | undefined): JsonObject {
  return isJsonObject(body) && isJsonObject(body['auth']) ? body['auth'] : {};
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
