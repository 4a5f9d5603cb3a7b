/**
 * An application's credentials, from its registration to a rotation that it does not notice: the team says where they go, an agent on the
 * application's host fetches them, berry fetches them out of S3, and the application gets access tokens all the while.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { makeBucket } from '../fakes/faulty-s3.ts';
import { type Moto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  runProgram,
  type ServerProcess,
  startCli,
  startServer,
} from './server-process.ts';

const bucket = 'org-stups-mint-123456789012-eu-central-1';
const application = 'shop';

let moto: Moto | undefined;
let server: ServerProcess;
let rootToken = '';
/** Of somebody in the team that owns the application. */
let ann = '';
const place = freshPlace();
const host = freshPlace();

async function ask(method: string, path: string, body?: object, token = rootToken): Promise<JsonObject> {
  const response = await fetch(`${server.address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Token': token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as JsonObject);
}

const dataOf = async (path: string, token?: string) =>
  (await ask('GET', path, undefined, token))['data'] as JsonObject;

async function logIn(name: string): Promise<{ readonly token: string; readonly entity: string }> {
  const { auth } = (await ask(
    'POST',
    `auth/userpass/login/${name}`,
    { password: 'a long password' },
    '',
  )) as {
    readonly auth: { readonly client_token: string; readonly entity_id: string };
  };
  return { token: auth.client_token, entity: auth.entity_id };
}

interface Status {
  readonly password: { readonly step: string; readonly generation: number; readonly version: string };
  readonly client: { readonly generation: number; readonly version: string };
  readonly targets_current: number;
  readonly readers: { readonly behind: readonly unknown[] };
  readonly problems: readonly unknown[];
}
const status = async () => (await dataOf(`service-users/apps/${application}/status`)) as unknown as Status;

async function until<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const value = await look();
    if (holds(value)) return value;
    if (tries > 300) throw new Error(`it never came: ${JSON.stringify(value)}`);
    await pause(100);
  }
}

const directory = join(host.home, 'credentials');
const readDocument = (name: string, at = directory) =>
  JSON.parse(readFileSync(join(at, `${name}.json`), 'utf8')) as Record<string, string>;

/** What an application does for each request that it makes elsewhere: with the files as they are at that moment. */
async function accessToken(): Promise<Response> {
  const { application_username: username = '', application_password: password = '' } = readDocument('user');
  const { client_id: id = '', client_secret: secret = '' } = readDocument('client');
  return fetch(`${server.address}/oauth2/access_token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'password', username, password, scope: 'uid' }),
  });
}

beforeAll(async () => {
  moto = await startMoto();
  if (moto === undefined) return;
  await makeBucket(moto.endpoint, bucket);
  const env = { ...moto.env, COFFER_DELIVERY_S3: 'org-stups-mint-*', AWS_REGION: 'eu-central-1' };
  server = await startServer(place, { words: ['--init'], env });
  const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
  rootToken = readFileSync(join(place.config, file), 'utf8').trim();
}, 300_000);
afterAll(async () => {
  await moto?.close();
  await cleanUp();
});

describe('an application whose credentials are rotated', () => {
  it('is registered, and its team alone says where they go', async (context) => {
    if (moto === undefined) return context.skip('moto is missing');
    await ask('POST', 'sys/mounts/service-users', { type: 'service-users' });
    await ask('POST', 'service-users/config', { overlap: '3s', reader_patience: '60s' });
    await ask('POST', 'sys/auth/userpass', { type: 'userpass' });
    const rule = (path: string, ...capabilities: readonly string[]) =>
      `path "${path}" { capabilities = ${JSON.stringify(capabilities)} }\n`;
    await ask('POST', 'sys/policies/acl/shop-team', {
      policy:
        rule('service-users/apps/shop', 'read') +
        rule('service-users/apps/shop/*', 'read', 'update', 'create') +
        rule('secret/data/apps/shop', 'create', 'update', 'read') +
        rule('secret/metadata/apps/shop', 'delete', 'read'),
    });
    for (const name of ['ann', 'bob']) {
      const policies = ['shop-team'];
      await ask('POST', `auth/userpass/users/${name}`, {
        password: 'a long password',
        token_policies: policies,
      });
    }
    const logins = { ann: await logIn('ann'), bob: await logIn('bob') };
    ann = logins.ann.token;
    const member_entity_ids = [logins.ann.entity];
    await ask('POST', 'identity/group', { name: 'shop', policies: ['shop-team'], member_entity_ids });
    await ask('POST', `service-users/apps/${application}`, { name: 'Shop', team: 'shop' });
    const delivery = { targets: ['kv:secret/apps', bucket], scopes: ['customer.read'], confidential: true };
    const path = `service-users/apps/${application}/delivery`;
    for (const other of [logins.bob.token, rootToken]) {
      await expect(ask('POST', path, delivery, other)).rejects.toThrow('403');
    }
    await ask('POST', path, delivery, ann);
    const arrived = ({ client, targets_current: current }: Status) =>
      client.generation === 1 && current === 2;
    const known = await until(status, arrived);
    expect(known).toMatchObject({ problems: [], password: { generation: 1 }, client: { generation: 1 } });
  });

  it('is found by berry, unmodified, where mint put it', async (context) => {
    if (moto === undefined) return context.skip('moto is missing');
    const out = join(host.home, 'berry');
    mkdirSync(out);
    const words = ['-a', application, '-m', bucket, '--once', out];
    const env = { ...host.env, ...moto.env, LC_ALL: 'C.UTF-8' };
    expect(await runProgram(need(context, 'berry'), words, env)).toMatchObject({ code: 0 });
    expect(Object.keys(readDocument('user', out))).toEqual(['application_username', 'application_password']);
    expect(readDocument('user', out)['application_username']).toBe('stups_shop');
    expect(Object.keys(readDocument('client', out))).toEqual(['client_id', 'client_secret']);
    expect(readdirSync(out).toSorted()).toEqual(['client.json', 'user.json']);
  });

  it('works on while its credentials are rotated, again and again, without one call that fails', async (context) => {
    if (moto === undefined) return context.skip('moto is missing');
    await agentLogin();
    const agent = startCli(host, ['agent', '--config', join(host.home, 'agent.toml')]);
    try {
      await until(async () => existsSync(join(directory, 'client.json')), Boolean);
      let ended = false;
      const answers: number[] = [];
      const working = (async () => {
        while (!ended) {
          answers.push((await accessToken()).status);
          await pause(20);
        }
      })();
      const seen = new Set<string | undefined>();
      try {
        for (const generation of [2, 3]) {
          seen.add(readDocument('user')['application_password']);
          await ask('POST', `service-users/apps/${application}/rotate`, {}, ann);
          // Until the old ones have ended: then only who has the new ones gets on.
          const done = ({ password }: Status) =>
            password.generation === generation && password.step === 'idle';
          await until(status, done);
        }
        seen.add(readDocument('user')['application_password']);
        await pause(500);
      } finally {
        ended = true;
        await working;
      }
      expect(seen.size).toBe(3);
      expect(answers.length).toBeGreaterThan(50);
      expect(new Set(answers)).toEqual(new Set([200]));
    } finally {
      agent.kill();
      await agent.ended;
    }
  }, 120_000);

  it('shows people what happened, and to nobody a secret', async (context) => {
    if (moto === undefined) return context.skip('moto is missing');
    const known = JSON.stringify([
      await status(),
      await dataOf(`service-users/apps/${application}/history`, ann),
      await dataOf(`service-users/apps/${application}`, ann),
    ]);
    expect(known).toContain('"event":"rotated"');
    const secrets = [
      ...Object.values(readDocument('user')).slice(1),
      ...Object.values(readDocument('client')).slice(1),
    ];
    const log = readdirSync(join(place.data, 'audit'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'reserve')
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('');
    expect(log).toContain('oauth2/access_token');
    for (const secret of secrets) {
      expect(known).not.toContain(secret);
      expect(log + server.stdout + server.stderr).not.toContain(secret);
    }
  });

  it('loses what a thief had at once, and its sessions', async (context) => {
    if (moto === undefined) return context.skip('moto is missing');
    const { access_token: session } = (await (await accessToken()).json()) as {
      readonly access_token: string;
    };
    const client = readDocument('client');
    const stolen = readDocument('user');
    await ask('POST', `service-users/apps/${application}/rotate`, { emergency: true }, ann);
    await until(
      status,
      ({ password, client: { generation } }) => password.step === 'idle' && generation === 4,
    );
    const basic = Buffer.from(`${client['client_id']}:${client['client_secret']}`).toString('base64');
    const asked = await fetch(`${server.address}/oauth2/access_token`, {
      method: 'POST',
      headers: { Authorization: `Basic ${basic}` },
      body: new URLSearchParams({
        grant_type: 'password',
        username: stolen['application_username'] ?? '',
        password: stolen['application_password'] ?? '',
      }),
    });
    expect(asked.status).toBe(401);
    const secret = (await dataOf(`secret/data/apps/${application}`, ann))['data'] as Record<string, string>;
    const now = Buffer.from(`${secret['client_id']}:${secret['client_secret']}`).toString('base64');
    const introspected = await fetch(`${server.address}/oauth2/introspect`, {
      method: 'POST',
      headers: { Authorization: `Basic ${now}` },
      body: new URLSearchParams({ token: session }),
    });
    expect(await introspected.json()).toEqual({ active: false });
  });
});

/** An AppRole for the application's host, and the agent's configuration there. */
async function agentLogin(): Promise<void> {
  await ask('POST', 'sys/auth/approle', { type: 'approle' });
  await ask('POST', 'sys/policies/acl/shop-host', {
    policy: `path "secret/data/apps/shop" { capabilities = ["read"] }
path "service-users/apps/shop/readers/*" { capabilities = ["create", "update"] }`,
  });
  await ask('POST', 'auth/approle/role/shop', { token_policies: ['shop-host'], token_ttl: '10m' });
  const roleId = String((await dataOf('auth/approle/role/shop/role-id'))['role_id']);
  const made = (await ask('POST', 'auth/approle/role/shop/secret-id'))['data'] as JsonObject;
  writeFileSync(join(host.home, 'role-id'), roleId, { mode: 0o600 });
  writeFileSync(join(host.home, 'secret-id'), String(made['secret_id']), { mode: 0o600 });
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(
    join(host.home, 'agent.toml'),
    `interval = "1s"
[server]
address = "${server.address}"
[login]
method = "approle"
role_id_file = "role-id"
secret_id_file = "secret-id"
[report]
reader = "host-1"
[[application]]
id = "${application}"
source = "coffer:secret/apps"
directory = "${directory}"
`,
    { mode: 0o600 },
  );
  expect(await cli(host, ['agent', '--config', join(host.home, 'agent.toml'), '--check'])).toMatchObject({
    code: 0,
  });
}
