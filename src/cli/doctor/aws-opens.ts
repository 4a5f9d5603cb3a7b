/** Which secrets an identity at AWS opens: what the server in reach says to whoever logs in with it, for a moment. */
import { formatAddress } from '../../client/address.ts';
import { ApiError } from '../../client/wire-error.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { isJsonObject, type JsonValue } from '../../json.ts';
import { type AwsLoginOptions, signedProof } from '../aws-login.ts';
import { type ConnectionOptions, openServerSafe } from '../context.ts';
import { dataOf, listingType, type Safe } from '../safe.ts';
import type { Shell } from '../shell.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { patience } from './server-checks.ts';

/** The role of the method that a server of `--aws` has for everybody of its account. */
const usualRole = 'account';
/** Requests at most, one a folder; and names. */
const mostFolders = 200;
const mostNames = 1_000;

export interface Opened {
  readonly findings: readonly Finding[];
  /** The server that was asked; undefined where nobody answered. */
  readonly address: string | undefined;
  /** Role of the auth method by which the login was let in. */
  readonly role: string | undefined;
  /** Names in the order of the folders, as far as they were looked at; undefined where nobody could be asked. */
  readonly secrets: readonly string[] | undefined;
}

export type OpensOptions = ConnectionOptions & Omit<AwsLoginOptions, 'mfa-code-stdin'>;

/** Leaves nothing behind but lines in the audit log: the token is revoked at the end. Never rejects. */
export async function whatAwsOpens(shell: Shell, options: OpensOptions, named: boolean): Promise<Opened> {
  const nothing = { address: undefined, role: undefined, secrets: undefined };
  let safe: Safe;
  try {
    safe = openServerSafe(shell, options);
  } catch (error) {
    const finding = fail('server', asCofferError(error).message, 'put the address and the safe right');
    return { ...nothing, findings: [finding] };
  }
  using client = safe.client;
  const address = formatAddress(client.address);
  try {
    await client.request('GET', 'sys/seal-status', { signal: AbortSignal.timeout(patience) });
  } catch (error) {
    const message = `${address}: ${asCofferError(error).message}`;
    const absent = named
      ? fail('server', message, 'start it, or name another one with --address')
      : warn('server', `none in reach (${message})`, 'name the one that has the secrets: --address');
    return { ...nothing, findings: [absent] };
  }
  return { ...(await asked(shell, options, safe)), address };
}

async function asked(shell: Shell, options: OpensOptions, safe: Safe): Promise<Omit<Opened, 'address'>> {
  const none = { role: undefined, secrets: undefined };
  let login: { readonly token: string; readonly role: string | undefined };
  try {
    login = await logIn(shell, options, safe);
  } catch (error) {
    const { message } = asCofferError(error);
    const advice =
      'see which roles the method has (coffer api LIST auth/aws/role), and how the server wants to be named (--server-id)';
    return { ...none, findings: [fail('login', message, advice)] };
  }
  const { token, role } = login;
  const own = openServerSafe(shell, options, token);
  using client = own.client;
  try {
    return { role, ...(await opens(own)) };
  } catch (error) {
    const advice = `see that ${own.mount} is a mount of secrets that list who may read them`;
    return { role, secrets: undefined, findings: [fail('secrets', asCofferError(error).message, advice)] };
  } finally {
    await client.request('POST', 'auth/token/revoke-self').catch(() => undefined);
  }
}

/** By the role that was said; else by the one named like the identity, else by the one for all of the account. */
async function logIn(shell: Shell, options: OpensOptions, { client }: Safe) {
  const { path = 'aws', role } = options;
  const proof = await signedProof(shell, options);
  const roles = role === undefined ? [undefined, usualRole] : [role];
  let refusal: unknown;
  for (const each of roles) {
    const body = { ...(each === undefined ? {} : { role: each }), ...proof };
    try {
      const answer = await client.request('POST', `auth/${path}/login`, { body });
      return { token: tokenOf(answer.body), role: each };
    } catch (error) {
      refusal ??= error;
      if (!(error instanceof ApiError) || error.status !== 400) throw error;
    }
  }
  throw refusal;
}

function tokenOf(body: JsonValue | undefined): string {
  const auth = isJsonObject(body) && isJsonObject(body['auth']) ? body['auth'] : {};
  const token = auth['client_token'];
  if (typeof token === 'string' && token !== '') return token;
  throw new CofferError('unavailable', 'the login waits for a second factor, so nothing more is asked');
}

async function opens(safe: Safe): Promise<Pick<Opened, 'findings' | 'secrets'>> {
  const { mount } = safe;
  const type = await safe.type();
  if (type !== undefined && type !== listingType) {
    const message = `${mount} is of type ${type}: policies say who reads there, no lists`;
    return { secrets: undefined, findings: [warn('secrets', message, 'name another mount: --safe')] };
  }
  const names: string[] = [];
  const folders = [''];
  for (let count = 0; count < mostFolders && names.length <= mostNames; count++) {
    const folder = folders.shift();
    if (folder === undefined) break;
    for (const key of await keysOf(safe, folder)) {
      (key.endsWith('/') ? folders : names).push(folder + key);
    }
  }
  const all = folders.length === 0 && names.length <= mostNames;
  const shown = names.slice(0, mostNames);
  const count = `${all ? '' : 'more than '}${shown.length}`;
  const list =
    shown.length === 0 ? '' : `: ${shown.slice(0, 20).join(', ')}${shown.length > 20 ? ', …' : ''}`;
  return { secrets: shown, findings: [ok('secrets', `${count} in ${mount} list this identity${list}`)] };
}

async function keysOf({ client, mount }: Safe, folder: string): Promise<readonly string[]> {
  try {
    const answer = await client.request('LIST', `${mount}/metadata/${folder}`);
    const { keys } = dataOf(answer.body);
    return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
  } catch (error) {
    // A folder that is empty for this identity.
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}
