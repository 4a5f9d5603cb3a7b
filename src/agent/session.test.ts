import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import { openClient } from '../client/client.ts';
import { type Reply, type Seen, startWire, type TestServer } from '../client/wire.fixture.ts';
import type { JsonObject } from '../json.ts';
import { type LevelledLogger, openLogger } from '../log.ts';
import { systemFiles } from './files.ts';
import type { LoginSettings } from './login-settings.ts';
import { Session } from './session.ts';

let directory: string;
let server: TestServer;
let clock: HandClock;
let lines: string[];
let log: LevelledLogger;
/** Tokens that the server knows; the answer to each request is a test's to say. */
let answers: Record<string, (seen: Seen) => Reply>;
let logins: number;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coffer-agent-'));
  writeFileSync(join(directory, 'role-id'), 'the-role\n');
  writeFileSync(join(directory, 'secret-id'), 'the-secret-id\n');
  clock = new HandClock();
  lines = [];
  log = openLogger({ level: 'debug', terminal: false, write: (line) => lines.push(line) });
  logins = 0;
  answers = {
    '/v1/auth/approle/login': () => ({ body: { auth: authOf(`hvs.token-number-${++logins}`, 3600) } }),
    '/v1/auth/token/renew-self': (seen) => ({
      body: { auth: authOf(String(seen.headers['x-vault-token']), 3600) },
    }),
    '/v1/auth/token/lookup-self': () => ({ body: { data: { ttl: 3600, renewable: true, accessor: 'a' } } }),
    '/v1/secret': () => ({ body: { data: { fine: true } } }),
  };
  server = await startWire((seen) => answers[seen.url]?.(seen) ?? { status: 404, body: { errors: [] } });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const authOf = (token: string, seconds: number, renewable = true): JsonObject => ({
  client_token: token,
  accessor: 'its-accessor',
  token_policies: ['app'],
  lease_duration: seconds,
  renewable,
});

const denied = (): Reply => ({ status: 403, body: { errors: ['permission denied'] } });
const sealed = (): Reply => ({ status: 503, body: { errors: ['Vault is sealed'] } });

function open(more: Partial<LoginSettings & { method: 'approle' }> = {}, jitter = 0): Session {
  const settings: LoginSettings = {
    method: 'approle',
    mount: 'approle',
    roleIdFile: join(directory, 'role-id'),
    secretIdFile: join(directory, 'secret-id'),
    removeSecretId: false,
    ...more,
  };
  return openWith(settings, jitter);
}

function openWith(settings: LoginSettings, jitter = 0): Session {
  return new Session(settings, {
    clock,
    jitter: () => jitter,
    files: systemFiles,
    log,
    openClient: (token) => openClient({ address: server.address, token }),
    awsProof: async (region, serverId) => ({ iam_request_url: `${region} ${serverId}` }),
  });
}

const ask = (session: Session) => session.ask(async (client) => (await client.request('GET', 'secret')).body);
const asked = (path: string) => server.seen.filter(({ url }) => url === `/v1/${path}`);

describe('the token of an agent', () => {
  it('is got once, whoever asks, and goes with each request', async () => {
    using session = open();
    await Promise.all([ask(session), ask(session)]);
    await ask(session);
    expect(asked('auth/approle/login').map(({ body }) => body)).toEqual([
      '{"role_id":"the-role","secret_id":"the-secret-id"}',
    ]);
    expect(asked('secret').map(({ headers }) => headers['x-vault-token'])).toEqual(
      Array.from({ length: 3 }, () => 'hvs.token-number-1'),
    );
    expect(session.state).toEqual({ accessor: 'its-accessor', endsAt: clock.now() + 3_600_000 });
  });

  it('is renewed before it ends, not by all agents at once', async () => {
    const dues = [];
    for (const jitter of [0, 1]) {
      using session = open({}, jitter);
      await ask(session);
      dues.push(((session.dueAt ?? 0) - clock.now()) / 3_600_000);
    }
    expect(dues).toEqual([0.55, 0.75]);
    using session = open();
    await ask(session);
    await session.keep();
    expect(asked('auth/token/renew-self')).toHaveLength(0);
    clock.advance(1_981);
    await session.keep();
    expect(asked('auth/token/renew-self')).toHaveLength(1);
    expect(session.state?.endsAt).toBe(clock.now() + 3_600_000);
    await session.keep();
    expect(asked('auth/token/renew-self')).toHaveLength(1);
  });

  it('near its last end gives way to a new one', async () => {
    answers['/v1/auth/token/renew-self'] = () => ({ body: { auth: authOf('hvs.token-number-1', 1_000) } });
    using session = open();
    await ask(session);
    clock.advance(2_000);
    await session.keep();
    await ask(session);
    expect(asked('secret').at(-1)?.headers['x-vault-token']).toBe('hvs.token-number-2');
  });

  it('is used on while nobody renews it, until its end; then there is a login', async () => {
    using session = open();
    await ask(session);
    answers['/v1/auth/token/renew-self'] = sealed;
    clock.advance(2_000);
    await session.keep();
    const again = session.dueAt ?? 0;
    expect(again - clock.now()).toBe(5_000);
    await ask(session);
    clock.advance(1_601);
    await ask(session);
    expect(asked('secret').map(({ headers }) => headers['x-vault-token'])).toEqual([
      'hvs.token-number-1',
      'hvs.token-number-1',
      'hvs.token-number-2',
    ]);
  });

  it('that was ended is told from a refusal: one login, and no other where a policy says no', async () => {
    using session = open();
    await ask(session);
    answers['/v1/secret'] = denied;
    await expect(ask(session)).rejects.toMatchObject({ code: 'permission_denied' });
    expect(logins).toBe(1);
    const isOld = (seen: Seen) => seen.headers['x-vault-token'] === 'hvs.token-number-1';
    answers['/v1/auth/token/lookup-self'] = (seen) => (isOld(seen) ? denied() : { body: { data: {} } });
    answers['/v1/secret'] = (seen) => (isOld(seen) ? denied() : { body: { data: {} } });
    await ask(session);
    expect(logins).toBe(2);
  });

  it('is refused as refused, and away as away', async () => {
    answers['/v1/auth/approle/login'] = () => ({
      status: 400,
      body: { errors: ['invalid role or secret ID'] },
    });
    await expect(ask(open())).rejects.toMatchObject({ code: 'permission_denied' });
    answers['/v1/auth/approle/login'] = sealed;
    await expect(ask(open())).rejects.toMatchObject({ code: 'sealed' });
    rmSync(join(directory, 'role-id'));
    await expect(ask(open())).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('role-id'),
    });
    writeFileSync(join(directory, 'role-id'), '\n');
    await expect(ask(open())).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('empty'),
    });
  });

  it('of a secret id that is taken away: after a login that went well, and not before', async () => {
    const file = join(directory, 'secret-id');
    const login = answers['/v1/auth/approle/login'];
    answers['/v1/auth/approle/login'] = sealed;
    using session = open({ removeSecretId: true });
    await expect(ask(session)).rejects.toMatchObject({ code: 'sealed' });
    expect(existsSync(file)).toBe(true);
    if (login !== undefined) answers['/v1/auth/approle/login'] = login;
    await ask(session);
    expect(existsSync(file)).toBe(false);
    clock.advance(4_000);
    await ask(session);
    expect(logins).toBe(2);
  });

  it('comes from a file, with the end that the server knows', async () => {
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, 'hvs.token-of-a-file\n');
    using session = openWith({ method: 'token', tokenFile });
    await ask(session);
    expect(session.state).toEqual({ accessor: 'a', endsAt: clock.now() + 3_600_000 });
    expect(asked('secret')[0]?.headers['x-vault-token']).toBe('hvs.token-of-a-file');
  });

  it('comes for a JWT, and for an identity at AWS', async () => {
    answers['/v1/auth/ci/login'] = () => ({ body: { auth: authOf('hvs.token-of-a-jwt', 60) } });
    answers['/v1/auth/aws/login'] = () => ({ body: { auth: authOf('hvs.token-of-a-role', 60) } });
    const jwtFile = join(directory, 'jwt');
    writeFileSync(jwtFile, 'a.b.c');
    await ask(openWith({ method: 'jwt', mount: 'ci', role: 'app', jwtFile }));
    await ask(
      openWith({ method: 'aws', mount: 'aws', role: undefined, region: 'eu-west-1', serverId: 'server' }),
    );
    expect(server.seen.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body))).toEqual(
      [{ role: 'app', jwt: 'a.b.c' }, { iam_request_url: 'eu-west-1 server' }],
    );
  });
});

it('threat 16: the log holds neither token nor what was shown for it', async () => {
  using session = open({ removeSecretId: true });
  await ask(session);
  clock.advance(2_000);
  await session.keep();
  answers['/v1/auth/token/renew-self'] = denied;
  answers['/v1/auth/approle/login'] = denied;
  clock.advance(2_000);
  await session.keep();
  expect(lines.length).toBeGreaterThan(3);
  for (const secret of ['token-number', 'the-secret-id', 'the-role'])
    expect(lines.join('')).not.toContain(secret);
});

it('threat 17: the token goes to the server of the configuration, and not where that one points', async () => {
  await using other = await startWire(() => ({ body: {} }));
  answers['/v1/secret'] = () => ({ status: 307, headers: { Location: `${other.address}/v1/secret` } });
  using session = open();
  await expect(ask(session)).rejects.toMatchObject({ code: 'unavailable' });
  expect(other.seen).toEqual([]);
});
