/** What holds of every endpoint, shown by one that declares all there is to declare. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/json.ts';
import { echoType } from '../fakes/echo-engine.ts';
import { type ContractServer, openContractServer, type Row, rootToken } from './contract-server.ts';
import { contract } from './wire-contract.fixture.ts';

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer(true, [echoType]);
  await server.wire.ask('POST', 'sys/mounts/echo', { body: { type: 'echo' } });
});
afterAll(() => server[Symbol.asyncDispose]());
const at = () => server;
const nothing = { errors: [] };
const withType = (type: string) => ({ headers: { 'content-type': type } });
const form = withType('application/x-www-form-urlencoded');
const patch = withType('application/merge-patch+json');

async function tokenWith(rules: string): Promise<string> {
  await server.wire.ask('PUT', 'sys/policies/acl/some', { body: { policy: rules } });
  const { json } = await server.wire.ask('POST', 'auth/token/create', { body: { policies: ['some'] } });
  return String((json['auth'] as { client_token: string }).client_token);
}

describe('a field of every type takes what clients send', () => {
  const read = (sent: Record<string, JsonValue>, fields: object): Row => ({
    ask: ['POST', 'echo/typed', sent],
    status: 200,
    answer: { data: fields, warnings: null },
  });
  const refused = (sent: Record<string, JsonValue>): Row => ({
    ask: ['POST', 'echo/typed', sent],
    status: 400,
    answer: { errors: [expect.stringMatching(/^Field validation failed: field "[a-z]+" is not /)] },
  });
  contract(at, [
    read(
      { string: 4, int: '0x10', float: '1.5', bool: 't' },
      { string: '4', int: 16, float: 1.5, bool: true },
    ),
    read({ string: true, int: true, float: 2, bool: 0 }, { string: 'true', int: 1, float: 2, bool: false }),
    read({ boolean: '1' }, { bool: true }),
    read(
      { duration: '1h30m', list: 'a, b', ints: '1,2' },
      { duration: 5400, list: ['a', 'b'], ints: [1, 2] },
    ),
    read({ duration: '1d', list: ['a', 7], ints: ['3'] }, { duration: 86400, list: ['a', '7'], ints: [3] }),
    read({ duration: 90, list: 7, ints: 3 }, { duration: 90, list: ['7'], ints: [3] }),
    read({ pairs: { version: 1 }, object: '{"a":[1]}' }, { pairs: { version: '1' }, object: { a: [1] } }),
    read({ pairs: 'a=b=c', header: { A: 'b' } }, { pairs: { a: 'b=c' }, header: { a: ['b'] } }),
    read({ pairs: ['a=1', 'b=2'], any: [null] }, { pairs: { a: '1', b: '2' }, any: [null] }),
    read({ header: Buffer.from('{"A":["b"]}').toString('base64') }, { header: { a: ['b'] } }),
    read({ string: null, int: null }, {}),
    refused({ string: {} }),
    refused({ int: '1.5' }),
    refused({ int: 1e300 }),
    refused({ float: 'NaN' }),
    refused({ float: '1e999' }),
    refused({ bool: 2 }),
    refused({ duration: '-1s' }),
    refused({ list: {} }),
    refused({ ints: 'a' }),
    refused({ pairs: 'a' }),
    refused({ header: 'not base64 of anything' }),
    refused({ object: '[1]' }),
    refused({ object: `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}` }),
    {
      ask: ['GET', 'echo/typed?int=4&ints=1&ints=2&list=&bool=true'],
      status: 200,
      answer: { data: { int: 4, ints: [1, 2], bool: true } },
    },
    {
      ask: ['POST', 'echo/typed', 'int=4&float=0.5&list=a&list=b&header=%7B%22A%22%3A%22b%22%7D'],
      with: form,
      status: 200,
      answer: { data: { int: 4, float: 0.5, list: ['a', 'b'], header: { a: ['b'] } } },
    },
    { ask: ['POST', 'echo/typed'], status: 200, answer: { data: {} } },
    { ask: ['PUT', 'echo/typed', ''], with: form, status: 200, answer: { data: {} } },
  ]);
});

describe('statuses', () => {
  const rows = (path: string, read: number, list: number, write: number): readonly Row[] => [
    { ask: ['GET', path], status: read, ...(read === 404 ? { answer: nothing } : {}) },
    { ask: ['LIST', path], status: list, ...(list === 404 ? { answer: nothing } : {}) },
    { ask: ['SCAN', path], status: list, ...(list === 404 ? { answer: nothing } : {}) },
    { ask: ['PUT', path], status: write },
    { ask: ['DELETE', path], status: write },
    { ask: ['PATCH', path, {}], with: patch, status: write },
  ];
  contract(at, [
    ...rows('echo/reply/nothing', 404, 404, 204),
    ...rows('echo/reply/data', 200, 200, 200),
    ...rows('echo/reply/no-keys', 200, 404, 200),
    ...rows('echo/reply/warning', 200, 200, 200),
    ...rows('echo/reply/null', 200, 404, 200),
    ...rows('echo/reply/status', 202, 202, 202),
    { ask: ['LIST', 'echo/reply/warning'], status: 200, answer: { data: null, warnings: ['mind the gap'] } },
  ]);

  it('repeat members of data at the top only where the endpoint says so, and never over the envelope', async () => {
    const once = await server.wire.ask('GET', 'echo/reply/data');
    expect(once.json).not.toHaveProperty('value');
    const twice = await server.wire.ask('GET', 'echo/repeated/data');
    expect(twice.json).toMatchObject({ data: { keys: ['a'], value: 1 }, keys: ['a'], value: 1 });
  });
});

describe('PATCH', () => {
  const patched = (type: string, status: number): Row => ({
    ask: ['PATCH', 'echo/patched', '{"a":null,"deep":{"b":null,"d":[null]}}'],
    with: withType(type),
    status,
    ...(status === 200 ? { answer: { data: { patched: { deep: { c: 3, d: [null] } } } } } : {}),
  });
  contract(at, [
    patched('application/merge-patch+json', 200),
    patched('Application/Merge-Patch+JSON; charset=utf-8', 200),
    patched('application/json', 415),
    patched('application/json-patch+json', 415),
    patched('application/x-www-form-urlencoded', 415),
    patched('merge-patch', 400),
    patched('/', 400),
    patched('', 400),
    { ask: ['PATCH', 'echo/patched', {}], status: 400 },
    { ask: ['PATCH', 'echo/patched/', {}], with: patch, status: 400 },
    { ask: ['PATCH', 'echo/typed', {}], with: patch, status: 405 },
  ]);
});

describe('SCAN', () => {
  contract(at, [
    { ask: ['SCAN', 'echo/tree/x'], status: 200, answer: { data: { keys: ['a/b', 'a/c'] } } },
    { ask: ['GET', 'echo/tree/x?scan=true'], status: 200, answer: { data: { keys: ['a/b', 'a/c'] } } },
    { ask: ['GET', 'echo/tree/x/?scan=1'], status: 200, answer: { data: { keys: ['a/b', 'a/c'] } } },
    { ask: ['GET', 'echo/tree/x?scan=false'], status: 405 },
    { ask: ['GET', 'echo/tree/x?scan=maybe'], status: 400 },
    { ask: ['GET', 'echo/tree/x?list=true&scan=true'], status: 400 },
    { ask: ['SCAN', 'echo/tree/x?list=true'], status: 400 },
    { ask: ['SCAN', 'echo/tree/empty'], status: 404, answer: nothing },
    { ask: ['SCAN', 'echo/typed'], status: 405 },
  ]);

  it('threat 12: takes the same paths as every other method, and no others', async () => {
    for (const path of [
      'echo/tree/../x',
      'echo/tree/%2e%2e/x',
      'echo/tree/a%2fb',
      'echo/tree/a%5cb',
      'echo/%00',
    ]) {
      for (const method of ['SCAN', 'LIST', 'HELP']) {
        expect([path, (await server.wire.ask(method, path)).status]).toEqual([path, 400]);
      }
    }
    const token = await tokenWith(
      'path "echo/tree/*" { capabilities = ["scan"] } path "echo/tree/x" { capabilities = ["deny"] }',
    );
    for (const path of ['echo/tree/x', 'echo/tree/x/']) {
      expect((await server.wire.ask('SCAN', path, { token })).status).toBe(403);
    }
    expect((await server.wire.ask('SCAN', 'echo/tree/y', { token })).status).toBe(200);
  });

  it('threat 11: wants the capability of its own, which a listing does not have', async () => {
    const asked = async (capabilities: string) => {
      const token = await tokenWith(`path "echo/tree/*" { capabilities = ${capabilities} }`);
      const statuses = [];
      for (const method of ['LIST', 'SCAN']) {
        statuses.push((await server.wire.ask(method, 'echo/tree/x', { token })).status);
      }
      return statuses;
    };
    expect(await asked('["list", "read"]')).toEqual([200, 403]);
    expect(await asked('["scan"]')).toEqual([403, 200]);
    expect(await asked('["deny"]')).toEqual([403, 403]);
  });
});

describe('the root namespace', () => {
  it.each(['/', 'root'])('named %s is echoed on every kind of answer', async (namespace) => {
    const headers = { 'x-vault-namespace': namespace };
    for (const [method, path, status] of [
      ['GET', 'sys/health', 200],
      ['GET', 'echo/reply/nothing', 404],
      ['PUT', 'echo/reply/nothing', 204],
      ['GET', 'sys//health', 301],
      ['GET', 'nowhere', 404],
    ] as const) {
      expect(await server.wire.ask(method, path, { headers })).toMatchObject({ status, headers });
    }
  });

  it('is the only one, however it is spelled', async () => {
    for (const namespace of ['team', 'root/', 'Root', '//', '/root', 'a, b']) {
      const headers = { 'x-vault-namespace': namespace };
      const { status, json } = await server.wire.ask('GET', 'sys/health', { headers });
      expect([namespace, status, json]).toEqual([namespace, 404, { errors: ['namespace not found'] }]);
    }
    const empty = await server.wire.ask('GET', 'sys/health', { headers: { 'x-vault-namespace': '' } });
    expect(empty.status).toBe(200);
  });
});

describe('answers', () => {
  it('are of exactly one type, and to HEAD the headers alone', async () => {
    for (const [method, path, status] of [
      ['GET', 'sys/health', 200],
      ['GET', 'echo/reply/data', 200],
      ['GET', 'echo/reply/nothing', 404],
      ['POST', 'sys/health', 405],
      ['HEAD', 'sys/health', 200],
      ['HEAD', 'echo/reply/data', 405],
    ] as const) {
      const answer = await server.wire.ask(method, path, { token: rootToken });
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.headers['content-type']).toBe('application/json');
      if (method === 'HEAD') expect(answer.text).toBe('');
    }
  });

  it('have no body where the status that was asked for has none', async () => {
    for (const code of [204, 205, 304]) {
      const { status, text, headers } = await server.wire.ask('GET', `sys/health?activecode=${code}`);
      expect([status, text, headers['content-type']]).toEqual([code, '', undefined]);
      expect(Number(headers['content-length'] ?? 0)).toBe(0);
    }
  });

  it('tell health by status to HEAD too', async () => {
    expect((await server.wire.ask('HEAD', 'sys/health?activecode=299', {})).status).toBe(299);
  });
});
