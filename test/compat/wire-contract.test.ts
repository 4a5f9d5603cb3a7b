/** What holds of every request and answer, whatever the endpoint: methods, bodies, statuses, envelope, typing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContractServer, openContractServer, rootToken } from './contract-server.ts';
import { contract, envelopeNames } from './wire-contract.fixture.ts';

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server[Symbol.asyncDispose]());
const at = () => server;
const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' } };
const nothing = { errors: [] };

describe('methods', () => {
  contract(at, [
    { ask: ['PUT', 'secret/data/a', { data: { x: 1 } }], status: 200, answer: { data: { version: 1 } } },
    { ask: ['POST', 'secret/data/a', { data: { x: 2 } }], status: 200, answer: { data: { version: 2 } } },
    { ask: ['LIST', 'secret/metadata'], status: 200, answer: { data: { keys: ['a'] } } },
    { ask: ['LIST', 'secret/metadata/'], status: 200, answer: { data: { keys: ['a'] } } },
    ...['true', '1', 't', 'T', 'TRUE'].map((yes) => ({
      ask: ['GET', `secret/metadata?list=${yes}`] as const,
      status: 200,
      answer: { data: { keys: ['a'] }, warnings: null },
    })),
    { ask: ['GET', 'secret/metadata/?list=true'], status: 200, answer: { data: { keys: ['a'] } } },
    { ask: ['GET', 'secret/metadata/?list=maybe'], status: 400 },
    { ask: ['GET', 'secret/metadata/?list=true&scan=true'], status: 400 },
    {
      ask: ['POST', 'secret/data/a/', { data: {} }],
      status: 400,
      answer: { errors: ["cannot write to a path ending in '/'"] },
    },
    { ask: ['PATCH', 'secret/data/a', {}], status: 400 },
    {
      ask: ['PATCH', 'secret/data/a', {}],
      with: { headers: { 'content-type': 'application/json' } },
      status: 415,
    },
    { ask: ['DELETE', 'sys/health'], status: 405, answer: { errors: ['unsupported operation'] } },
    { ask: ['GET', 'auth/token/create'], status: 405 },
  ]);

  it('answers a doubled slash with the cleaned path, and HEAD without a body', async () => {
    const doubled = await server.wire.ask('GET', 'secret//data/a');
    expect(doubled).toMatchObject({ status: 301, headers: { location: '/v1/secret/data/a' } });
    const head = await server.wire.ask('HEAD', 'sys/health');
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-type']).toBe('application/json');
    expect(await server.wire.ask('HEAD', 'secret/data/a')).toMatchObject({ status: 405, text: '' });
    expect((await server.wire.ask('TRACE', 'sys/health')).status).toBe(405);
  });

  it('tells what is there', async () => {
    for (const [method, path] of [
      ['GET', 'secret/data/a?help=1'],
      ['HELP', 'secret/data/a'],
    ] as const) {
      const { status, json } = await server.wire.ask(method, path);
      expect(status).toBe(200);
      expect(json).toMatchObject({ help: expect.stringContaining('version'), see_also: null });
      expect(json).not.toHaveProperty('request_id');
    }
  });
});

describe('bodies', () => {
  contract(at, [
    { ask: ['POST', 'auth/token/create'], status: 200, answer: { auth: { policies: ['root'] }, data: null } },
    { ask: ['POST', 'auth/token/create', '  \n'], status: 200 },
    { ask: ['POST', 'auth/token/create', 'null\n'], status: 200 },
    { ask: ['POST', 'auth/token/create', '"null"'], status: 400 },
    { ask: ['POST', 'auth/token/create', '{'], status: 400 },
    { ask: ['POST', 'auth/token/create', '[]'], status: 400 },
    {
      ask: ['POST', 'auth/token/create', '{"ttl":"1h"}'],
      with: form,
      status: 200,
      answer: { auth: { lease_duration: 3600 } },
    },
    {
      ask: ['POST', 'auth/token/create', 'ttl=2h&policies=b&policies=a'],
      with: form,
      status: 200,
      answer: { auth: { lease_duration: 7200, policies: ['a', 'b', 'default'] } },
    },
    { ask: ['POST', 'auth/token/create', 'ttl=2h'], status: 400 },
    {
      ask: ['POST', 'secret/data/precise', '{"data":{"n":1.0,"big":12345678901234567890,"e":1e3}}'],
      status: 200,
    },
    { ask: ['DELETE', 'secret/data/none', { a: 1 }], status: 204 },
  ]);

  it('gives JSON back as it was sent, as far as doubles go', async () => {
    const { json } = await server.wire.ask('GET', 'secret/data/precise');
    expect(json).toMatchObject({ data: { data: { n: 1, big: Number('12345678901234567890'), e: 1000 } } });
  });
});

describe('the envelope', () => {
  it('has every name, null where there is nothing', async () => {
    const { json } = await server.wire.ask('GET', 'secret/data/a');
    expect(Object.keys(json).toSorted()).toEqual(envelopeNames);
    expect(json).toMatchObject({
      request_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/),
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      wrap_info: null,
      warnings: null,
      auth: null,
      mount_type: 'kv',
    });
  });

  it('has an auth block with every name', async () => {
    const { json } = await server.wire.ask('POST', 'auth/token/create', { body: { policies: 'default' } });
    expect(Object.keys(json).toSorted()).toEqual(envelopeNames);
    expect(json['auth']).toEqual({
      client_token: expect.stringMatching(/^hvs\.[A-Za-z0-9]{24}$/),
      accessor: expect.stringMatching(/^[a-z0-9]{50}$/),
      policies: ['default'],
      token_policies: ['default'],
      metadata: null,
      lease_duration: 2764800,
      renewable: true,
      entity_id: '',
      token_type: 'service',
      orphan: false,
      mfa_requirement: null,
      num_uses: 0,
    });
  });

  it('warns of ignored fields in answers that say something, and never makes an answer of a 204', async () => {
    const told = await server.wire.ask('POST', 'auth/token/create', { body: { zz: 1, aa: 2 } });
    expect(told).toMatchObject({
      status: 200,
      json: { warnings: ['Endpoint ignored these unrecognized parameters: [aa zz]'] },
    });
    const policy = 'path "a" { capabilities = ["read"] }';
    const overridden = await server.wire.ask('PUT', 'sys/policy/p', { body: { rules: policy, name: 'q' } });
    expect(overridden.json).toMatchObject({
      warnings: [
        expect.any(String),
        expect.stringMatching(/^Endpoint replaced the value .* path: \[name\]$/),
      ],
    });
    const quiet = await server.wire.ask('POST', 'sys/policies/acl/p', {
      body: { policy, zz: 1 },
    });
    expect(quiet).toMatchObject({ status: 204, text: '' });
  });
});

describe('the token', () => {
  it('is taken from either header, and X-Vault-Token wins', async () => {
    const bearer = (text: string, token: string) =>
      server.wire.ask('GET', 'auth/token/lookup-self', { token, headers: { authorization: text } });
    expect((await bearer('Bearer hvs.nobody', rootToken)).status).toBe(200);
    expect((await bearer(`Bearer ${rootToken}`, '')).status).toBe(200);
    for (const text of [`bearer ${rootToken}`, `Basic ${rootToken}`, rootToken]) {
      expect((await bearer(text, '')).status).toBe(403);
    }
  });
});

describe('errors', () => {
  const bad = { token: 'hvs.nobody' };
  const plain = { errors: ['permission denied'] };
  contract(at, [
    { ask: ['GET', 'secret/data/never'], status: 404, answer: nothing },
    { ask: ['LIST', 'secret/metadata/never'], status: 404, answer: nothing },
    {
      ask: ['LIST', 'auth/approle/role'],
      status: 404,
      answer: { errors: ['no handler for route "auth/approle/role/". route entry not found.'] },
    },
    {
      ask: ['GET', 'nowhere/x'],
      status: 404,
      answer: { errors: ['no handler for route "nowhere/x". route entry not found.'] },
    },
    { ask: ['GET', 'sys/nonsense'], status: 404, answer: { errors: ['unsupported path'] } },
    { ask: ['GET', 'nowhere/x'], with: bad, status: 403, answer: plain },
    { ask: ['GET', 'secret/data/a'], with: bad, status: 403, answer: plain },
    { ask: ['GET', 'secret/data/a'], with: { token: 'a b' }, status: 400 },
    {
      ask: ['GET', 'secret/data/a'],
      with: { headers: { 'x-vault-namespace': 'team' } },
      status: 404,
      answer: { errors: ['namespace not found'] },
    },
    { ask: ['GET', 'secret/data/../a'], status: 400 },
    { ask: ['GET', 'secret/data/a%01'], status: 400 },
    { ask: ['GET', 'secret/data/a'], with: { headers: { 'x-vault-wrap-ttl': '-1' } }, status: 400 },
    { ask: ['GET', 'secret/data/a'], with: { headers: { 'x-vault-wrap-ttl': '0' } }, status: 200 },
  ]);

  it('have exactly one name in a plain 404', async () => {
    expect((await server.wire.ask('GET', 'secret/data/never')).text).toBe('{"errors":[]}');
  });

  it('say to a known token that a rule is missing, in the words clients look for', async () => {
    const made = await server.wire.ask('POST', 'auth/token/create', { body: { policies: ['default'] } });
    const token = String((made.json['auth'] as { client_token: string }).client_token);
    const denied = await server.wire.ask('GET', 'secret/data/a', { token });
    expect(denied).toMatchObject({
      status: 403,
      json: { errors: ['1 error occurred:\n\t* permission denied\n\n'] },
    });
  });

  it.each(['/', 'root'])('take the namespace %s for the root one, and echo it', async (namespace) => {
    const headers = { 'x-vault-namespace': namespace };
    const answer = await server.wire.ask('GET', 'secret/data/a', { headers });
    expect(answer).toMatchObject({ status: 200, headers });
  });
});

describe('weak typing', () => {
  const create = (body: object, answer: object) =>
    ({ ask: ['POST', 'auth/token/create', body as never], status: 200, answer: { auth: answer } }) as const;
  const refused = (body: object, name: string) =>
    ({
      ask: ['POST', 'auth/token/create', body as never],
      status: 400,
      answer: { errors: [expect.stringMatching(new RegExp(`^Field validation failed: .*${name}`))] },
    }) as const;
  contract(at, [
    create({ num_uses: '4' }, { num_uses: 4 }),
    create({ num_uses: '0x10' }, { num_uses: 16 }),
    create({ num_uses: true }, { num_uses: 1 }),
    create({ renewable: 'false', ttl: 60 }, { renewable: false, lease_duration: 60 }),
    create({ renewable: '0', ttl: '60' }, { renewable: false, lease_duration: 60 }),
    create({ renewable: 0, ttl: '1m' }, { renewable: false, lease_duration: 60 }),
    create({ renewable: 't', ttl: '1h30m' }, { renewable: true, lease_duration: 5400 }),
    create({ ttl: '2d' }, { lease_duration: 172800 }),
    create({ ttl: 0.5 }, { lease_duration: 1 }),
    create({ lease: '10m' }, { lease_duration: 600 }),
    create({ policies: 'b, a,,b' }, { policies: ['a', 'b', 'default'] }),
    create({ policies: ['b', 'A'] }, { policies: ['a', 'b', 'default'] }),
    create({ policies: 7 }, { policies: ['7', 'default'] }),
    create({ meta: { version: 1, on: true } }, { metadata: { version: '1', on: 'true' } }),
    create({ meta: '{"a":"b"}' }, { metadata: { a: 'b' } }),
    create({ meta: ['a=b', 'c=d=e'] }, { metadata: { a: 'b', c: 'd=e' } }),
    create({ meta: 'a=b' }, { metadata: { a: 'b' } }),
    create({ display_name: 7 }, { client_token: expect.any(String) }),
    refused({ num_uses: 'many' }, 'num_uses'),
    refused({ num_uses: 1.5 }, 'num_uses'),
    refused({ renewable: 'perhaps' }, 'renewable'),
    refused({ ttl: '-1h' }, 'ttl'),
    refused({ ttl: 'soon' }, 'ttl'),
    refused({ policies: [{}] }, 'policies'),
    refused({ meta: { a: {} } }, 'meta'),
    { ask: ['POST', 'secret/data/typed', { data: '{"a":1}', options: '{"cas":"0"}' }], status: 200 },
    { ask: ['GET', 'secret/data/typed?version=1'], status: 200, answer: { data: { data: { a: 1 } } } },
    { ask: ['GET', 'secret/data/typed?version=x'], status: 400 },
  ]);
});

describe('the cubbyhole', () => {
  contract(at, [
    { ask: ['GET', 'cubbyhole/a'], status: 404, answer: { errors: [] } },
    { ask: ['LIST', 'cubbyhole'], status: 404, answer: { errors: [] } },
    { ask: ['POST', 'cubbyhole/a', { x: 1, ttl: '1h', deep: { y: [null] } }], status: 204 },
    { ask: ['PUT', 'cubbyhole/dir/b', { x: 1 }], status: 204 },
    { ask: ['POST', 'cubbyhole/a2'], status: 400 },
    {
      ask: ['GET', 'cubbyhole/a'],
      status: 200,
      answer: { data: { x: 1, ttl: '1h', deep: { y: [null] } }, lease_duration: 0, warnings: null },
    },
    { ask: ['LIST', 'cubbyhole/'], status: 200, answer: { data: { keys: ['a', 'dir/'] } } },
    { ask: ['DELETE', 'cubbyhole/a'], status: 204 },
    { ask: ['DELETE', 'cubbyhole/a'], status: 204 },
  ]);
});
