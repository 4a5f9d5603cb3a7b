import type { Client } from '../../client/client.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { connectAnonymously } from '../context.ts';
import { duration } from '../duration.ts';
import { type Login, shownLogin, trade } from '../login-trade.ts';
import { serverOptions } from '../options.ts';
import { systemReason } from '../private-file.ts';
import { readSecretLine } from '../prompt.ts';
import { dataOf } from '../safe.ts';
import { type Shell, variable } from '../shell.ts';
import { parseToken, readTokenFile, writeTokenFile } from '../token-file.ts';

const methodNames = ['token', 'approle', 'cert', 'userpass', 'oidc', 'jwt', 'kubernetes', 'aws'] as const;
type Method = (typeof methodNames)[number];

export const command = defineCommand({
  summary: 'Prove who you are and keep the token',
  details: [
    'METHOD is token (the default), approle, userpass, which takes the NAME of a user, cert, which takes the NAME of a ' +
      'role or none, oidc, jwt, kubernetes or aws. The token, the secret id of an approle, the password or the JWT is asked ' +
      'for without showing it, or read from standard input or a file: it is never an argument. The token that comes of ' +
      'it is kept in ~/.config/coffer/token for its owner only.',
    'oidc prints an address to log in at, opens a browser there if it can, and waits at http://localhost:8250/oidc/callback ' +
      'for its return. kubernetes takes the token of the pod that it runs in. aws signs with the identity that the AWS command line would ' +
      'have (environment, profile, instance), and its keys stay here.',
    'Where the server wants a one-time code besides, it is asked for too.',
  ],
  operands: { METHOD: 'optional', NAME: 'optional' },
  options: {
    method: {
      type: 'text',
      value: 'METHOD',
      choices: methodNames,
      help: 'the same as METHOD',
    },
    path: { type: 'text', value: 'PATH', help: 'where the method is enabled, if not at its own name' },
    'role-id': { type: 'text', value: 'ID', help: "the approle's id" },
    'secret-id-file': { type: 'text', value: 'FILE', help: "read the approle's secret id from FILE" },
    'mfa-code-stdin': {
      type: 'flag',
      help: 'read a one-time code from standard input, on a line behind what else comes that way',
    },
    role: {
      type: 'text',
      value: 'ROLE',
      help: 'role of oidc, jwt, kubernetes and aws, if not the default one',
    },
    'jwt-file': { type: 'text', value: 'FILE', help: 'read the JWT of jwt and kubernetes from FILE or -' },
    region: { type: 'text', value: 'REGION', help: 'of the STS that aws signs for (AWS_REGION; us-east-1)' },
    'server-id': {
      type: 'text',
      value: 'TEXT',
      help: 'what aws signs for a server that wants to be named (coffer-server)',
    },
    port: { type: 'integer', value: 'PORT', help: 'where oidc waits for the browser (8250)' },
    'skip-browser': { type: 'flag', help: 'oidc opens no browser' },
    'no-store': { type: 'flag', help: 'print the token in place of keeping it' },
    ...serverOptions,
  },
  examples: [
    'coffer login',
    'coffer login userpass alice',
    'coffer login approle --role-id web < secret-id',
    'coffer login cert --client-cert web.pem --client-key web.key',
    'coffer login oidc --role people',
    'coffer login jwt --role build --jwt-file id-token',
    'coffer login aws --role web',
  ],
  async run({ options, operands }, shell) {
    const method = chosenMethod(operands.METHOD, options.method);
    if (method !== 'userpass' && method !== 'cert' && operands.NAME !== undefined) {
      throw usageError('login', `${method} takes no NAME`);
    }
    const client = connectAnonymously(shell, options);
    const login = await methods[method](shell, client, { ...options, name: operands.NAME });
    if (options['no-store']) {
      if (shell.ui.format === 'json') shell.ui.json({ ...login.who, token: login.token });
      else shell.ui.text(`${login.token}\n`);
      return;
    }
    writeTokenFile(shell.places.tokenFile, login.token);
    if (shell.ui.format === 'json') shell.ui.json(login.who);
    shell.ui.talk(sentence(login.who));
    warnOfShadowing(shell);
  },
});

function chosenMethod(operand: string | undefined, option: string | undefined): Method {
  if (operand !== undefined && option !== undefined && operand !== option) {
    throw usageError('login', 'METHOD and --method name different methods');
  }
  const method = operand ?? option ?? 'token';
  const known = methodNames.find((name) => name === method);
  // The word is not repeated: it may be a token.
  if (known === undefined) throw usageError('login', `METHOD is one of ${methodNames.join(', ')}`);
  return known;
}

interface LoginOptions {
  readonly name: string | undefined;
  readonly path: string | undefined;
  readonly 'role-id': string | undefined;
  readonly 'secret-id-file': string | undefined;
  readonly 'token-file': string | undefined;
  readonly 'client-cert': string | undefined;
  readonly 'mfa-code-stdin': boolean | undefined;
  readonly role: string | undefined;
  readonly 'jwt-file': string | undefined;
  readonly region: string | undefined;
  readonly 'server-id': string | undefined;
  readonly port: number | undefined;
  readonly 'skip-browser': boolean;
}

const methods = {
  token: loginByToken,
  approle: loginByAppRole,
  cert: loginByCertificate,
  userpass: loginByPassword,
  oidc: async (shell, client, options) =>
    (await import('../browser-login.ts')).loginByBrowser(shell, client, options),
  jwt: async (shell, client, options) =>
    (await import('../signed-login.ts')).loginByJwt(shell, client, options),
  kubernetes: async (shell, client, options) =>
    (await import('../signed-login.ts')).loginByKubernetes(shell, client, options),
  aws: async (shell, client, options) => (await import('../aws-login.ts')).loginByAws(shell, client, options),
} satisfies Record<Method, (shell: Shell, client: Client, options: LoginOptions) => Promise<Login>>;

async function loginByToken(shell: Shell, client: Client, options: LoginOptions): Promise<Login> {
  const token = await givenToken(shell, options['token-file']);
  const data = dataOf((await client.request('GET', 'auth/token/lookup-self', { token })).body);
  return { token, who: shownLogin(data, data['ttl']) };
}

async function givenToken(shell: Shell, file: string | undefined): Promise<string> {
  if (file === undefined || file === '-')
    return parseToken(await readSecretLine(shell, 'token'), 'the answer');
  const token = readTokenFile(file);
  if (token === undefined) throw new CofferError('usage', `there is no token file ${file}`);
  return token;
}

async function loginByAppRole(shell: Shell, client: Client, options: LoginOptions): Promise<Login> {
  const roleId = options['role-id'];
  if (roleId === undefined) throw usageError('login', 'approle needs --role-id');
  const secretId = await givenSecretId(shell, options['secret-id-file']);
  return trade(shell, client, options, `auth/${options.path ?? 'approle'}/login`, {
    role_id: roleId,
    ...(secretId === '' ? {} : { secret_id: secretId }),
  });
}

/** The password is sent as it was entered: not trimmed, whatever it begins or ends with. */
async function loginByPassword(shell: Shell, client: Client, options: LoginOptions): Promise<Login> {
  const { name } = options;
  if (name === undefined) throw usageError('login', 'userpass needs the NAME of a user');
  const password = await readSecretLine(shell, 'password');
  if (password === '') throw new CofferError('usage', 'no password was given');
  return trade(shell, client, options, `auth/${options.path ?? 'userpass'}/login/${name}`, { password });
}

/** The proof is the connection itself: its certificate is shown by whichever command has one. */
async function loginByCertificate(shell: Shell, client: Client, options: LoginOptions): Promise<Login> {
  const named =
    options['client-cert'] ??
    variable(shell.env, 'COFFER_CLIENT_CERT') ??
    variable(shell.env, 'VAULT_CLIENT_CERT');
  if (named === undefined) throw usageError('login', 'cert needs --client-cert and --client-key');
  if (client.address.protocol !== 'https:') {
    throw new CofferError('usage', 'a certificate is shown over TLS only: the address begins with https://');
  }
  const { name } = options;
  return trade(
    shell,
    client,
    options,
    `auth/${options.path ?? 'cert'}/login`,
    name === undefined ? {} : { name },
  );
}

/** Empty for a role that asks for none. */
async function givenSecretId(shell: Shell, file: string | undefined): Promise<string> {
  if (file === undefined || file === '-') return (await readSecretLine(shell, 'secret id')).trim();
  const { readFileSync } = await import('node:fs');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CofferError('usage', `cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
}

function sentence(who: JsonObject): string {
  const policies = Array.isArray(who['policies']) ? who['policies'].join(', ') : '';
  const name = who['display_name'] === '' ? '' : ` as ${String(who['display_name'])}`;
  const ttl = Number(who['ttl']);
  return `logged in${name}; policies: ${policies}; the token ${ttl === 0 ? 'does not expire' : `lasts ${duration(ttl)}`}`;
}

/** A variable wins over the kept token: then this login would seem to have had no effect. */
function warnOfShadowing(shell: Shell): void {
  for (const name of ['COFFER_TOKEN', 'VAULT_TOKEN']) {
    if (variable(shell.env, name) !== undefined)
      shell.ui.warn(`${name} is set and wins over the token kept now`);
  }
}
