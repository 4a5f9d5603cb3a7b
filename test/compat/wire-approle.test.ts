/** The wire contract of AppRole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/json.ts';
import { textAt } from '../e2e/wire.ts';
import { type ContractServer, openContractServer } from './contract-server.ts';
import { contract } from './wire-contract.fixture.ts';

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
  await server.wire.ask('POST', 'sys/auth/approle', { body: { type: 'approle' } });
});
afterAll(() => server[Symbol.asyncDispose]());
const at = () => server;
const role = 'auth/approle/role';
const nothing = { errors: [] };
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

describe('roles', () => {
  contract(at, [
    { ask: ['LIST', role], status: 404, answer: nothing },
    { ask: ['GET', `${role}/none`], status: 404, answer: nothing },
    { ask: ['GET', `${role}/none/role-id`], status: 404, answer: nothing },
    { ask: ['DELETE', `${role}/none`], status: 204 },
    { ask: ['POST', `${role}/plain`], status: 204 },
    {
      ask: ['GET', `${role}/plain`],
      status: 200,
      answer: {
        warnings: null,
        data: {
          bind_secret_id: true,
          local_secret_ids: false,
          secret_id_bound_cidrs: null,
          secret_id_num_uses: 0,
          secret_id_ttl: 0,
          token_bound_cidrs: [],
          token_explicit_max_ttl: 0,
          token_max_ttl: 0,
          token_no_default_policy: false,
          token_num_uses: 0,
          token_period: 0,
          token_policies: [],
          token_ttl: 0,
          token_type: 'default',
        },
      },
    },
    {
      ask: [
        'PUT',
        `${role}/Web`,
        {
          token_policies: 'b,a',
          token_ttl: '20m',
          token_max_ttl: '1h',
          secret_id_ttl: '10m',
          secret_id_num_uses: '2',
          bind_secret_id: 'true',
          token_type: 'service',
        },
      ],
      status: 204,
    },
    {
      ask: ['GET', `${role}/WEB`],
      status: 200,
      answer: {
        data: {
          token_policies: ['a', 'b'],
          token_ttl: 1200,
          token_max_ttl: 3600,
          secret_id_ttl: 600,
          secret_id_num_uses: 2,
        },
      },
    },
    {
      ask: ['POST', `${role}/old`, { policies: ['a'], period: '1h', bound_cidr_list: '127.0.0.1/32' }],
      status: 204,
    },
    {
      ask: ['GET', `${role}/old`],
      status: 200,
      answer: {
        data: { token_policies: ['a'], token_period: 3600, secret_id_bound_cidrs: ['127.0.0.1/32'] },
      },
    },
    { ask: ['LIST', role], status: 200, answer: { data: { keys: ['old', 'plain', 'web'] } } },
    { ask: ['GET', `${role}?list=true`], status: 200, answer: { data: { keys: ['old', 'plain', 'web'] } } },
    { ask: ['POST', `${role}/bad`, { bind_secret_id: false }], status: 400 },
    { ask: ['POST', `${role}/bad`, { token_ttl: '2h', token_max_ttl: '1h' }], status: 400 },
    { ask: ['POST', `${role}/bad`, { token_type: 'batch', token_num_uses: 1 }], status: 400 },
    { ask: ['POST', `${role}/bad`, { token_bound_cidrs: 'here' }], status: 400 },
    { ask: ['GET', `${role}/bad`], status: 404, answer: nothing },
    { ask: ['GET', `${role}/web/role-id`], status: 200, answer: { data: { role_id: uuid } } },
    { ask: ['POST', `${role}/web/role-id`, { role_id: 'web-role' }], status: 204 },
    { ask: ['GET', `${role}/web/role-id`], status: 200, answer: { data: { role_id: 'web-role' } } },
    { ask: ['POST', `${role}/plain/role-id`, { role_id: 'web-role' }], status: 400 },
    { ask: ['POST', `${role}/other`, { role_id: 'web-role' }], status: 400 },
    { ask: ['DELETE', `${role}/old`], status: 204 },
  ]);
});

describe('secret ids', () => {
  let made: JsonObject = {};
  const make = async (body: JsonValue, path = `${role}/web/secret-id`) =>
    server.wire.ask('POST', path, { body });

  contract(at, [
    { ask: ['LIST', `${role}/web/secret-id`], status: 404, answer: nothing },
    {
      ask: ['POST', `${role}/none/secret-id`],
      status: 400,
      answer: { errors: ['role "none" does not exist'] },
    },
    { ask: ['POST', `${role}/web/secret-id`, { metadata: 'no json' }], status: 400 },
  ]);

  it('are made with what the role says, and shown but for themselves', async () => {
    const { status, json } = await make({ metadata: '{"host":"a"}', cidr_list: ['127.0.0.0/8'] });
    made = json['data'] as JsonObject;
    expect({ status, made }).toEqual({
      status: 200,
      made: { secret_id: uuid, secret_id_accessor: uuid, secret_id_ttl: 600, secret_id_num_uses: 2 },
    });
    const accessor = textAt(made, 'secret_id_accessor');
    const shown = {
      cidr_list: ['127.0.0.0/8'],
      creation_time: expect.any(String),
      expiration_time: expect.any(String),
      last_updated_time: expect.any(String),
      metadata: { host: 'a' },
      secret_id_accessor: accessor,
      secret_id_num_uses: 2,
      secret_id_ttl: 600,
      token_bound_cidrs: [],
    };
    for (const [path, body] of [
      ['secret-id/lookup', { secret_id: textAt(made, 'secret_id') }],
      ['secret-id-accessor/lookup', { secret_id_accessor: accessor }],
    ] as const) {
      const answer = await server.wire.ask('PUT', `${role}/web/${path}`, { body });
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.json['data']).toEqual(shown);
    }
    const { json: list } = await server.wire.ask('LIST', `${role}/web/secret-id`);
    expect(list).toMatchObject({ data: { keys: [accessor] } });
  });

  const unknown = '00000000-0000-0000-0000-000000000000';
  contract(at, [
    { ask: ['POST', `${role}/web/secret-id/lookup`, { secret_id: unknown }], status: 204 },
    { ask: ['POST', `${role}/web/secret-id/destroy`, { secret_id: unknown }], status: 204 },
    { ask: ['DELETE', `${role}/web/secret-id/destroy?secret_id=${unknown}`], status: 204 },
    { ask: ['POST', `${role}/web/secret-id-accessor/lookup`, { secret_id_accessor: unknown }], status: 404 },
    { ask: ['POST', `${role}/web/secret-id-accessor/destroy`, { secret_id_accessor: unknown }], status: 404 },
    { ask: ['POST', `${role}/web/secret-id/lookup`], status: 400 },
    { ask: ['POST', `${role}/none/secret-id/lookup`, { secret_id: unknown }], status: 400 },
  ]);

  it('log in as often and as long as they may', async () => {
    const login = (secretId: string) =>
      server.wire.ask('PUT', 'auth/approle/login', {
        token: '',
        body: { role_id: 'web-role', secret_id: secretId },
      });
    const first = await login(textAt(made, 'secret_id'));
    expect(first).toMatchObject({
      status: 200,
      json: {
        data: null,
        warnings: null,
        auth: {
          policies: ['a', 'b', 'default'],
          token_policies: ['a', 'b', 'default'],
          metadata: { role_name: 'web', host: 'a' },
          lease_duration: 1200,
          renewable: true,
          orphan: true,
          token_type: 'service',
        },
      },
    });
    const token = textAt(first.json, 'auth', 'client_token');
    const self = await server.wire.ask('GET', 'auth/token/lookup-self', { token });
    expect(self.json).toMatchObject({
      data: { display_name: 'approle', path: 'auth/approle/login', meta: { role_name: 'web', host: 'a' } },
    });
    expect((await login(textAt(made, 'secret_id'))).status).toBe(200);
    const refused = { status: 400, json: { errors: ['invalid role or secret ID'] } };
    expect(await login(textAt(made, 'secret_id'))).toMatchObject(refused);
    const custom = 'a-secret-id-of-my-own';
    expect(await make({ secret_id: custom, num_uses: 1 }, `${role}/web/custom-secret-id`)).toMatchObject({
      status: 200,
      json: { data: { secret_id: custom, secret_id_num_uses: 1 } },
    });
    server.clock.jump(601);
    expect(await login(custom)).toMatchObject(refused);
  });

  contract(at, [
    {
      ask: ['POST', 'auth/approle/login', { role_id: 'nobody', secret_id: unknown }],
      with: { token: '' },
      status: 400,
      answer: { errors: ['invalid role or secret ID'] },
    },
    {
      ask: ['POST', 'auth/approle/login', { role_id: 'web-role', secret_id: unknown }],
      with: { token: '' },
      status: 400,
      answer: { errors: ['invalid role or secret ID'] },
    },
    { ask: ['POST', 'auth/approle/login', { role_id: 'web-role' }], with: { token: '' }, status: 400 },
    { ask: ['POST', 'auth/approle/login'], with: { token: '' }, status: 400 },
    { ask: ['GET', 'auth/approle/login'], status: 405 },
  ]);

  it('disabling the method ends its tokens at once', async () => {
    const { json } = await make({});
    const login = await server.wire.ask('POST', 'auth/approle/login', {
      token: '',
      body: { role_id: 'web-role', secret_id: textAt(json, 'data', 'secret_id') },
    });
    const token = textAt(login.json, 'auth', 'client_token');
    expect((await server.wire.ask('GET', 'auth/token/lookup-self', { token })).status).toBe(200);
    expect((await server.wire.ask('DELETE', 'sys/auth/approle')).status).toBe(204);
    expect((await server.wire.ask('GET', 'auth/token/lookup-self', { token })).status).toBe(403);
  });
});
