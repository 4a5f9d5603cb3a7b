import { expect, test } from 'vitest';
import { CofferError, type ErrorCode } from '../errors.ts';
import type { JsonValue } from '../json.ts';
import { openClient } from './client.ts';
import { startWire } from './wire.fixture.ts';
import { ApiError } from './wire-error.ts';

const token = 'hvs.abcdefghijklmnopqrstuvwx';

async function failure(promise: Promise<unknown>): Promise<CofferError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof CofferError) return thrown;
  throw new Error('expected a CofferError');
}

test('a read carries the token in a header and nothing in the URL', async () => {
  await using server = await startWire(() => ({ body: { data: { a: 1 } } }));
  using client = openClient({ address: server.address, token, namespace: 'team' });
  const answer = await client.request('GET', 'secret/data/my app/ü?#%', { query: { version: 2 } });
  expect(answer).toEqual({ status: 200, body: { data: { a: 1 } } });
  const [seen] = server.seen;
  expect(seen?.url).toBe('/v1/secret/data/my%20app/%C3%BC%3F%23%25?version=2');
  expect(seen?.headers['x-vault-token']).toBe(token);
  expect(seen?.headers['x-vault-request']).toBe('true');
  expect(seen?.headers['x-vault-namespace']).toBe('team');
});

test('LIST goes out as GET with ?list=true', async () => {
  await using server = await startWire(() => ({ body: { data: { keys: [] } } }));
  using client = openClient({ address: server.address });
  await client.request('LIST', 'secret/metadata/');
  expect(server.seen[0]).toMatchObject({ method: 'GET', url: '/v1/secret/metadata/?list=true' });
  expect(server.seen[0]?.headers['x-vault-token']).toBeUndefined();
});

test('a write sends JSON, a patch its own type, and both answer 204 as no body', async () => {
  await using server = await startWire(() => ({}));
  using client = openClient({ address: server.address });
  const answer = await client.request('POST', 'a', { body: { x: 'ü' }, wrapTtl: '5m' });
  await client.request('PATCH', 'a', { body: { x: null } });
  await client.request('PUT', 'a');
  expect(answer).toEqual({ status: 204, body: undefined });
  expect(server.seen.map((seen) => [seen.headers['content-type'], seen.body])).toEqual([
    ['application/json', '{"x":"ü"}'],
    ['application/merge-patch+json', '{"x":null}'],
    ['application/json', '{}'],
  ]);
  expect(server.seen[0]?.headers['x-vault-wrap-ttl']).toBe('5m');
});

test('an address may have a path below which the API lives', async () => {
  await using server = await startWire(() => ({ body: {} }));
  using client = openClient({ address: `${server.address}/vault/` });
  await client.request('GET', 'sys/health');
  expect(server.seen[0]?.url).toBe('/vault/v1/sys/health');
});

const wireErrors: readonly (readonly [number, JsonValue, ErrorCode])[] = [
  [400, { errors: ['bad field'] }, 'invalid_request'],
  [400, { errors: ['check-and-set parameter did not match the current version'] }, 'conflict'],
  [400, { errors: ['path is already in use at x/'] }, 'conflict'],
  [400, { errors: ['Vault is already initialized'] }, 'already_initialized'],
  [403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] }, 'permission_denied'],
  [404, { errors: [] }, 'not_found'],
  [404, { errors: ['no handler for route "x". route entry not found.'] }, 'no_route'],
  [404, { errors: ['unsupported path'] }, 'unsupported_path'],
  [405, { errors: ['unsupported operation'] }, 'unsupported_operation'],
  [413, {}, 'payload_too_large'],
  [415, {}, 'unsupported_media_type'],
  [429, { errors: ['rate limit quota exceeded'] }, 'rate_limited'],
  [500, { errors: ['internal error'] }, 'internal'],
  [502, 'a page', 'unavailable'],
  [503, { errors: ['Vault is sealed'] }, 'sealed'],
  [503, { errors: ['standby without leader'] }, 'unavailable'],
];

test.each(wireErrors)('status %i with %j is %s', async (status, body, code) => {
  await using server = await startWire(() => ({ status, body }));
  using client = openClient({ address: server.address });
  const error = await failure(client.request('GET', 'secret/data/x'));
  expect(error.code).toBe(code);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status, body });
  expect(error.message).not.toContain('\n');
});

test('the words of an error are the server’s, with what was asked', async () => {
  await using server = await startWire(() => ({
    status: 403,
    body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] },
  }));
  using client = openClient({ address: server.address, token });
  const error = await failure(client.request('GET', 'secret/data/x'));
  expect(error.message).toBe('permission denied (GET secret/data/x)');
});

test('a refusal names the request that the audit log knows, and nothing else that a header says', async () => {
  const id = '5d74506c-bddd-4190-aa38-d07d31e50bc1';
  for (const [header, status, message] of [
    [id, 403, `permission denied (GET x; request ${id})`],
    ['a b', 403, 'permission denied (GET x)'],
    ['x'.repeat(65), 403, 'permission denied (GET x)'],
    [id, 400, 'permission denied (GET x)'],
  ] as const) {
    const body = { errors: ['permission denied'] };
    await using server = await startWire(() => ({
      status,
      body,
      headers: { 'X-Coffer-Request-Id': header },
    }));
    using client = openClient({ address: server.address, token });
    expect((await failure(client.request('GET', 'x'))).message).toBe(message);
  }
});

test('threat 16: an answer that repeats the token does not get it into the message', async () => {
  await using server = await startWire(() => ({ status: 400, body: { errors: [`bad token ${token}`] } }));
  using client = openClient({ address: server.address, token: 'other' });
  const error = await failure(client.request('GET', 'x', { token }));
  expect(error.message).toBe('bad token [token] (GET x)');
});

test('statuses that are asked for are answers', async () => {
  await using server = await startWire(() => ({ status: 503, body: { sealed: true } }));
  using client = openClient({ address: server.address });
  expect(await client.request('GET', 'sys/health', { accept: [503] })).toEqual({
    status: 503,
    body: { sealed: true },
  });
});

test('threat 17: the token follows no redirect to another host', async () => {
  await using other = await startWire(() => ({ body: {} }));
  await using server = await startWire(() => ({
    status: 307,
    headers: { Location: `${other.address}/v1/x` },
  }));
  using client = openClient({ address: server.address, token });
  const error = await failure(client.request('GET', 'x'));
  expect(error.code).toBe('unavailable');
  expect(other.seen).toEqual([]);
});

test('a redirect on the same host is followed, a circle is not', async () => {
  await using server = await startWire((seen) =>
    seen.url === '/v1/a'
      ? { status: 307, headers: { Location: '/v1/b' } }
      : seen.url === '/v1/b'
        ? { body: { method: seen.method, body: seen.body } }
        : { status: 301, headers: { Location: seen.url } },
  );
  using client = openClient({ address: server.address, token });
  const followed = await client.request('POST', 'a', { body: { x: 1 } });
  expect(followed.body).toEqual({ method: 'POST', body: '{"x":1}' });
  expect((await failure(client.request('GET', 'circle'))).code).toBe('unavailable');
});

test('nobody at the address: what to do about it', async () => {
  const server = await startWire(() => ({}));
  await server[Symbol.asyncDispose]();
  using client = openClient({ address: server.address, token });
  const error = await failure(client.request('GET', 'x'));
  expect(error.code).toBe('unavailable');
  expect(error.message).toContain('is the server running?');
});

test('https to a server of plain http says what may be wrong', async () => {
  await using server = await startWire(() => ({}));
  using client = openClient({ address: server.address.replace('http:', 'https:') });
  const error = await failure(client.request('GET', 'sys/health'));
  expect(error).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('does the server speak plain http?'),
  });
});

test('an answer that does not come ends in request_timeout, a withdrawn request in unavailable', async () => {
  await using server = await startWire(() => undefined);
  using hasty = openClient({ address: server.address, timeout: 20 });
  expect((await failure(hasty.request('GET', 'x'))).code).toBe('request_timeout');
  using patient = openClient({ address: server.address });
  const withdrawn = failure(patient.request('GET', 'x', { signal: AbortSignal.abort() }));
  expect((await withdrawn).code).toBe('unavailable');
});

test('an answer that is not JSON is refused without repeating it', async () => {
  await using server = await startWire(() => ({ text: '<html>s3cret' }));
  using client = openClient({ address: server.address });
  const error = await failure(client.request('GET', 'x'));
  expect(error.code).toBe('unavailable');
  expect(error.message).not.toContain('s3cret');
  expect(error.cause).toBeUndefined();
});

test.each(['a/../b', './a', 'a//b', '\ud800'])(
  'threat 12: the path %j is refused before it is sent',
  async (path) => {
    await using server = await startWire(() => ({ body: {} }));
    using client = openClient({ address: server.address });
    expect((await failure(client.request('GET', path))).code).toBe('invalid_request');
    expect(server.seen).toEqual([]);
  },
);

test.each([
  '',
  'host:8200',
  'ftp://host',
  'http://',
  'https://user:pw@host',
  'https://host?x=1',
  'https://host/v1/',
])('the address %j is refused and not repeated', (address) => {
  const open = () => openClient({ address });
  expect(open).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(open).not.toThrow(/pw@/);
});

test('only plain http to another machine is exposed', () => {
  const exposed = (address: string) => openClient({ address }).exposed;
  expect(exposed('http://example.com:8200')).toBe(true);
  expect(exposed('https://example.com:8200')).toBe(false);
  expect(exposed('http://127.0.0.1:8200')).toBe(false);
  expect(exposed('http://[::1]:8200')).toBe(false);
  expect(exposed('http://localhost:8200')).toBe(false);
  expect(exposed('http://127.0.0.1.example.com')).toBe(true);
});
