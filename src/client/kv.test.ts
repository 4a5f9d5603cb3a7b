import { expect, test } from 'vitest';
import type { JsonValue } from '../json.ts';
import { openClient } from './client.ts';
import { openKv } from './kv.ts';
import { loginByJwt, renewToken } from './login.ts';
import { startWire } from './wire.fixture.ts';

const token = 'hvs.abcdefghijklmnopqrstuvwx';

test('a secret that is not there, or is deleted, is undefined; a mount that is not there is an error', async () => {
  const bodies: JsonValue[] = [
    { errors: [] },
    { data: { data: null, metadata: { version: 2, deletion_time: '2026-01-01T00:00:00Z' } } },
    { errors: ['no handler for route "x"'] },
  ];
  await using server = await startWire(() => ({ status: 404, body: bodies.shift() ?? null }));
  using client = openClient({ address: server.address, token });
  const kv = openKv(client, '/team/secret/');
  expect(await kv.read('a b')).toBeUndefined();
  expect(await kv.read('a b', 2)).toBeUndefined();
  await expect(kv.list('a')).rejects.toMatchObject({ code: 'no_route' });
  expect(server.seen.map(({ url }) => url)).toEqual([
    '/v1/team/secret/data/a%20b',
    '/v1/team/secret/data/a%20b?version=2',
    '/v1/team/secret/metadata/a/?list=true',
  ]);
});

test.each<JsonValue>([
  {},
  { data: null },
  { data: { data: { a: 1 } } },
  { data: { data: 's3cret', metadata: { version: 1, created_time: '' } } },
  { data: { data: {}, metadata: { version: '1', created_time: '' } } },
])('an answer of another shape is refused without repeating it: %j', async (body) => {
  await using server = await startWire(() => ({ body }));
  using client = openClient({ address: server.address, token });
  await expect(openKv(client).read('a')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.not.stringContaining('s3cret'),
  });
});

test('a patch is a merge patch, and names the version that it is for', async () => {
  await using server = await startWire(() => ({ body: { data: { version: 3 } } }));
  using client = openClient({ address: server.address, token });
  expect(await openKv(client).patch('a', { gone: null }, { expectedVersion: 2 })).toBe(3);
  const [seen] = server.seen;
  expect(seen).toMatchObject({ method: 'PATCH', body: '{"data":{"gone":null},"options":{"cas":2}}' });
});

test.each(['', '/', 'folder/'])('%j is no name of a secret', async (name) => {
  await using server = await startWire(() => ({}));
  using client = openClient({ address: server.address, token });
  await expect(openKv(client).delete(name)).rejects.toMatchObject({ code: 'invalid_request' });
  expect(() => openKv(client, name.replace('folder', ''))).toThrow('a kv mount has a path');
  expect(server.seen).toEqual([]);
});

test('a login without a token is no login', async () => {
  const auth = { client_token: '', accessor: '', mfa_requirement: { mfa_request_id: 'x' } };
  await using server = await startWire(() => ({ body: { auth } }));
  using client = openClient({ address: server.address });
  await expect(loginByJwt(client, { role: 'build', jwt: 'x.y.z' })).rejects.toMatchObject({
    code: 'permission_denied',
    message: expect.stringContaining('second factor'),
  });
  await expect(renewToken(client)).rejects.toMatchObject({ code: 'permission_denied' });
  expect(server.seen.map(({ url, body }) => [url, body])).toEqual([
    ['/v1/auth/jwt/login', '{"role":"build","jwt":"x.y.z"}'],
    ['/v1/auth/token/renew-self', '{}'],
  ]);
});
