/** The action for GitHub, run as a runner runs it: variables, files and commands, against a server and a provider of tokens. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startWire } from '../../src/client/wire.fixture.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  type Place,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { json, OidcProvider } from '../fakes/oidc-provider.ts';
import { root } from './released-package.ts';
import { checkSchema } from './schemas.ts';

const folder = join(root, 'deploy/github-action');
const action = parse(readFileSync(join(folder, 'action.yml'), 'utf8')) as {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required: boolean }>>;
  readonly runs: { readonly main: string; readonly post: string; readonly using: string };
};
const multiline = '-----BEGIN KEY-----\n  YWJj\nZGVm % 100\n-----END KEY-----\n';
const runnerCredential = 'credential-of-the-runner';

const temporary = mkdtempSync(join(tmpdir(), 'coffer-action-'));
let place: Place;
let server: ServerProcess;
let provider: OidcProvider;
let issuer: Server;
let admin: Readonly<Record<string, string>>;
/** What the job is, as GitHub signs it. */
let claims: Record<string, unknown> = {};

beforeAll(async () => {
  place = freshPlace();
  [server, provider] = await Promise.all([
    startServer(place, { words: ['--init'] }),
    new OidcProvider({ now: Date.now }).open(),
  ]);
  issuer = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://runner');
    if (request.headers.authorization !== `Bearer ${runnerCredential}`) return json(response, 401, {});
    void provider
      .sign({ aud: url.searchParams.get('audience'), sub: 'repo:shop/web', ...claims })
      .then((value) => json(response, 200, { value }));
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  const [token = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
  admin = {
    COFFER_ADDR: server.address,
    COFFER_TOKEN: readFileSync(join(place.config, token), 'utf8').trim(),
  };
  await coffer(['policy', 'write', 'build', '-'], 'path "secret/data/shop/*" { capabilities = ["read"] }');
  await coffer(['auth', 'enable', 'jwt']);
  await coffer(['api', 'POST', 'auth/jwt/config', `oidc_discovery_url=${provider.issuer}`]);
  const role = ['role_type=jwt', 'user_claim=sub', 'bound_audiences=coffer', 'token_policies=build'];
  const bound = 'bound_claims={"repository": "shop/web", "ref": "refs/heads/main"}';
  await coffer(['api', 'POST', 'auth/jwt/role/build', ...role, bound]);
  const secret = {
    data: { password: 's3cret: $x', key: multiline, nested: { inner: 'deep-secret', on: true } },
  };
  await coffer(['api', 'POST', 'secret/data/shop/database', '-'], JSON.stringify(secret));
});

afterAll(async () => {
  rmSync(temporary, { recursive: true, force: true });
  issuer?.close();
  await provider?.close();
  await cleanUp();
});

async function coffer(words: readonly string[], stdin?: string): Promise<string> {
  const outcome = await cli(place, words, { env: admin, ...(stdin === undefined ? {} : { stdin }) });
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout;
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly masked: ReadonlySet<string>;
  readonly outputs: ReadonlyMap<string, string>;
  readonly variables: ReadonlyMap<string, string>;
  readonly state: ReadonlyMap<string, string>;
}

/** One run as the runner does it: inputs by variables, files of its own, commands on standard output. */
async function run(
  inputs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
  program = action.runs.main,
): Promise<Ran> {
  const files = mkdtempSync(join(temporary, 'run-'));
  const file = (name: string) => join(files, name);
  for (const name of ['output', 'env', 'state']) writeFileSync(file(name), '');
  const given: Record<string, string> = {};
  for (const [name, { default: standard = '' }] of Object.entries(action.inputs)) {
    given[`INPUT_${name.toUpperCase()}`] = inputs[name] ?? standard;
  }
  const outcome = await runProgram(process.execPath, [join(folder, program)], {
    ...given,
    GITHUB_OUTPUT: file('output'),
    GITHUB_ENV: file('env'),
    GITHUB_STATE: file('state'),
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token?api-version=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: runnerCredential,
    ...env,
  });
  expect(outcome.stderr).toBe('');
  const masks = [...outcome.stdout.matchAll(/^::add-mask::(.*)$/gm)].map(([, text = '']) => text);
  return {
    code: outcome.code,
    stdout: outcome.stdout,
    masked: new Set(
      masks.map((text) => text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')),
    ),
    outputs: handed(file('output')),
    variables: handed(file('env')),
    state: handed(file('state')),
  };
}

/** As the runner reads its files. */
function handed(file: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let rest = readFileSync(file, 'utf8');
  while (rest !== '') {
    const [head = '', name = '', end = ''] = /^(\w+)<<(\S+)\n/.exec(rest) ?? [];
    expect(head).not.toBe('');
    const close = rest.indexOf(`\n${end}\n`, head.length - 1);
    found.set(name, rest.slice(head.length, close));
    rest = rest.slice(close + end.length + 2);
  }
  return found;
}

const ours = { repository: 'shop/web', ref: 'refs/heads/main' };
const inputs = () => ({
  url: server.address,
  role: 'build',
  secrets: 'secret/data/shop/database password | DB_PASSWORD',
});

it('is described as GitHub wants it', () => {
  expect(checkSchema('vendor.github-actions', [join(folder, 'action.yml')])).toBe('');
  expect(action.runs.main).toBe(action.runs.post);
});

it('threat 16: hands on what was asked for, and masks each line before anything is handed on', async () => {
  claims = ours;
  const secrets = `# of the shop
    secret/data/shop/database password | DB_PASSWORD
    secret/data/shop/database key | DB_KEY ;
    secret/data/shop/database nested | DB_NESTED`;
  const ran = await run({ ...inputs(), secrets });
  expect(ran).toMatchObject({ code: 0 });
  expect(Object.fromEntries(ran.outputs)).toEqual({
    DB_PASSWORD: 's3cret: $x',
    DB_KEY: multiline,
    DB_NESTED: '{"inner":"deep-secret","on":true}',
  });
  expect(ran.variables.size).toBe(0);
  for (const line of ['s3cret: $x', '-----BEGIN KEY-----', '  YWJj', 'YWJj', 'ZGVm % 100', 'deep-secret']) {
    expect(ran.masked).toContain(line);
  }
  expect(ran.masked).not.toContain('true');
  // Nothing but masks holds any of it.
  const others = ran.stdout.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  expect(others).toEqual(['read 3 secrets', '']);
  expect(Object.fromEntries(ran.state)).toEqual({ done: 'true' });
});

it('threat 16: what cannot be handed on was masked before that was tried', async () => {
  claims = ours;
  const ran = await run(inputs(), { GITHUB_OUTPUT: '' });
  expect(ran.code).toBe(1);
  expect(ran.masked).toContain('s3cret: $x');
  expect(ran.stdout).toContain('::error::GITHUB_OUTPUT is not set');
});

it('threat 18: the token is revoked as soon as everything is read', async () => {
  claims = ours;
  const ran = await run({ ...inputs(), 'export-env': 'true' });
  expect(ran.variables.get('DB_PASSWORD')).toBe('s3cret: $x');
  const token = [...ran.masked].find((text) => text.startsWith('hvs.')) ?? '';
  expect(token).not.toBe('');
  const looked = await fetch(`${server.address}/v1/auth/token/lookup-self`, {
    headers: { 'X-Vault-Token': token },
  });
  expect(looked.status).toBe(403);
  // The run at the job's end has nothing to do.
  const post = await run(inputs(), { STATE_done: 'true' }, action.runs.post);
  expect(post).toMatchObject({ code: 0, stdout: '' });
});

it('threat 18: a token that was kept for its leases is revoked as the job ends', async () => {
  const made = JSON.parse(await coffer(['api', 'POST', 'auth/token/create', 'policies=build'])) as {
    readonly auth: { readonly client_token: string };
  };
  const token = made.auth.client_token;
  expect(await run(inputs(), { STATE_done: 'true', STATE_token: token }, action.runs.post)).toMatchObject({
    code: 0,
    stdout: '',
  });
  const looked = await fetch(`${server.address}/v1/auth/token/lookup-self`, {
    headers: { 'X-Vault-Token': token },
  });
  expect(looked.status).toBe(403);
});

it('threat 18: a token that leases hang on lives as long as the job, and no longer', async () => {
  claims = ours;
  await using wire = await startWire(({ url }) => {
    if (url === '/v1/auth/jwt/login') return { body: { auth: { client_token: 'hvs.of-the-job' } } };
    if (url === '/v1/database/creds/app')
      return { body: { lease_id: 'database/creds/app/1', data: { password: 'x1' } } };
    return {};
  });
  const leased = { url: wire.address, role: 'build', secrets: 'database/creds/app password | DB_PASSWORD' };
  const ran = await run(leased);
  expect(ran).toMatchObject({ code: 0, outputs: new Map([['DB_PASSWORD', 'x1']]) });
  expect(wire.seen.map(({ url }) => url)).not.toContain('/v1/auth/token/revoke-self');
  expect(ran.masked).toContain('hvs.of-the-job');
  const state = Object.fromEntries([...ran.state].map(([name, value]) => [`STATE_${name}`, value]));
  expect(await run(leased, state, action.runs.post)).toMatchObject({ code: 0, stdout: '' });
  const last = wire.seen.at(-1);
  expect(last).toMatchObject({ method: 'POST', url: '/v1/auth/token/revoke-self' });
  expect(last?.headers['x-vault-token']).toBe('hvs.of-the-job');
});

it('threat 24: the build of another repository, branch or audience gets nothing', async () => {
  for (const wrong of [
    { ...ours, repository: 'shop/evil' },
    { ...ours, ref: 'refs/heads/x' },
    { ...ours, aud: 'other' },
  ]) {
    claims = wrong;
    const ran = await run(inputs());
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^::error::the login was refused: /m);
    expect(ran.outputs.size).toBe(0);
  }
});

it('of several secrets all are handed on or none', async () => {
  claims = ours;
  const first = 'secret/data/shop/database password | A';
  for (const [second, said] of [
    ['secret/data/shop/database nothing | B', 'shop/database has no field nothing'],
    ['secret/data/shop/database __proto__ | B', 'shop/database has no field __proto__'],
    ['secret/data/other/database password | B', 'cannot be read: '],
    ['secret/data/shop/none password | B', 'cannot be read: status 404'],
  ]) {
    const ran = await run({ ...inputs(), secrets: `${first}\n${second}` });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain(said);
    expect(ran.outputs.size).toBe(0);
    expect(ran.stdout.replaceAll(/^::add-mask::.*$/gm, '')).not.toContain('s3cret');
  }
});

it.each<readonly [string, Readonly<Record<string, string>>, string]>([
  ['http to another machine', { url: 'http://coffer.example.com' }, 'url must look like'],
  ['a password in the address', { url: 'https://u:hidden-pw@x' }, 'url must have no user'],
  ['nothing to read', { secrets: '\n# none\n' }, 'secrets names none'],
  ['a line that is none', { secrets: 'secret/data/x password' }, 'PATH FIELD | NAME'],
  ['a path that leads elsewhere', { secrets: 'secret/../sys/x a | A' }, '".."'],
  ['a name twice', { secrets: 'secret/data/a b | X\nsecret/data/c d | x' }, 'named twice'],
  ['a switch that is none', { 'export-env': 'yes' }, 'export-env must be true or false'],
])('refuses %s', async (_, change, said) => {
  const ran = await run({ ...inputs(), ...change });
  expect(ran.code).toBe(1);
  expect(ran.stdout).toContain(said);
  expect(ran.stdout).not.toContain('hidden-pw');
  expect(ran.outputs.size).toBe(0);
});

it.each(['PATH', 'NODE_OPTIONS', 'LD_PRELOAD', 'BASH_ENV', 'GITHUB_TOKEN'])(
  'threat 19: %s is no name for a secret, since later steps run what it says',
  async (name) => {
    const ran = await run({ ...inputs(), secrets: `secret/data/shop/database password | ${name}` });
    expect(ran.stdout).toContain(`${name} is no name for a secret`);
    expect(ran.code).toBe(1);
  },
);

it('says what is missing where a job has no identity', async () => {
  const ran = await run(inputs(), { ACTIONS_ID_TOKEN_REQUEST_URL: '' });
  expect(ran.stdout).toBe('::error::the job has no identity: give it "permissions: { id-token: write }"\n');
});
