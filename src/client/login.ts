/** Logging in as a program, and keeping or ending the token. */
import { CofferError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { memberNumber, memberObject, memberText, memberTexts } from './answer.ts';
import type { Client } from './client.ts';

export interface Login {
  /** For `ClientOptions.token`; keep it out of logs. */
  readonly token: string;
  /** The token's harmless handle. */
  readonly accessor: string;
  readonly policies: readonly string[];
  /** Seconds until the token ends, unless it is renewed. */
  readonly leaseSeconds: number;
  readonly renewable: boolean;
}

export interface AppRoleLogin {
  readonly roleId: string;
  readonly secretId: string;
  /** Where the method is enabled: `approle` unless told. */
  readonly mount?: string | undefined;
}

export interface JwtLogin {
  /** The method's default role unless told. */
  readonly role?: string | undefined;
  readonly jwt: string;
  /** Where the method is enabled: `jwt` unless told; `kubernetes` for the token of a service account. */
  readonly mount?: string | undefined;
}

/** Logs in by AppRole. Throws `invalid_request` for ids that are not good, whatever is wrong with them. */
export function loginByAppRole(client: Client, login: AppRoleLogin): Promise<Login> {
  const { roleId, secretId, mount = 'approle' } = login;
  return logIn(client, `auth/${mount}/login`, { role_id: roleId, secret_id: secretId });
}

/** Logs in by a JWT that an issuer signed, or by the token of a service account. Throws `invalid_request` where it is not believed. */
export function loginByJwt(client: Client, { role, jwt, mount = 'jwt' }: JwtLogin): Promise<Login> {
  return logIn(client, `auth/${mount}/login`, { ...(role === undefined ? {} : { role }), jwt });
}

/** Renews the client's own token. Throws `permission_denied` once it has ended, and `invalid_request` where it cannot be renewed. */
export async function renewToken(client: Client): Promise<Login> {
  return loginOf((await client.request('POST', 'auth/token/renew-self')).body);
}

/** Ends the client's own token and all below it. */
export async function revokeToken(client: Client): Promise<void> {
  await client.request('POST', 'auth/token/revoke-self');
}

async function logIn(client: Client, path: string, body: JsonObject): Promise<Login> {
  return loginOf((await client.request('POST', path, { body })).body);
}

function loginOf(body: JsonValue | undefined): Login {
  const auth = memberObject(body, 'auth');
  const token = memberText(auth, 'client_token');
  if (token === '') {
    throw new CofferError(
      'permission_denied',
      'this login wants a second factor, which a program does not have',
    );
  }
  return {
    token,
    accessor: memberText(auth, 'accessor'),
    policies: memberTexts(auth, 'token_policies'),
    leaseSeconds: memberNumber(auth, 'lease_duration'),
    renewable: auth['renewable'] === true,
  };
}
