/** A store that moves to another place, as a person moves it: refused under a server, killed on the way, finished, served. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, type TestContext } from 'vitest';
import { changesBetween } from '../../src/core/migration/compare.ts';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { type DatabasePlace, databasePlace } from '../setup/database-place.ts';
import { need } from '../setup/need.ts';
import { fillStore, keyfileOf } from './bulk-store.ts';
import { everythingBelow, lax } from './files.ts';
import { rootTokenOf } from './kill-rounds.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  type Place,
  program,
  runProgram,
  startCli,
  startServer,
} from './server-process.ts';
import { openWire, textAt } from './wire.ts';

afterAll(cleanUp);

/** At which of a run's writes and syncs it is killed. Each run finds less to do than the one before. */
const killedAt = [1, 3, 5, 9, 14, 20, 7, 11, 2] as const;

/** Runs the program until it makes its `nth` call that puts something on disk; one thread makes them all, so that they have an order. */
function killedAtWrite(
  strace: string,
  place: Place,
  nth: number,
  words: readonly string[],
): Promise<Outcome> {
  const calls = 'fdatasync,writev,pwrite64';
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${nth}`];
  const run = ['-f', '-qq', '-o', '/dev/null', ...inject, process.execPath, program, ...words];
  return runProgram(strace, run, { ...place.env, UV_THREADPOOL_SIZE: '1' });
}

async function differing(left: string, right: string): Promise<readonly string[]> {
  const open = (data: string) =>
    openLmdbStorage({ path: join(data, 'store'), create: false, readOnly: true });
  const [source, target] = await Promise.all([open(left), open(right)]);
  const keys: string[] = [];
  for await (const { key } of changesBetween(source, target)) keys.push(key);
  await Promise.all([source.close(), target.close()]);
  return keys;
}

/** What `--storage` and the ends of a migration call the store of a data directory. */
function lmdbAt(data: string): string {
  return `lmdb:${join(data, 'store')}`;
}

/** Who is refused a place says why, and leaves it as it was. */
async function refusesServer(place: Place, data: string, reason: string): Promise<void> {
  const words = ['server', '--listen', '127.0.0.1:0', '--data', data];
  expect(await cli(place, words)).toMatchObject({ code: 10, stderr: expect.stringContaining(reason) });
}

/** A store with a secret, a token and some megabytes, whose server has stopped. */
async function filledPlace(records = 6_000): Promise<{ readonly place: Place; readonly token: string }> {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const wire = openWire(server.address, rootTokenOf(place));
  for (const word of ['one', 'two']) await wire.ask('PUT', 'secret/data/a', { body: { data: { word } } });
  const made = await wire.ask('POST', 'auth/token/create', { body: { policies: ['root'], ttl: '1h' } });
  const to = lmdbAt(join(place.home, 'new'));
  const busy = await cli(place, ['operator', 'migrate', '--from', lmdbAt(place.data), '--to', to]);
  expect(busy).toMatchObject({ code: 6, stderr: expect.stringContaining(`process ${server.pid}`) });
  expect((await wire.ask('GET', 'secret/data/a')).status).toBe(200);
  wire.close();
  await server.stop();
  await fillStore(place, records, 2_000);
  return { place, token: textAt(made.json, 'auth', 'client_token') };
}

it('moves, killed at many points, to another directory, and is served there with everything', async (context: TestContext) => {
  const strace = need(context, 'strace');
  const { place, token } = await filledPlace();
  const data = join(place.home, 'new');
  const words = ['operator', 'migrate', '--from', lmdbAt(place.data), '--to', lmdbAt(data)];
  let killed = 0;
  for (const nth of killedAt) {
    const { code, stderr } = await killedAtWrite(strace, place, nth, words);
    expect([0, 137], stderr).toContain(code);
    if (code === 0) break;
    killed += 1;
    // What was begun is told at both places; before the first mark the store is what it was.
    if (killed > 2) await refusesServer(place, place.data, 'coffer operator migrate');
    if (killed > 4) await refusesServer(place, data, 'a store is being migrated to this place');
  }
  expect(killed).toBeGreaterThan(5);
  const done = await cli(place, [...words, '--format', 'json']);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(JSON.parse(done.stdout)).toMatchObject({
    outcome: 'migrated',
    resumed: true,
    records: expect.any(Number),
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(await differing(place.data, data)).toEqual([]);
  expect(lax(everythingBelow(data))).toEqual([]);
  await refusesServer(place, place.data, `migrated to ${lmdbAt(data)}`);
  cpSync(join(place.data, 'audit'), join(data, 'audit'), { recursive: true });
  const server = await startServer(place, { words: ['--data', data] });
  const wire = openWire(server.address, token);
  expect((await wire.ask('GET', 'secret/data/a?version=1')).json).toMatchObject({
    data: { data: { word: 'one' } },
  });
  expect((await wire.ask('GET', 'secret/data/a')).json).toMatchObject({ data: { metadata: { version: 2 } } });
  wire.close();
  const verified = await cli(place, ['audit', 'verify', '--data', data, '--keyfile', keyfileOf(place)]);
  expect(verified, verified.stderr).toMatchObject({ code: 0 });
  await server.stop();
  expect(await cli(place, words)).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('nothing was done'),
  });
});

it('moves into PostgreSQL, killed on the way, is served there, and moves back', async (context: TestContext) => {
  const database = await databasePlace('postgresql');
  if (database === undefined) return context.skip('there is no PostgreSQL');
  const { place, token } = await filledPlace();
  const { server: host, name, password } = database;
  const url = `postgres://${name}@${host.host}:${host.port}/${name}`;
  const env = { PGPASSWORD: password };
  const words = ['operator', 'migrate', '--from', lmdbAt(place.data), '--to', url];
  for (const records of [1, 400, 1_500, 3_500]) {
    const running = startCli(place, words, { env });
    await untilRecords(database, records, running.ended);
    running.kill();
    expect((await running.ended).code).toBe(137);
    await refusesServer(place, place.data, 'coffer operator migrate');
    const there = ['server', '--listen', '127.0.0.1:0', '--storage', url, '--init'];
    expect(await cli(place, there, { env })).toMatchObject({
      code: 10,
      stderr: expect.stringContaining('being migrated'),
    });
  }
  const unnamed = await cli(place, ['operator', 'migrate', '--from', lmdbAt(place.data), '--cancel']);
  expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringMatching(/goes to postgres:.*--to/) });
  expect(await cli(place, [...words, '--cancel', '--target-gone'], { env })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('without --to'),
  });
  const done = await cli(place, [...words, '--format', 'json'], { env });
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(JSON.parse(done.stdout)).toMatchObject({ outcome: 'migrated', resumed: true });
  expect(done.stdout + done.stderr).not.toContain(password);

  const options = { words: ['--storage', url], env };
  const server = await startServer(place, options);
  const wire = openWire(server.address, token);
  expect((await wire.ask('GET', 'secret/data/a?version=1')).json).toMatchObject({
    data: { data: { word: 'one' } },
  });
  await wire.ask('PUT', 'secret/data/a', { body: { data: { word: 'three' } } });
  const data = join(place.home, 'back');
  const back = ['operator', 'migrate', '--from', url, '--to', lmdbAt(data)];
  expect(await cli(place, back, { env })).toMatchObject({
    code: 6,
    stderr: expect.stringContaining('is open elsewhere'),
  });
  await server.stop();
  wire.close();

  expect(await cli(place, back, { env })).toMatchObject({ code: 0 });
  const last = await startServer(place, { words: ['--storage', lmdbAt(data)] });
  const again = openWire(last.address, token);
  expect((await again.ask('GET', 'secret/data/a')).json).toMatchObject({ data: { data: { word: 'three' } } });
  again.close();
  await last.stop();
  const verified = await cli(place, ['audit', 'verify', '--storage', lmdbAt(data)]);
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });
  await database.close();
});

/** Resolves once so many records are in the database; rejects if the program ends before. */
async function untilRecords(
  database: DatabasePlace,
  records: number,
  ended: Promise<Outcome>,
): Promise<void> {
  let over: Outcome | undefined;
  void ended.then((outcome) => {
    over = outcome;
  });
  for (;;) {
    if (over !== undefined) throw new Error(`it ended with ${over.code} too early: ${over.stderr}`);
    const tables = await database.sql("SELECT 1 FROM pg_tables WHERE tablename = 'coffer_records'");
    if (tables.length === 0) continue;
    const [row] = await database.sql('SELECT count(*)::int AS count FROM coffer_records');
    if (Number(row?.['count']) >= records) return;
  }
}

it('is given up, and the store is served where it was', async (context: TestContext) => {
  const strace = need(context, 'strace');
  const { place, token } = await filledPlace();
  const data = join(place.home, 'new');
  const ends = ['--from', lmdbAt(place.data), '--to', lmdbAt(data)];
  const { code } = await killedAtWrite(strace, place, 14, ['operator', 'migrate', ...ends]);
  expect(code).toBe(137);
  await refusesServer(place, place.data, '--cancel');
  // It finds the target by itself, and leaves nothing there.
  const cancelled = await cli(place, ['operator', 'migrate', ...ends.slice(0, 2), '--cancel']);
  expect(cancelled, cancelled.stderr).toMatchObject({ code: 0 });
  const server = await startServer(place);
  const wire = openWire(server.address, token);
  expect((await wire.ask('GET', 'secret/data/a')).status).toBe(200);
  wire.close();
  await server.stop();
  expect(await cli(place, ['operator', 'migrate', ...ends])).toMatchObject({ code: 0 });
});

it('threat 16: is told what it cannot do, in words, and shows no password', async () => {
  const place = freshPlace();
  const asked = (...words: readonly string[]) => cli(place, ['operator', 'migrate', ...words]);
  expect(await asked()).toMatchObject({ code: 2, stderr: expect.stringContaining('--from') });
  expect(await asked('--from', 'lmdb:x')).toMatchObject({ code: 2, stderr: expect.stringContaining('--to') });
  for (const url of ['redis://u@host/', 'postgres://u@host/d?pass=x', 'x', 'lmdb:']) {
    expect(await asked('--from', url, '--to', 'lmdb:x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--from'),
    });
  }
  for (const url of ['redis://u:pass-word-9@host/', 'postgres://u:pass-word-9@127.0.0.1:1/d']) {
    const { code, stdout, stderr } = await asked('--from', url, '--to', 'lmdb:x');
    expect([code, stdout + stderr]).toEqual([2, expect.stringContaining('--from')]);
    expect(stdout + stderr).not.toContain('pass-word-9');
  }
  expect(await asked('--from', 'memory:', '--to', 'lmdb:x')).toMatchObject({ code: 2 });
  const none = await asked('--from', `lmdb:${place.home}/none`, '--to', `lmdb:${place.home}/new`);
  expect(none).toMatchObject({ code: 10, stderr: expect.stringContaining('no store') });
  expect(readdirSync(place.home)).toEqual([]);
  const { place: filled } = await filledPlace(1);
  const inside = await asked('--from', `lmdb:${filled.data}`, '--to', `lmdb:${place.home}/new`);
  expect(inside).toMatchObject({ code: 10, stderr: expect.stringContaining(`name ${lmdbAt(filled.data)}`) });
});
