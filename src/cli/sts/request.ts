/** Who asks for the credentials of which role, and how they are got. */
import { createHash } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import type { ConnectionOptions } from '../context.ts';
import { connectAnonymously } from '../context.ts';
import type { Shell } from '../shell.ts';
import { keep, readKept } from './cache.ts';
import { codeFrom } from './codes.ts';
import type { Credentials } from './credentials.ts';
import { mountPath, type Person, personOf, segment, setting } from './settings.ts';

export interface GetOptions extends ConnectionOptions {
  readonly issuer: string | undefined;
  readonly 'account-name': string | undefined;
  readonly role: string | undefined;
  readonly endpoint: string | undefined;
  readonly 'secondary-authorizer': string | undefined;
  readonly 'second-device': boolean;
  readonly 'totp-code': string | undefined;
  readonly 'secondary-totp-code': string | undefined;
  readonly ttl: string | undefined;
  readonly path: string | undefined;
  readonly 'aws-path': string | undefined;
  readonly 'no-cache': boolean;
}

export interface Proof extends Person {
  readonly role: string;
  readonly code: string;
  /** Without an account where the code is of another device of the same person. */
  readonly second: { readonly account: string; readonly code: string } | undefined;
}

/** Credentials kept from an earlier call while they last for five minutes more, else new ones for codes. */
export async function obtain(shell: Shell, options: GetOptions): Promise<Credentials> {
  const person = personOf(options, shell.env);
  const role = setting(options.role, shell.env, 'STS_ROLE');
  if (role === undefined) throw new CofferError('usage', '--role is missing, or STS_ROLE');
  const endpoint = setting(options.endpoint, shell.env, 'STS_ENDPOINT');
  const subject = subjectOf(shell, options, endpoint, { ...person, role });
  const hasCode = options['totp-code'] !== undefined;
  if (!options['no-cache'] && !hasCode) {
    const kept = await readKept(shell, subject);
    if (kept !== undefined) return kept;
  }
  const proof = await prove(shell, options, { ...person, role });
  const credentials = await askFor(shell, options, endpoint, proof);
  if (!options['no-cache']) await keep(shell, subject, credentials);
  return credentials;
}

async function prove(shell: Shell, options: GetOptions, who: Person & { role: string }): Promise<Proof> {
  const named = setting(options['secondary-authorizer'], shell.env, 'STS_SECONDARY_ACCOUNT_NAME');
  if (named !== undefined && options['second-device'])
    throw new CofferError('usage', '--second-device and --secondary-authorizer do not go together');
  const code = await codeFrom(shell, options['totp-code'], 'one-time code');
  const given = options['secondary-totp-code'];
  if (named === undefined && !options['second-device'] && given === undefined)
    return { ...who, code, second: undefined };
  const account = named === undefined ? '' : segment(named, '--secondary-authorizer');
  const whose = account === '' ? 'one-time code of another device' : `one-time code of ${account}`;
  return { ...who, code, second: { account, code: await codeFrom(shell, given, whose) } };
}

async function askFor(
  shell: Shell,
  options: GetOptions,
  endpoint: string | undefined,
  proof: Proof,
): Promise<Credentials> {
  if (endpoint !== undefined) {
    const { askEndpoint } = await import('./old-endpoint.ts');
    return askEndpoint(endpoint, proof, caFile(options, shell));
  }
  const { askServer } = await import('./server-credentials.ts');
  return askServer(connectAnonymously(shell, options), proof, {
    auth: mountPath(options.path, 'totp'),
    engine: mountPath(options['aws-path'], 'aws'),
    ttl: options.ttl,
    now: () => shell.now(),
  });
}

function caFile(options: GetOptions, shell: Shell): string | undefined {
  return (
    setting(options['ca-cert'], shell.env, 'COFFER_CACERT') ?? setting(undefined, shell.env, 'VAULT_CACERT')
  );
}

/** What is kept belongs to one server, one account and one role; the digest names it without saying them. */
function subjectOf(
  shell: Shell,
  options: GetOptions,
  endpoint: string | undefined,
  { issuer, account, role }: Person & { readonly role: string },
): string {
  const { address } = connectAnonymously(shell, options);
  const where =
    endpoint ??
    [
      address.protocol,
      address.host,
      address.basePath,
      options.path ?? 'totp',
      options['aws-path'] ?? 'aws',
    ].join(' ');
  return createHash('sha256')
    .update(JSON.stringify([where, options.namespace ?? '', issuer, account, role, options.ttl ?? '']))
    .digest('hex');
}
