/** Moves, copies, deletes and restores as the server is asked for them, and the jobs they become. */
import { expect, test } from 'vitest';
import { type Reply, startWire } from '../client/wire.fixture.ts';
import type { JsonObject } from '../json.ts';
import { call, type Scene, temporaryHome } from './cli.fixture.ts';

const job = (data: JsonObject): Reply => ({ body: { data } });
const running = (done: number, total: number | null) =>
  job({ status: 'running', done, total, problem: null, result: null });

/** A server that answers the order, then the questions about its job one after the other. */
async function server(order: Reply, ...states: readonly Reply[]) {
  const left = [...states];
  const wire = await startWire((seen) => (seen.url.startsWith('/v1/sys/jobs/') ? left.shift() : order));
  const env = { HOME: temporaryHome(), COFFER_ADDR: wire.address, COFFER_TOKEN: 'hvs.t' };
  return {
    asked: () =>
      wire.seen.map(({ method, url, body }) => [method, url, body === '' ? undefined : JSON.parse(body)]),
    run: (words: readonly string[], scene: Scene = {}) => call(words, { ...scene, env }),
    [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose](),
  };
}

test('one secret moves at once, without being asked about', async () => {
  await using at = await server({ body: { data: {} } });
  expect(await at.run(['mv', 'a/b', 'c'])).toMatchObject({ code: 0, stderr: 'a/b: moved to c\n' });
  const body = { from: 'secret/a/b', to: 'secret/c', recursive: false, overwrite: false, dry_run: false };
  expect(at.asked()).toEqual([['POST', '/v1/sys/secrets/move', body]]);
});

test('a subtree is asked about, becomes a job, and is followed to its end', async () => {
  const order = job({ job_id: 'j1' });
  await using at = await server(
    order,
    running(0, null),
    running(5, 10),
    job({ status: 'done', done: 10, total: 10, result: { copied: 9, skipped: 0 } }),
  );
  const outcome = await at.run(['cp', '--recursive', 'a/', 'b/', '--yes'], { columns: 80 });
  expect(outcome.code).toBe(0);
  expect(outcome.stderr).toContain('job j1; it goes on when this command is interrupted');
  expect(outcome.stderr).toContain('[###############...............] 50%  5 of 10');
  expect(outcome.stderr).toMatch(/\r\u001b\[Ka\/: 9 secrets copied to b\/\n$/);
  expect(at.asked().map(([, url]) => url)).toEqual([
    '/v1/sys/secrets/copy',
    ...Array(3).fill('/v1/sys/jobs/j1'),
  ]);
});

test('no bar where nobody looks, and a document as JSON', async () => {
  const done = job({ status: 'done', done: 1, total: 1, result: { deleted: 1 } });
  await using at = await server(job({ job_id: 'j1' }), running(0, 1), done);
  const outcome = await at.run(['delete', '-r', 'a/', '--yes', '--format', 'json']);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ from: 'a', verb: 'delete', result: { deleted: 1 } });
});

test.each([
  ['failed', 'the target is denied', 'the job failed: the target is denied'],
  ['cancelled', null, 'the job was cancelled'],
])('a job that %s is an error', async (status, problem, message) => {
  await using at = await server(
    job({ job_id: 'j1' }),
    job({ status, done: 1, total: 2, problem, result: null }),
  );
  const outcome = await at.run(['mv', '-r', 'a/', 'b/', '--yes']);
  expect(outcome).toMatchObject({ code: 6, stderr: expect.stringContaining(message) });
});

test('a dry run is not asked about, and changes nothing', async () => {
  await using at = await server({ body: { data: { moved: 3, skipped: 0 } } });
  const outcome = await at.run(['mv', '-r', 'a/', 'b/', '--dry-run']);
  expect(outcome).toMatchObject({ code: 0, stderr: 'a/: 3 secrets would be moved to b/\n' });
  expect(at.asked()[0]?.[2]).toMatchObject({ dry_run: true });
});

test.each([
  [['mv', '-r', 'a/', 'b/']],
  [['cp', 'a', 'b', '--overwrite']],
  [['delete', '-r', 'a/']],
  [['rollback', '-r', 'a/', '--at', '2026-03-01T12:00:00Z']],
])('%j is asked about, and needs --yes where nobody answers', async (words) => {
  await using at = await server({ body: { data: {} } });
  expect(await at.run(words)).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') });
  expect((await at.run(words, { typed: 'n\n' })).stderr).toContain('nothing was done');
  expect(at.asked()).toEqual([]);
  expect((await at.run(words, { typed: 'y\n' })).code).toBe(0);
});

test.each([
  [['mv', 'a/', 'b/']],
  [['mv', '-r', 'a/', 'b']],
  [['mv', 'a', 'a']],
  [['cp', '-r', 'a/', 'a/b/', '--yes']],
  [['mv', 'a', '../b']],
  [['cp', 'a//b', 'c']],
  [['delete', '-r', 'a']],
  [['delete', 'a/']],
  [['delete', '-r', 'a/', '--destroy', '--versions', '1', '--yes']],
  [['rollback', '-r', 'a/', '--yes']],
  [['rollback', '-r', 'a/', '--to', '1', '--yes']],
  [['rollback', '-r', 'a', '--at', '2026-03-01T12:00:00Z', '--yes']],
  [['rollback', 'a/', '--at', '2026-03-01T12:00:00Z']],
  [['rollback', 'a', '--dry-run', '--at', '2026-03-01T12:00:00Z']],
  [['rollback', '-r', 'a/', '--at', 'yesterday', '--yes']],
])('threat 12: %j is refused before anything is sent', async (words) => {
  await using at = await server({ body: { data: {} } });
  expect(await at.run(words)).toMatchObject({ code: 2, stdout: '' });
  expect(at.asked()).toEqual([]);
});

test('what is left as it is is named, and is no success', async () => {
  const result = {
    moved: 1,
    skipped: 1,
    skipped_paths: [{ path: 'secret/a/x', reason: 'the target exists' }],
  };
  const done = job({ status: 'done', done: 2, total: 2, problem: null, result });
  await using at = await server(job({ job_id: 'j1' }), done, done);
  const outcome = await at.run(['mv', '-r', 'a/', 'b/', '--yes']);
  expect(outcome.code).toBe(6);
  expect(outcome.stderr).toBe(
    'job j1; it goes on when this command is interrupted\na/: 1 secret moved to b/\n' +
      'secret/a/x: the target exists\nerror: one secret was left as it is\n',
  );
  expect((await at.run(['mv', '-r', 'a/', 'b/', '--dry-run'])).code).toBe(0);
});

test('--all is for good, and without it deleted secrets can come back', async () => {
  await using at = await server({ body: { data: { deleted: 1 } } });
  await at.run(['delete', '-r', 'a/', '--yes']);
  await at.run(['delete', '-r', 'a/', '--all', '--yes']);
  const body = { path: 'secret/a', recursive: true, dry_run: false };
  expect(at.asked().map(([, , sent]) => sent)).toEqual([
    { ...body, all: false },
    { ...body, all: true },
  ]);
});

test('a subtree is rolled back to a time, whatever zone that was said in', async () => {
  const done = job({
    status: 'done',
    done: 3,
    total: 3,
    problem: null,
    result: { restored: 2, unchanged: 1 },
  });
  await using at = await server(job({ job_id: 'j1' }), done);
  const words = ['rollback', '-r', 'a/', '--at', '2026-03-01T14:00:00.5+02:00', '--yes'];
  expect(await at.run(words)).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/\na\/: 2 secrets restored as of 2026-03-01T12:00:00\.500Z\n$/),
  });
  const body = { path: 'secret/a', at: '2026-03-01T12:00:00.500Z', recursive: true, dry_run: false };
  expect(at.asked()[0]).toEqual(['POST', '/v1/sys/secrets/restore', body]);
});

test('a mount that is not there is not a server that does not know how', async () => {
  await using at = await server({
    status: 404,
    body: { errors: ['no mount at "secret/a"'] },
    headers: { 'X-Coffer-Error': 'no_route' },
  });
  expect(await at.run(['mv', 'a', 'b'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no mount at'),
  });
});

test('a server that does not know how says so', async () => {
  await using at = await server({
    status: 404,
    body: { errors: ['no handler for route "sys/secrets/move"'] },
  });
  expect(await at.run(['mv', 'a', 'b'])).toMatchObject({
    code: 2,
    stderr: 'error: the server does not know how to move secrets\n',
  });
});

test.each([
  [['delete', 'a', '--dry-run'], 'a: version 2 would be deleted\n'],
  [
    ['delete', 'a', '--versions', '1', '--destroy', '--dry-run'],
    'a: version 1 would be destroyed for good\n',
  ],
  [['delete', 'a', '--all', '--dry-run'], 'a: all of it (version 1, 2) would be destroyed for good\n'],
])('%j asks for the history and for nothing else', async (words, stderr) => {
  const version = { created_time: '2026-03-01T12:00:00Z', deletion_time: '', destroyed: false };
  await using at = await server({
    body: { data: { current_version: 2, versions: { 1: version, 2: version } } },
  });
  expect(await at.run(words)).toMatchObject({ code: 0, stdout: '', stderr });
  expect(at.asked().map(([method, url]) => [method, url])).toEqual([['GET', '/v1/secret/metadata/a']]);
});

test('pruning destroys what is older than the newest version that can be read, and asks first', async () => {
  const version = { created_time: '2026-03-01T12:00:00Z', deletion_time: '', destroyed: false };
  const versions = {
    1: { ...version, destroyed: true },
    2: version,
    3: version,
    4: { ...version, deletion_time: '2026-03-02T12:00:00Z' },
  };
  const history = { body: { data: { current_version: 4, versions } } };
  await using asked = await server(history);
  expect(await asked.run(['prune', 'a'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--yes'),
  });
  expect(asked.asked()).toHaveLength(1);
  await using at = await server(history, { body: {} }, history);
  expect(await at.run(['prune', 'a', '--yes'])).toMatchObject({
    code: 0,
    stderr: 'a: version 2 destroyed\n',
  });
  expect(at.asked()[1]).toEqual(['POST', '/v1/secret/destroy/a', { versions: [2] }]);
  await using kept = await server(history);
  expect((await kept.run(['prune', 'a', '--keep', '2', '--yes'])).stderr).toBe('a: nothing to prune\n');
  expect((await kept.run(['prune', 'a', '--keep', '0'])).code).toBe(2);
});
