/** The way over the server's own wire: a login by codes, the role's credentials, and no token left behind. */
import type { Client } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';
import { dataOf } from '../safe.ts';
import { type Credentials, fromEngine } from './credentials.ts';
import type { Proof } from './request.ts';

export interface Mounts {
  /** Of the auth method, without `auth/`. */
  readonly auth: string;
  readonly engine: string;
  /** As the server reads durations. */
  readonly ttl: string | undefined;
  readonly now: () => number;
}

/** Throws what the server refuses with; then nothing was handed out. */
export async function askServer(client: Client, proof: Proof, mounts: Mounts): Promise<Credentials> {
  const token = await login(client, proof, mounts.auth);
  try {
    const answer = await client.request('POST', `${mounts.engine}/sts/${proof.role}`, {
      token,
      body: mounts.ttl === undefined ? {} : { ttl: mounts.ttl },
    });
    const lease = isJsonObject(answer.body) ? answer.body['lease_duration'] : undefined;
    const data = dataOf(answer.body);
    return fromEngine(data, data['ttl'] ?? lease, mounts.now());
  } finally {
    // Credentials of STS cannot be called back: their lease ends with the token, and takes nothing along.
    await client.request('POST', 'auth/token/revoke-self', { token }).catch(() => undefined);
  }
}

async function login(client: Client, proof: Proof, mount: string): Promise<string> {
  const { issuer, account, code, role, second } = proof;
  const answer = await client.request('POST', `auth/${mount}/login`, {
    body: {
      issuer,
      account,
      code,
      role,
      ...(second === undefined ? {} : { second_code: second.code }),
      ...(second === undefined || second.account === '' ? {} : { second_account: second.account }),
    },
  });
  const auth = isJsonObject(answer.body) ? answer.body['auth'] : undefined;
  const token = isJsonObject(auth) ? auth['client_token'] : undefined;
  if (typeof token !== 'string' || token === '')
    throw new CofferError('unavailable', 'the server answered the login without a token');
  return token;
}
