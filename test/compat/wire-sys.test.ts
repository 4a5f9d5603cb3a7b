/** The wire contract of an open store's `sys/`: mounts, auth methods, policies, capabilities, leases, and what the kv commands ask. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at as inside, textAt } from '../e2e/wire.ts';
import { type ContractServer, openContractServer } from './contract-server.ts';
import { contract, envelopeNames } from './wire-contract.fixture.ts';

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server[Symbol.asyncDispose]());
const at = () => server;
const tokenWith = async (...policies: string[]) => {
  const { json } = await server.wire.ask('POST', 'auth/token/create', { body: { policies } });
  return textAt(json, 'auth', 'client_token');
};

describe('mounts', () => {
  const inUse = (path: string) => ({ errors: [`path is already in use at ${path}`] });
  contract(at, [
    {
      ask: [
        'POST',
        'sys/mounts/team/db',
        {
          type: 'kv',
          options: { version: 2 },
          description: 'd',
          config: { default_lease_ttl: '0s', max_lease_ttl: '24h' },
        },
      ],
      status: 204,
    },
    {
      ask: [
        'PUT',
        'sys/mounts/kv2',
        {
          type: 'kv-v2',
          config: { default_lease_ttl: '', max_lease_ttl: 'system', listing_visibility: 'unauth' },
        },
      ],
      status: 204,
    },
    { ask: ['POST', 'sys/mounts/kv2', { type: 'kv-v2' }], status: 400, answer: inUse('kv2/') },
    { ask: ['POST', 'sys/mounts/kv2/below', { type: 'kv-v2' }], status: 400, answer: inUse('kv2/') },
    { ask: ['POST', 'sys/mounts/team', { type: 'kv-v2' }], status: 400, answer: inUse('team/db/') },
    { ask: ['POST', 'sys/mounts/x', {}], status: 400 },
    {
      ask: ['POST', 'sys/mounts/x', { type: 'nonsense' }],
      status: 400,
      answer: { errors: [expect.stringMatching(/plugin.*(not found|unknown)/)] },
    },
    ...['sys', 'cubbyhole', 'identity', 'auth/x', 'audit/x'].map((path) => ({
      ask: ['POST', `sys/mounts/${path}`, { type: 'kv-v2' }] as const,
      status: 400,
    })),
    {
      ask: [
        'POST',
        'sys/mounts/x',
        { type: 'kv-v2', config: { default_lease_ttl: '2h', max_lease_ttl: '1h' } },
      ],
      status: 400,
    },
    { ask: ['GET', 'sys/mounts/x'], status: 400, answer: { errors: ['No secret engine mount at x/'] } },
    { ask: ['GET', 'sys/mounts/x/'], status: 400, answer: { errors: ['No secret engine mount at x/'] } },
    {
      ask: ['GET', 'sys/mounts/team/db/tune'],
      status: 200,
      answer: {
        default_lease_ttl: 86400,
        max_lease_ttl: 86400,
        force_no_cache: false,
        description: 'd',
        options: { version: '2' },
      },
    },
    {
      ask: ['GET', 'sys/mounts/secret/tune'],
      status: 200,
      answer: { data: { default_lease_ttl: 2764800, max_lease_ttl: 2764800 } },
    },
    {
      ask: ['GET', 'sys/mounts/auth/token/tune'],
      status: 200,
      answer: { data: { default_lease_ttl: 2764800, token_type: 'default-service' } },
    },
    { ask: ['GET', 'sys/mounts/x/tune'], status: 400 },
    { ask: ['POST', 'sys/mounts/x/tune', { default_lease_ttl: '1h' }], status: 400 },
    { ask: ['POST', 'sys/mounts/sys/tune', { default_lease_ttl: '1h' }], status: 400 },
    { ask: ['POST', 'sys/mounts/cubbyhole/tune', { default_lease_ttl: '1h' }], status: 400 },
    { ask: ['POST', 'sys/mounts/secret/tune', { default_lease_ttl: '1h', max_lease_ttl: 60 }], status: 400 },
    { ask: ['POST', 'sys/mounts/secret/tune', { default_lease_ttl: 'soon' }], status: 400 },
    { ask: ['POST', 'sys/mounts/secret/tune', { options: { version: 1 } }], status: 400 },
    { ask: ['POST', 'sys/mounts/secret/tune', { options: { version: 3 } }], status: 400 },
    { ask: ['POST', 'sys/mounts/secret/tune', { options: { other: 'x' } }], status: 400 },
    {
      ask: ['POST', 'sys/mounts/team/db/tune', { default_lease_ttl: '1h', description: 'tuned' }],
      status: 204,
    },
    {
      ask: ['GET', 'sys/mounts/team/db/tune'],
      status: 200,
      answer: { data: { default_lease_ttl: 3600, description: 'tuned' } },
    },
    { ask: ['POST', 'sys/mounts/team/db/tune', { default_lease_ttl: 'system' }], status: 204 },
    { ask: ['PUT', 'sys/mounts/secret/tune', {}], status: 204 },
    {
      ask: ['POST', 'sys/mounts/secret/tune', { max_lease_ttl: '90m', options: { version: 2 } }],
      status: 204,
    },
    {
      ask: ['GET', 'sys/mounts/secret'],
      status: 200,
      answer: { data: { options: { version: '2' }, config: { default_lease_ttl: 0, max_lease_ttl: 5400 } } },
    },
    { ask: ['POST', 'sys/mounts/secret/tune', { max_lease_ttl: '' }], status: 204 },
    { ask: ['DELETE', 'sys/mounts/x'], status: 204 },
    { ask: ['DELETE', 'sys/mounts/sys'], status: 400 },
    { ask: ['DELETE', 'sys/mounts/cubbyhole'], status: 400 },
    { ask: ['DELETE', 'sys/mounts/team/db'], status: 204 },
    { ask: ['GET', 'team/db/data/a'], status: 404 },
  ]);

  it('are shown with the types that typed clients decode, at both levels', async () => {
    const { json } = await server.wire.ask('GET', 'sys/mounts');
    expect(inside(json, 'data', 'kv2/')).toEqual({
      type: 'kv',
      description: '',
      accessor: expect.stringMatching(/^kv_[0-9a-f]{8}$/),
      uuid,
      local: false,
      seal_wrap: false,
      external_entropy_access: false,
      options: { version: '2' },
      plugin_version: '',
      running_plugin_version: '',
      running_sha256: '',
      deprecation_status: 'supported',
      config: {
        default_lease_ttl: 0,
        max_lease_ttl: 0,
        force_no_cache: false,
        listing_visibility: 'unauth',
      },
    });
    expect(Object.keys(json).toSorted()).toEqual(
      [...envelopeNames, 'cubbyhole/', 'identity/', 'kv2/', 'secret/', 'sys/'].toSorted(),
    );
    expect(json['kv2/']).toEqual(inside(json, 'data', 'kv2/'));
    expect(inside(json, 'sys/')).toMatchObject({ type: 'system', options: null });
    const one = await server.wire.ask('GET', 'sys/mounts/kv2');
    expect(one.json).toMatchObject({ type: 'kv', data: { type: 'kv', config: { default_lease_ttl: 0 } } });
  });
});

describe('auth methods', () => {
  contract(at, [
    {
      ask: [
        'POST',
        'sys/auth/approle',
        { type: 'approle', description: 'machines', config: { default_lease_ttl: '30m' } },
      ],
      status: 204,
    },
    {
      ask: ['POST', 'sys/auth/approle', { type: 'approle' }],
      status: 400,
      answer: { errors: ['path is already in use at approle/'] },
    },
    { ask: ['POST', 'sys/auth/x', { type: 'nonsense' }], status: 400 },
    {
      ask: ['GET', 'sys/auth'],
      status: 200,
      answer: {
        'approle/': {
          type: 'approle',
          accessor: expect.stringMatching(/^auth_approle_[0-9a-f]{8}$/),
          options: null,
          config: { default_lease_ttl: 1800, token_type: 'default-service' },
        },
        data: { 'approle/': { description: 'machines' }, 'token/': { type: 'token' } },
      },
    },
    {
      ask: ['GET', 'sys/auth/approle'],
      status: 200,
      answer: { type: 'approle', data: { type: 'approle' } },
    },
    {
      ask: ['GET', 'sys/auth/approle/tune'],
      status: 200,
      answer: { data: { default_lease_ttl: 1800, max_lease_ttl: 2764800, token_type: 'default-service' } },
    },
    { ask: ['GET', 'sys/auth/none'], status: 400, answer: { errors: ['No auth engine at none/'] } },
    { ask: ['DELETE', 'sys/auth/token'], status: 400 },
    { ask: ['DELETE', 'sys/auth/none'], status: 204 },
    { ask: ['DELETE', 'sys/auth/approle'], status: 204 },
  ]);
});

describe('policies', () => {
  const json = '{"path":{"secret/*":{"policy":"deny"}}}';
  const old = 'path "sys" { policy = "deny" }\n';
  contract(at, [
    {
      ask: ['PUT', 'sys/policy/old', { rules: old }],
      status: 200,
      answer: { data: null, warnings: [expect.any(String)] },
    },
    { ask: ['PUT', 'sys/policies/acl/json', { policy: json }], status: 204 },
    { ask: ['POST', 'sys/policy/base64', { policy: Buffer.from(old).toString('base64') }], status: 204 },
    {
      ask: ['GET', 'sys/policy/old'],
      status: 200,
      answer: { name: 'old', rules: old, data: { name: 'old', rules: old } },
    },
    {
      ask: ['GET', 'sys/policies/acl/json'],
      status: 200,
      answer: { data: { name: 'json', policy: json } },
    },
    { ask: ['GET', 'sys/policy/base64'], status: 200, answer: { rules: old } },
    {
      ask: ['POST', 'sys/policies/acl/Upper', { policy: json }],
      status: 200,
      answer: { warnings: [expect.any(String)] },
    },
    { ask: ['GET', 'sys/policies/acl/UPPER'], status: 200, answer: { data: { name: 'upper' } } },
    ...['GET', 'LIST'].map((method) => ({
      ask: [method, 'sys/policy'] as const,
      status: 200,
      answer: {
        keys: ['base64', 'default', 'json', 'old', 'root', 'upper'],
        policies: ['base64', 'default', 'json', 'old', 'root', 'upper'],
        data: { keys: ['base64', 'default', 'json', 'old', 'root', 'upper'] },
      },
    })),
    {
      ask: ['LIST', 'sys/policies/acl'],
      status: 200,
      answer: { data: { keys: ['base64', 'default', 'json', 'old', 'root', 'upper'] } },
    },
    {
      ask: ['GET', 'sys/policies/acl?list=true'],
      status: 200,
      answer: { data: { keys: expect.any(Array) } },
    },
    { ask: ['GET', 'sys/policy/none'], status: 404, answer: { errors: [] } },
    { ask: ['GET', 'sys/policies/acl/root'], status: 404 },
    { ask: ['DELETE', 'sys/policy/none'], status: 204 },
    { ask: ['DELETE', 'sys/policy/default'], status: 400 },
    { ask: ['DELETE', 'sys/policies/acl/root'], status: 400 },
    { ask: ['PUT', 'sys/policy/root', { policy: json }], status: 400 },
    { ask: ['PUT', 'sys/policy/empty', {}], status: 400 },
    ...[
      'path "a" { capabilities = ["fly"] }',
      'path "a" { policy = "all" }',
      'path "a+*" { policy = "read" }',
      'paths "a" {}',
      'path "a" {',
    ].map((policy) => ({ ask: ['PUT', 'sys/policy/bad', { policy }] as const, status: 400 })),
    { ask: ['DELETE', 'sys/policy/old'], status: 204 },
  ]);

  it('below policies/acl are not repeated at the top level', async () => {
    const { json } = await server.wire.ask('GET', 'sys/policies/acl/json');
    expect(Object.keys(json).toSorted()).toEqual(envelopeNames);
  });
});

it('capabilities come in a fixed order, once more where one path was asked', async () => {
  const all = '"list", "patch", "update", "sudo", "read", "create", "delete"';
  const policy = `path "secret/data/*" { capabilities = [${all}] } path "secret/no" { capabilities = ["deny", "read"] }`;
  await server.wire.ask('PUT', 'sys/policy/wide', { body: { policy } });
  const token = await tokenWith('wide');
  const of = async (body: object) =>
    server.wire.ask('POST', 'sys/capabilities-self', { token, body: body as never });
  const order = ['sudo', 'read', 'list', 'update', 'delete', 'create', 'patch'];
  const one = await of({ paths: ['secret/data/a'] });
  expect(one.json).toMatchObject({
    capabilities: order,
    'secret/data/a': order,
    data: { capabilities: order, 'secret/data/a': order },
  });
  const two = await of({ paths: 'secret/no,sys/none' });
  expect(two.json['data']).toEqual({ 'secret/no': ['deny'], 'sys/none': ['deny'] });
  expect((await of({ path: 'secret/data/a' })).json).toMatchObject({ capabilities: order });
  for (const body of [{}, { paths: [] }]) expect((await of(body)).status).toBe(400);
  const root = await server.wire.ask('PUT', 'sys/capabilities-self', { body: { paths: ['x'] } });
  expect(root.json).toMatchObject({ capabilities: ['root'], x: ['root'] });
});

describe('leases', () => {
  contract(at, [
    {
      ask: ['GET', 'sys/leases?type=irrevocable'],
      status: 200,
      answer: { data: { lease_count: 0, counts: {} } },
    },
    { ask: ['GET', 'sys/leases'], status: 400 },
    {
      ask: ['PUT', 'sys/leases/lookup', { lease_id: 'x/y' }],
      status: 400,
      answer: { errors: ['invalid lease'] },
    },
    { ask: ['LIST', 'sys/leases/lookup/x'], status: 404, answer: { errors: [] } },
    ...['sys/leases/renew', 'sys/renew'].flatMap((path) => [
      {
        ask: ['PUT', path, { lease_id: 'x/y' }] as const,
        status: 400,
        answer: { errors: ['lease not found'] },
      },
      {
        ask: ['PUT', `${path}/x/y`, { increment: 60 }] as const,
        status: 400,
        answer: { errors: ['lease not found'] },
      },
    ]),
    ...['sys/leases/revoke', 'sys/revoke'].flatMap((path) => [
      { ask: ['PUT', path, { lease_id: 'x/y', sync: 'true' }] as const, status: 204 },
      { ask: ['PUT', `${path}/x/y`] as const, status: 204 },
      { ask: ['PUT', path] as const, status: 400 },
    ]),
    ...['leases/revoke-prefix', 'revoke-prefix', 'leases/revoke-force', 'revoke-force'].map((path) => ({
      ask: ['PUT', `sys/${path}/x/y`] as const,
      status: 204,
    })),
  ]);
});

describe('what the kv commands ask first', () => {
  const denied = (path: string) => ({
    errors: [
      `preflight capability check returned 403, please ensure client's policies grant access to path "${path}/"`,
    ],
  });
  contract(at, [
    {
      ask: ['GET', 'sys/internal/ui/mounts/secret/any/path'],
      status: 200,
      answer: { data: { path: 'secret/', type: 'kv', options: { version: '2' } } },
    },
    { ask: ['GET', 'sys/internal/ui/mounts/secret'], status: 200, answer: { data: { path: 'secret/' } } },
    { ask: ['GET', 'sys/internal/ui/mounts/secret/'], status: 200, answer: { data: { path: 'secret/' } } },
    { ask: ['GET', 'sys/internal/ui/mounts/none/a'], status: 403, answer: denied('none/a') },
    { ask: ['GET', 'sys/internal/ui/mounts/none/'], status: 403, answer: denied('none') },
  ]);

  it('needs no rule of its own and spends no use, but says nothing of mounts out of reach', async () => {
    const policy = 'path "secret/data/team/*" { capabilities = ["read"] }';
    await server.wire.ask('PUT', 'sys/policy/narrow', { body: { policy } });
    const made = await server.wire.ask('POST', 'auth/token/create', {
      body: { policies: 'narrow', no_default_policy: true, num_uses: 1 },
    });
    const token = textAt(made.json, 'auth', 'client_token');
    for (let time = 0; time < 3; time++) {
      const seen = await server.wire.ask('GET', 'sys/internal/ui/mounts/secret/x', { token });
      expect(seen).toMatchObject({ status: 200, json: { data: { options: { version: '2' } } } });
    }
    const other = await server.wire.ask('GET', 'sys/internal/ui/mounts/kv2/x', { token });
    expect(other).toMatchObject({ status: 403, json: denied('kv2/x') });
    expect((await server.wire.ask('GET', 'sys/internal/ui/mounts/secret/x', { token: '' })).status).toBe(403);
  });

  it('lists to everybody what is for everybody', async () => {
    const { json } = await server.wire.ask('GET', 'sys/internal/ui/mounts', { token: '' });
    expect(json['data']).toEqual({
      secret: { 'kv2/': { type: 'kv', description: '', options: { version: '2' } } },
      auth: {},
    });
    const known = await server.wire.ask('GET', 'sys/internal/ui/mounts');
    expect(known.json).toMatchObject({
      data: {
        secret: { 'secret/': { accessor: expect.any(String) } },
        auth: { 'token/': { type: 'token' } },
      },
    });
  });
});
