/** The wire contract of kv version 2. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { type ContractServer, openContractServer } from './contract-server.ts';
import { contract, envelopeNames } from './wire-contract.fixture.ts';

let server: ContractServer;
beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server[Symbol.asyncDispose]());
const at = () => server;
const nothing = { errors: [] };
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);

describe('versions', () => {
  contract(at, [
    { ask: ['POST', 'secret/data/app', {}], status: 400, answer: { errors: ['no data provided'] } },
    {
      ask: ['POST', 'secret/data/app', { data: null }],
      status: 400,
      answer: { errors: ['no data provided'] },
    },
    {
      ask: ['POST', 'secret/data/app', { data: { a: 1 }, options: { cas: 0 } }],
      status: 200,
      answer: {
        data: { version: 1, created_time: time, deletion_time: '', destroyed: false, custom_metadata: null },
        warnings: null,
      },
    },
    {
      ask: ['POST', 'secret/data/app', { data: { a: 2 }, options: { cas: 0 } }],
      status: 400,
      answer: { errors: ['check-and-set parameter did not match the current version'] },
    },
    {
      ask: ['POST', 'secret/data/app', { data: { a: 2 }, options: { cas: '1' } }],
      status: 200,
      answer: { data: { version: 2 } },
    },
    { ask: ['POST', 'secret/data/new', { data: {}, options: { cas: 1 } }], status: 400 },
    { ask: ['GET', 'secret/data/new'], status: 404, answer: nothing },
    {
      ask: ['GET', 'secret/data/app?version=1'],
      status: 200,
      answer: { data: { data: { a: 1 }, metadata: { version: 1 } } },
    },
    ...[0, -1, 2].map((version) => ({
      ask: ['GET', `secret/data/app?version=${version}`] as const,
      status: 200,
      answer: {
        data: {
          data: { a: 2 },
          metadata: { version: 2, deletion_time: '', destroyed: false, custom_metadata: null },
        },
      },
    })),
    { ask: ['GET', 'secret/data/app?version=9'], status: 404, answer: nothing },
    { ask: ['DELETE', 'secret/data/app'], status: 204 },
    {
      ask: ['GET', 'secret/data/app'],
      status: 404,
      answer: {
        data: {
          data: null,
          metadata: { version: 2, deletion_time: time, destroyed: false, custom_metadata: null },
        },
        warnings: null,
      },
    },
    { ask: ['POST', 'secret/data/app', { data: {}, options: { cas: 0 } }], status: 400 },
    { ask: ['LIST', 'secret/metadata'], status: 200, answer: { data: { keys: ['app'] } } },
    ...['delete', 'undelete', 'destroy'].map((verb) => ({
      ask: ['POST', `secret/${verb}/app`, {}] as const,
      status: 400,
    })),
    { ask: ['PUT', 'secret/undelete/app', { versions: '1,2' }], status: 204 },
    { ask: ['GET', 'secret/data/app'], status: 200, answer: { data: { data: { a: 2 } } } },
    { ask: ['POST', 'secret/delete/app', { versions: ['1', 2, 77] }], status: 204 },
    {
      ask: ['GET', 'secret/data/app?version=1'],
      status: 404,
      answer: { data: { data: null, metadata: { version: 1 } } },
    },
    { ask: ['POST', 'secret/destroy/app', { versions: [1] }], status: 204 },
    { ask: ['POST', 'secret/undelete/app', { versions: [1, 2] }], status: 204 },
    {
      ask: ['GET', 'secret/data/app?version=1'],
      status: 404,
      answer: { data: { data: null, metadata: { version: 1, destroyed: true } } },
    },
    { ask: ['GET', 'secret/data/app'], status: 200, answer: { data: { data: { a: 2 } } } },
    { ask: ['DELETE', 'secret/metadata/app'], status: 204 },
    { ask: ['GET', 'secret/data/app'], status: 404, answer: nothing },
  ]);

  it('a 404 with a body is a whole envelope', async () => {
    await server.wire.ask('POST', 'secret/data/gone', { body: { data: { a: 1 } } });
    await server.wire.ask('DELETE', 'secret/data/gone');
    const { json } = await server.wire.ask('GET', 'secret/data/gone');
    expect(Object.keys(json).toSorted()).toEqual(envelopeNames);
  });
});

describe('what is missing', () => {
  contract(at, [
    { ask: ['DELETE', 'secret/data/missing'], status: 204 },
    { ask: ['DELETE', 'secret/metadata/missing'], status: 204 },
    { ask: ['POST', 'secret/delete/missing', { versions: [1] }], status: 204 },
    { ask: ['POST', 'secret/undelete/missing', { versions: [1] }], status: 204 },
    { ask: ['POST', 'secret/destroy/missing', { versions: [1] }], status: 204 },
    { ask: ['GET', 'secret/metadata/missing'], status: 404, answer: nothing },
    { ask: ['LIST', 'secret/metadata/missing'], status: 404, answer: nothing },
  ]);

  it.each([
    ['GET', 'secret/app'],
    ['POST', 'secret/app'],
    ['DELETE', 'secret/app'],
    ['LIST', 'secret/app'],
  ])('%s %s is not a path of this engine', async (method, path) => {
    const answer = await server.wire.ask(method, path, method === 'POST' ? { body: { a: 'b' } } : {});
    expect(answer).toMatchObject({
      status: 404,
      json: {
        data: null,
        warnings: [expect.stringMatching(/^Invalid path for a versioned K\/V secrets engine/)],
      },
    });
    expect(answer.json).not.toHaveProperty('errors');
  });
});

describe('metadata', () => {
  contract(at, [
    {
      ask: [
        'POST',
        'secret/metadata/set',
        {
          max_versions: '2',
          cas_required: 'true',
          delete_version_after: '3h25m19s',
          custom_metadata: { owner: 'web', n: 1 },
        },
      ],
      status: 204,
    },
    {
      ask: ['GET', 'secret/metadata/set'],
      status: 200,
      answer: {
        data: {
          created_time: time,
          updated_time: time,
          current_version: 0,
          oldest_version: 0,
          max_versions: 2,
          cas_required: true,
          delete_version_after: '3h25m19s',
          custom_metadata: { owner: 'web', n: '1' },
          versions: {},
        },
      },
    },
    { ask: ['GET', 'secret/data/set'], status: 404, answer: nothing },
    {
      ask: ['POST', 'secret/data/set', { data: {} }],
      status: 400,
      answer: { errors: ['check-and-set parameter required for this call'] },
    },
    {
      ask: ['POST', 'secret/data/set', { data: {}, options: { cas: 0 } }],
      status: 200,
      answer: { data: { version: 1, deletion_time: time, custom_metadata: { owner: 'web' } } },
    },
    {
      ask: [
        'POST',
        'secret/metadata/set',
        { custom_metadata: { only: 'this' }, cas_required: false, delete_version_after: 0 },
      ],
      status: 204,
    },
    { ask: ['POST', 'secret/data/set', { data: { v: 2 } }], status: 200 },
    { ask: ['POST', 'secret/data/set', { data: { v: 3 } }], status: 200 },
    { ask: ['GET', 'secret/data/set?version=1'], status: 404, answer: nothing },
    {
      ask: ['GET', 'secret/metadata/set'],
      status: 200,
      answer: {
        data: {
          current_version: 3,
          oldest_version: 2,
          delete_version_after: '0s',
          custom_metadata: { only: 'this' },
          versions: { 2: { created_time: time, deletion_time: '', destroyed: false }, 3: {} },
        },
      },
    },
    { ask: ['POST', 'secret/metadata/bare'], status: 204 },
    {
      ask: ['GET', 'secret/metadata/bare'],
      status: 200,
      answer: {
        data: {
          max_versions: 0,
          cas_required: false,
          delete_version_after: '0s',
          custom_metadata: null,
          versions: {},
        },
      },
    },
    { ask: ['POST', 'secret/metadata/bare', { custom_metadata: { k: 'v'.repeat(513) } }], status: 400 },
    { ask: ['POST', 'secret/metadata/bare', { custom_metadata: { ['k'.repeat(129)]: 'v' } }], status: 400 },
    { ask: ['POST', 'secret/metadata/bare', { custom_metadata: { k: ['v'] } }], status: 400 },
  ]);

  it('lists folders and keys in order, both where both are', async () => {
    for (const path of ['dir/b/x', 'dir/b', 'dir/A', 'dir/c/y/z']) {
      await server.wire.ask('POST', `secret/data/${path}`, { body: { data: {} } });
    }
    const { json } = await server.wire.ask('LIST', 'secret/metadata/dir');
    expect(json).toMatchObject({ data: { keys: ['A', 'b', 'b/', 'c/'] } });
    expect(await server.wire.ask('GET', 'secret/metadata/DIR?list=true')).toMatchObject({ status: 404 });
  });

  it('keeps ten versions where nothing else is said', async () => {
    for (let version = 1; version <= 12; version++) {
      await server.wire.ask('POST', 'secret/data/many', { body: { data: { version } } });
    }
    const { json } = await server.wire.ask('GET', 'secret/metadata/many');
    expect(json).toMatchObject({ data: { current_version: 12, oldest_version: 3 } });
  });

  it('PATCH merges into a new version, and says what is wrong as clients expect', async () => {
    const patch = async (path: string, body: JsonObject, type = 'application/merge-patch+json') => {
      const headers = { 'content-type': type };
      const { status, json } = await server.wire.ask('PATCH', path, { body, headers });
      return { status, json };
    };
    await server.wire.ask('POST', 'secret/data/patched', { body: { data: { a: 1, b: { c: 2, d: 3 } } } });
    expect(await patch('secret/data/patched', { data: { a: null, b: { c: 4 } } })).toMatchObject({
      status: 200,
      json: { data: { version: 2, destroyed: false, deletion_time: '' } },
    });
    const { json } = await server.wire.ask('GET', 'secret/data/patched');
    expect(json).toMatchObject({ data: { data: { b: { c: 4, d: 3 } } } });
    expect((await patch('secret/data/patched', {})).status).toBe(400);
    expect((await patch('secret/data/patched', { data: {} }, 'application/json')).status).toBe(415);
    expect((await patch('secret/data/never', { data: {} })).status).toBe(404);
    expect((await patch('secret/delete/patched', { versions: [1] })).status).toBe(405);
    await server.wire.ask('DELETE', 'secret/data/patched');
    expect(await patch('secret/data/patched', { data: {} })).toMatchObject({
      status: 404,
      json: { data: { version: 2, destroyed: false } },
    });
  });
});
