/** Moves, copies and deletes as the server is asked for them, and the jobs they become. */
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
    job({ status: 'done', done: 10, total: 10, result: { count: 10 } }),
  );
  const outcome = await at.run(['cp', '--recursive', 'a/', 'b/', '--yes'], { columns: 80 });
  expect(outcome.code).toBe(0);
  expect(outcome.stderr).toContain('job j1; it goes on when this command is interrupted');
  expect(outcome.stderr).toContain('[###############...............] 50%  5 of 10');
  expect(outcome.stderr).toMatch(/\r\u001b\[Ka\/: 10 secrets copied to b\/\n$/);
  expect(at.asked().map(([, url]) => url)).toEqual([
    '/v1/sys/secrets/copy',
    ...Array(3).fill('/v1/sys/jobs/j1'),
  ]);
});

test('no bar where nobody looks, and a document as JSON', async () => {
  const done = job({ status: 'done', done: 1, total: 1, result: { count: 1 } });
  await using at = await server(job({ job_id: 'j1' }), running(0, 1), done);
  const outcome = await at.run(['delete', '-r', 'a/', '--yes', '--format', 'json']);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ from: 'a', verb: 'delete', result: { count: 1 } });
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
  await using at = await server({ body: { data: { count: 3 } } });
  const outcome = await at.run(['mv', '-r', 'a/', 'b/', '--dry-run']);
  expect(outcome).toMatchObject({ code: 0, stderr: 'a/: 3 secrets would be moved to b/\n' });
  expect(at.asked()[0]?.[2]).toMatchObject({ dry_run: true });
});

test.each([[['mv', '-r', 'a/', 'b/']], [['cp', 'a', 'b', '--overwrite']], [['delete', '-r', 'a/']]])(
  '%j is asked about, and needs --yes where nobody answers',
  async (words) => {
    await using at = await server({ body: { data: {} } });
    expect(await at.run(words)).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') });
    expect((await at.run(words, { typed: 'n\n' })).stderr).toContain('nothing was done');
    expect(at.asked()).toEqual([]);
    expect((await at.run(words, { typed: 'y\n' })).code).toBe(0);
  },
);

test.each([
  [['mv', 'a/', 'b/']],
  [['mv', '-r', 'a/', 'b']],
  [['mv', 'a', 'a']],
  [['cp', '-r', 'a/', 'a/b/', '--yes']],
  [['mv', 'a', '../b']],
  [['cp', 'a//b', 'c']],
  [['delete', '-r', 'a']],
  [['delete', 'a/']],
  [['delete', '-r', 'a/', '--all', '--yes']],
  [['delete', 'a', '--dry-run']],
])('threat 12: %j is refused before anything is sent', async (words) => {
  await using at = await server({ body: { data: {} } });
  expect(await at.run(words)).toMatchObject({ code: 2, stdout: '' });
  expect(at.asked()).toEqual([]);
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
