/** The wire contract of tokens: making, looking up, renewing, revoking, use counts, TTLs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { at as inside, textAt } from '../e2e/wire.ts';
import { type ContractServer, openContractServer, rootToken } from './contract-server.ts';
import { contract } from './wire-contract.fixture.ts';

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
  const policy =
    'path "secret/data/*" { capabilities = ["read"] } path "auth/token/*" { capabilities = ["create", "update"] }';
  await server.wire.ask('PUT', 'sys/policy/app', { body: { policy } });
});
afterAll(() => server[Symbol.asyncDispose]());
const at = () => server;
const year = 365 * 86_400;
const longest = 2_764_800;

interface Made {
  readonly token: string;
  readonly accessor: string;
  readonly answer: JsonObject;
}

async function make(body: JsonObject, by = rootToken): Promise<Made> {
  const { json } = await server.wire.ask('POST', 'auth/token/create', { body, token: by });
  return {
    token: textAt(json, 'auth', 'client_token'),
    accessor: textAt(json, 'auth', 'accessor'),
    answer: json,
  };
}

const factNames = [
  'accessor',
  'creation_time',
  'creation_ttl',
  'display_name',
  'entity_id',
  'expire_time',
  'explicit_max_ttl',
  'id',
  'issue_time',
  'meta',
  'num_uses',
  'orphan',
  'path',
  'policies',
  'renewable',
  'ttl',
  'type',
];

describe('looking up', () => {
  it('shows root with an end that is there and null', async () => {
    const { json } = await server.wire.ask('GET', 'auth/token/lookup-self');
    expect(Object.keys(json['data'] as object).toSorted()).toEqual(factNames);
    expect(json).toMatchObject({
      auth: null,
      data: {
        id: rootToken,
        policies: ['root'],
        path: 'auth/token/root',
        meta: null,
        display_name: 'root',
        num_uses: 0,
        orphan: true,
        creation_ttl: 0,
        ttl: 0,
        expire_time: null,
        explicit_max_ttl: 0,
        entity_id: '',
        type: 'service',
        renewable: false,
      },
    });
    expect(json).not.toHaveProperty('ttl');
  });

  it('shows a made token by itself, by its text and by its accessor', async () => {
    const made = await make({
      policies: ['app'],
      ttl: '1h',
      meta: { a: 'b' },
      display_name: 'my app!',
      num_uses: 9,
      period: 0,
    });
    const issuedAt = server.clock.now();
    server.clock.jump(10);
    const facts = {
      accessor: made.accessor,
      policies: ['app', 'default'],
      path: 'auth/token/create',
      meta: { a: 'b' },
      display_name: 'token-my-app-',
      orphan: false,
      creation_time: Math.floor(issuedAt / 1_000),
      creation_ttl: 3600,
      ttl: 3590,
      expire_time: new Date(issuedAt + 3_600_000).toISOString(),
      issue_time: new Date(issuedAt).toISOString(),
      explicit_max_ttl: 0,
      entity_id: '',
      type: 'service',
      renewable: true,
    };
    const instant = (text: unknown) => new Date(String(text)).toISOString();
    for (const [method, path, body, more] of [
      ['POST', 'lookup', { token: made.token }, { id: made.token, num_uses: 9 }],
      ['PUT', 'lookup-accessor', { accessor: made.accessor }, { id: '', num_uses: 9 }],
      ['GET', 'lookup-self', undefined, { id: made.token, num_uses: 8 }],
    ] as const) {
      const answer = await server.wire.ask(method, `auth/token/${path}`, {
        ...(body === undefined ? { token: made.token } : { body }),
      });
      const data = answer.json['data'] as Record<string, unknown>;
      expect({
        ...data,
        expire_time: instant(data['expire_time']),
        issue_time: instant(data['issue_time']),
      }).toEqual({
        ...facts,
        ...more,
      });
    }
  });

  contract(at, [
    {
      ask: ['POST', 'auth/token/lookup', { token: 'hvs.nobody' }],
      status: 403,
      answer: { errors: ['bad token'] },
    },
    {
      ask: ['POST', 'auth/token/lookup-accessor', { accessor: 'none' }],
      status: 400,
      answer: { errors: ['invalid accessor'] },
    },
    {
      ask: ['POST', 'auth/token/renew-accessor', { accessor: 'none' }],
      status: 400,
      answer: { errors: ['invalid accessor'] },
    },
    {
      ask: ['POST', 'auth/token/revoke-accessor', { accessor: 'none' }],
      status: 400,
      answer: { errors: ['invalid accessor'] },
    },
    { ask: ['LIST', 'auth/token/accessors'], status: 200, answer: { data: { keys: expect.any(Array) } } },
    { ask: ['GET', 'auth/token/accessors/?list=true'], status: 200 },
  ]);
});

describe('making', () => {
  contract(at, [
    // Everything that the typed Go client always sends.
    {
      ask: [
        'POST',
        'auth/token/create',
        { policies: ['app'], display_name: '', num_uses: 0, type: '', entity_alias: '' },
      ],
      status: 200,
      answer: { warnings: null, data: null, auth: { policies: ['app', 'default'], metadata: null } },
    },
    { ask: ['POST', 'auth/token/create', { entity_alias: 'x' }], status: 400 },
    {
      ask: ['POST', 'auth/token/create', { policies: ['nosuch', 'app'], no_default_policy: 'true' }],
      status: 200,
      answer: { warnings: ['Policy "nosuch" does not exist'], auth: { policies: ['app', 'nosuch'] } },
    },
    { ask: ['POST', 'auth/token/create', { policies: ['root', 'app'] }], status: 400 },
    { ask: ['POST', 'auth/token/create', { policies: ['response-wrapping'] }], status: 400 },
    { ask: ['POST', 'auth/token/create', { type: 'batch' }], status: 400 },
    { ask: ['POST', 'auth/token/create', { num_uses: -1 }], status: 400 },
    { ask: ['POST', 'auth/token/create', { id: 'has.a.dot' }], status: 400 },
    {
      ask: ['POST', 'auth/token/create', { id: 'my-own-token', policies: 'app' }],
      status: 200,
      answer: { auth: { client_token: 'my-own-token' } },
    },
    {
      ask: ['POST', 'auth/token/create', { id: 'my-own-token', policies: 'app' }],
      status: 400,
      answer: { errors: [expect.stringContaining('duplicate')] },
    },
    {
      ask: ['POST', 'auth/token/create-orphan', { policies: 'app' }],
      status: 200,
      answer: { auth: { orphan: true } },
    },
    {
      ask: ['POST', 'auth/token/create', { policies: 'app', no_parent: true }],
      status: 200,
      answer: { auth: { orphan: true } },
    },
    {
      ask: ['POST', 'auth/token/create', { ttl: `${year}s`, policies: 'app' }],
      status: 200,
      answer: { warnings: [expect.any(String)], auth: { lease_duration: longest } },
    },
    {
      ask: ['POST', 'auth/token/create', { ttl: '2h', explicit_max_ttl: '1h', policies: 'app' }],
      status: 200,
      answer: { warnings: [expect.any(String)], auth: { lease_duration: 3600 } },
    },
    {
      ask: ['POST', 'auth/token/create', { period: '1000h', policies: 'app' }],
      status: 200,
      answer: { auth: { lease_duration: 3_600_000 } },
    },
    {
      ask: ['POST', 'auth/token/create', { ttl: '', explicit_max_ttl: '', period: '', policies: 'app' }],
      status: 200,
      answer: { auth: { lease_duration: longest } },
    },
  ]);

  it('gives a parent without sudo no more than it has', async () => {
    const parent = await make({ policies: ['app'] });
    const child = (body: JsonObject) =>
      server.wire.ask('POST', 'auth/token/create', { body, token: parent.token });
    expect(await child({ policies: ['root'] })).toMatchObject({ status: 400 });
    expect(await child({ policies: ['other'] })).toMatchObject({
      status: 400,
      json: { errors: ['child policies must be subset of parent'] },
    });
    expect((await child({})).json).toMatchObject({ auth: { policies: ['app', 'default'] } });
    for (const body of [{ id: 'another-token' }, { no_parent: true }, { period: '1h' }]) {
      expect((await child(body)).status).toBe(400);
    }
    expect((await server.wire.ask('POST', 'auth/token/create-orphan', { token: parent.token })).status).toBe(
      403,
    );
    const limited = await make({ policies: ['app'], num_uses: 2 });
    expect(await server.wire.ask('POST', 'auth/token/create', { token: limited.token })).toMatchObject({
      status: 400,
      json: { errors: ['restricted use token cannot generate child tokens'] },
    });
  });

  it('lets a root that ends make no root that does not', async () => {
    const ending = await make({ ttl: '1h' });
    expect((await server.wire.ask('POST', 'auth/token/create', { token: ending.token })).status).toBe(400);
    const child = await make({ ttl: '1h' }, ending.token);
    expect(child.answer).toMatchObject({
      auth: { policies: ['root'], lease_duration: 3600, renewable: true },
    });
  });
});

describe('renewing', () => {
  it('answers an auth block, by accessor without the token', async () => {
    const made = await make({ policies: ['app'], ttl: '1h' });
    server.clock.jump(1_000);
    for (const [path, body, text] of [
      ['renew-self', undefined, made.token],
      ['renew', { token: made.token }, made.token],
      ['renew-accessor', { accessor: made.accessor }, ''],
    ] as const) {
      const options = body === undefined ? { token: made.token } : { body };
      const { status, json } = await server.wire.ask('PUT', `auth/token/${path}`, options);
      expect({ status, json }).toMatchObject({
        status: 200,
        json: {
          data: null,
          warnings: null,
          auth: {
            client_token: text,
            accessor: made.accessor,
            lease_duration: 3600,
            renewable: true,
            policies: ['app', 'default'],
          },
        },
      });
    }
    const longer = await server.wire.ask('POST', 'auth/token/renew-self', {
      token: made.token,
      body: { increment: '2h' },
    });
    expect(longer.json).toMatchObject({ auth: { lease_duration: 7200 } });
    const { json } = await server.wire.ask('GET', 'auth/token/lookup-self', { token: made.token });
    expect(json).toMatchObject({
      data: {
        ttl: 7200,
        creation_ttl: 3600,
        last_renewal: expect.any(String),
        last_renewal_time: Math.floor(server.clock.now() / 1_000),
      },
    });
  });

  it('counts the longest life from the making', async () => {
    const made = await make({ policies: ['app'], ttl: '1h', explicit_max_ttl: '90m' });
    server.clock.jump(3_000);
    const { json } = await server.wire.ask('POST', 'auth/token/renew-self', {
      token: made.token,
      body: { increment: 3600 },
    });
    expect(json).toMatchObject({ warnings: [expect.any(String)], auth: { lease_duration: 2400 } });
    const periodic = await make({ policies: ['app'], period: '10m' });
    server.clock.jump(300);
    const again = await server.wire.ask('POST', 'auth/token/renew-self', {
      token: periodic.token,
      body: { increment: 9_999 },
    });
    expect(again.json).toMatchObject({ auth: { lease_duration: 600 } });
    const shown = await server.wire.ask('GET', 'auth/token/lookup-self', { token: periodic.token });
    expect(inside(shown.json, 'data', 'period')).toBe(600);
  });

  it('refuses what cannot be renewed, as the caller’s mistake', async () => {
    const fixed = await make({ policies: ['app'], ttl: '1h', renewable: false });
    for (const token of [rootToken, fixed.token]) {
      expect(await server.wire.ask('POST', 'auth/token/renew-self', { token })).toMatchObject({
        status: 400,
        json: { errors: ['lease is not renewable'] },
      });
    }
    expect(
      (await server.wire.ask('POST', 'auth/token/renew', { body: { token: 'hvs.nobody' } })).status,
    ).toBe(403);
    expect((await server.wire.ask('POST', 'auth/token/renew')).status).toBe(400);
  });
});

describe('revoking', () => {
  it('takes the children with it, and is fine with what is not there', async () => {
    const parent = await make({ policies: ['app'] });
    const child = await make({}, parent.token);
    const orphan = await make({ policies: ['app'], no_parent: true });
    const gone = async (token: string) =>
      (await server.wire.ask('GET', 'auth/token/lookup-self', { token })).status === 403;
    expect(
      await server.wire.ask('POST', 'auth/token/revoke', { body: { token: parent.token } }),
    ).toMatchObject({ status: 204, text: '' });
    expect(await gone(child.token)).toBe(true);
    expect(await gone(orphan.token)).toBe(false);
    expect(
      (await server.wire.ask('PUT', 'auth/token/revoke', { body: { token: parent.token } })).status,
    ).toBe(204);
    expect(
      (await server.wire.ask('POST', 'auth/token/revoke-accessor', { body: { accessor: orphan.accessor } }))
        .status,
    ).toBe(204);
    expect(await gone(orphan.token)).toBe(true);
    const self = await make({ policies: ['app'] });
    expect((await server.wire.ask('PUT', 'auth/token/revoke-self', { token: self.token })).status).toBe(204);
    expect(await gone(self.token)).toBe(true);
  });
});

describe('use counts', () => {
  const use = (token: string, path = 'secret/data/none') => server.wire.ask('GET', path, { token });

  it('count what was asked with a token, also what was denied, and give the last answer still', async () => {
    const { token } = await make({ policies: ['app'], num_uses: 3 });
    expect((await use(token, 'sys/mounts')).status).toBe(403);
    expect((await use(token)).status).toBe(404);
    expect(await use(token, 'auth/token/lookup-self')).toMatchObject({
      status: 200,
      json: { data: { num_uses: 0 } },
    });
    expect(await use(token)).toMatchObject({ status: 403, json: { errors: ['permission denied'] } });
  });

  it('do not count paths that need no token', async () => {
    const { token } = await make({ policies: ['app'], num_uses: 1 });
    for (const path of [
      'sys/health',
      'sys/seal-status',
      'sys/internal/ui/mounts',
      'sys/internal/ui/mounts/secret/x',
    ]) {
      expect((await use(token, path)).status).toBe(200);
    }
    expect((await use(token)).status).toBe(404);
    expect((await use(token)).status).toBe(403);
  });
});
