/** A login with whatever identity there is at AWS: a request to STS that is signed here and sent by the server. */
import type { Client } from '../client/client.ts';
import { homeNames, usualName } from '../config/aws-home.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { type Login, trade } from './login-trade.ts';
import type { Shell } from './shell.ts';

/**
 * What a server wants to be called that `coffer server --aws` has set up and nobody has named. Others take no notice of it, or want
 * another name; and what was signed for one that checks none is good for no other one that does.
 */
const usualServerId = homeNames(usualName).serverId;

export interface AwsLoginOptions {
  readonly role: string | undefined;
  readonly path: string | undefined;
  readonly region: string | undefined;
  readonly 'server-id': string | undefined;
  readonly 'mfa-code-stdin': boolean | undefined;
}

export async function loginByAws(shell: Shell, client: Client, options: AwsLoginOptions): Promise<Login> {
  const { role, path = 'aws' } = options;
  const proof = await signedProof(shell, options);
  return trade(shell, client, options, `auth/${path}/login`, {
    ...(role === undefined ? {} : { role }),
    ...proof,
  });
}

/**
 * The fields of a login that prove who signs. Throws `usage` for options that cannot be; rejects with `AwsError` where nobody can
 * sign.
 */
export async function signedProof(
  { env }: Pick<Shell, 'env'>,
  { region, 'server-id': serverId = usualServerId }: Pick<AwsLoginOptions, 'region' | 'server-id'>,
): Promise<JsonObject> {
  if (region !== undefined && !/^[a-z]{2}[a-z0-9-]{1,40}$/.test(region))
    throw new CofferError('usage', '--region is a word such as eu-central-1');
  if (!/^[!-~]{1,255}$/.test(serverId))
    throw new CofferError('usage', '--server-id is printable text without spaces');
  const { signIdentityRequest } = await import('../aws/signed-identity.ts');
  const request = await signIdentityRequest(
    { env, ...(region === undefined ? {} : { region }) },
    { 'X-Vault-AWS-IAM-Server-ID': serverId },
  );
  const lists = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, [value]]));
  return {
    iam_http_request_method: request.method,
    iam_request_url: base64(request.url),
    iam_request_body: base64(request.body),
    iam_request_headers: base64(JSON.stringify(lists)),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
