/** PgBouncer between the real program and PostgreSQL: refused where it lends sessions by the transaction, of use where it keeps them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, type TestContext } from 'vitest';
import { type DatabasePlace, databasePlace } from '../setup/database-place.ts';
import { freePort } from '../setup/free-port.ts';
import { need } from '../setup/need.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, startServer } from './server-process.ts';
import { at, openWire } from './wire.ts';

/** The user "nobody" of Debian: PgBouncer refuses to run as root. */
const nobody = 65_534;
const poolers = new Set<ChildProcess>();
const directory = mkdtempSync(join(tmpdir(), 'coffer-pooler-'));
const database = await databasePlace('postgresql');

afterAll(async () => {
  await cleanUp();
  for (const pooler of poolers) pooler.kill('SIGKILL');
  await database?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Resolves with the URL of the same database by way of a pooler that listens. */
async function pooler(
  context: TestContext,
  { server, name, password }: DatabasePlace,
  mode: string,
  settings: readonly string[] = [],
): Promise<string> {
  const program = need(context, 'pgbouncer');
  const port = await freePort();
  const [config, users] = [join(directory, `${port}.ini`), join(directory, `${port}.txt`)];
  const lines = [
    '[databases]',
    `* = host=${server.host} port=${server.port}`,
    '[pgbouncer]',
    `pool_mode = ${mode}`,
    `listen_port = ${port}`,
    'listen_addr = 127.0.0.1',
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    ...settings,
  ];
  writeFileSync(config, lines.join('\n'));
  writeFileSync(users, `"${name}" "${password}"\n`);
  chmodSync(directory, 0o755);
  const rights = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  if (rights.uid !== undefined) for (const file of [config, users]) chownSync(file, nobody, nobody);
  const child = spawn(program, ['-q', config], { stdio: 'ignore', ...rights });
  poolers.add(child);
  await expect.poll(() => answers(port), { timeout: 30_000 }).toBe(true);
  return `postgres://${name}:${password}@127.0.0.1:${port}/${name}`;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

const lending = [
  ['transaction', []],
  ['transaction', ['server_round_robin = 1', 'min_pool_size = 4']],
  ['transaction', ['default_pool_size = 1']],
  ['statement', []],
] as const;

for (const [mode, settings] of lending) {
  const named = [mode, ...settings].join(', ');
  it(`a pooler that lends sessions by the ${named}, is refused before anything is made`, async (context) => {
    if (database === undefined) return context.skip('there is no PostgreSQL');
    const url = await pooler(context, database, mode, settings);
    const words = ['server', '--listen', '127.0.0.1:0', '--init'];
    const outcome = await cli(freshPlace(), words, { env: { COFFER_STORAGE: url } });
    expect(outcome).toMatchObject({ code: 10, stderr: expect.stringContaining('pool_mode = session') });
    expect(outcome.stderr).not.toContain(database.password);
    expect(await database.sql("SELECT 1 FROM pg_tables WHERE tablename LIKE 'coffer%'")).toEqual([]);
  });
}

it('a pooler that keeps a session for each connection is none to worry about', async (context) => {
  if (database === undefined) return context.skip('there is no PostgreSQL');
  const place = freshPlace();
  const env = { COFFER_STORAGE: await pooler(context, database, 'session') };
  const server = await startServer(place, { words: ['--init'], env });
  const wire = openWire(server.address, rootTokenOf(place));
  await wire.ask('PUT', 'secret/data/a', { body: { data: { word: 'one' } } });
  expect(at((await wire.ask('GET', 'secret/data/a')).json, 'data', 'data', 'word')).toBe('one');
  wire.close();
  expect(await server.stop()).toMatchObject({ code: 0 });
});
