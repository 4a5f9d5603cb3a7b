/** Backups as a person makes and needs them: from a server at work, proven, restored elsewhere, and cut off on the way. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { defaultRoom } from '../../src/storage/lmdb/room.ts';
import { databasePlace } from '../setup/database-place.ts';
import { fillStore, keyfileOf } from './bulk-store.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, program, startServer } from './server-process.ts';
import { at, openWire } from './wire.ts';

afterAll(cleanUp);

it('a store is backed up under load, proven, and restored elsewhere, where old tokens are refused', async () => {
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const root = rootTokenOf(place);
  const wire = openWire(server.address, root);
  const put = (name: string, word: string) =>
    wire.ask('PUT', `secret/data/${name}`, { body: { data: { word } } });
  for (let count = 0; count < 200; count++) await put(`kept/${count}`, `w${count}`);
  const made = await wire.ask('POST', 'auth/token/create', { body: { policies: ['root'] } });
  const token = String(at(made.json, 'auth', 'client_token'));
  let writing = true;
  let writes = 0;
  const load = Array.from({ length: 8 }, async (_, lane) => {
    while (writing) expect((await put(`load/${lane}`, `${writes++}`)).status).toBe(200);
  });
  const env = { COFFER_ADDR: server.address };
  const file = join(place.home, 'one.backup');
  const backup = await cli(place, ['operator', 'backup', file], { env });
  writing = false;
  await Promise.all(load);
  expect(backup, backup.stderr).toMatchObject({ code: 0 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(writes).toBeGreaterThan(0);

  const verified = await cli(place, ['operator', 'verify-backup', file, '--format', 'json']);
  expect(verified, verified.stderr).toMatchObject({ code: 0 });
  expect(JSON.parse(verified.stdout)).toMatchObject({ tag: 'signed', origin: 'request' });
  expect(await cli(place, ['operator', 'backup', file], { env })).toMatchObject({ code: 6 });

  const data = join(place.home, 'elsewhere');
  const tokenFile = join(place.home, 'new-root');
  const words = ['operator', 'restore', file, '--data', data, '--root-token-file', tokenFile];
  const restored = await cli(place, words);
  expect(restored, restored.stderr).toMatchObject({ code: 0, stdout: '' });
  expect(restored.stderr).toContain('left behind: 2 tokens');
  expect(restored.stderr).toContain('lost: everything written after the backup');
  expect(await cli(place, ['operator', 'restore', file, '--data', data])).toMatchObject({ code: 6 });
  const newRoot = readFileSync(tokenFile, 'utf8').trim();
  for (const secret of [newRoot, token, root, 'w17']) {
    expect(backup.stderr + verified.stdout + restored.stderr).not.toContain(secret);
    expect(readFileSync(file, 'latin1')).not.toContain(secret);
  }

  const second = await startServer(place, { words: ['--data', data] });
  const again = openWire(second.address, newRoot);
  for (let count = 0; count < 200; count++) {
    const { json } = await again.ask('GET', `secret/data/kept/${count}`);
    expect(at(json, 'data', 'data', 'word')).toBe(`w${count}`);
  }
  for (const old of [token, root]) {
    expect((await again.ask('GET', 'secret/data/kept/1', { token: old })).status).toBe(403);
  }
  const audit = await cli(place, ['audit', 'verify', '--data', data]);
  expect(audit, audit.stdout + audit.stderr).toMatchObject({ code: 0 });
  expect(audit.stderr).toContain('restored from a backup');
  wire.close();
  again.close();
  await Promise.all([server.stop(), second.stop()]);
  // The log of the store before still holds, and so it does for the restored store that knows its chains.
  expect(await cli(place, ['audit', 'verify'])).toMatchObject({ code: 0 });
});

it('a store in PostgreSQL is backed up with its server and without, and restored into another', async (context) => {
  const database = await databasePlace('postgresql');
  if (database === undefined) return context.skip('there is no PostgreSQL');
  const place = freshPlace();
  const { server: host, name, password } = database;
  await database.sql(`CREATE SCHEMA restored AUTHORIZATION ${name}`);
  const url = `postgres://${name}@${host.host}:${host.port}/${name}`;
  const env = { PGPASSWORD: password };
  const server = await startServer(place, { words: ['--storage', url, '--init'], env });
  const wire = openWire(server.address, rootTokenOf(place));
  await wire.ask('PUT', 'secret/data/a', { body: { data: { word: 'kept' } } });
  const online = join(place.home, 'online.backup');
  const told = { ...env, COFFER_ADDR: server.address, VAULT_TOKEN: rootTokenOf(place) };
  expect(await cli(place, ['operator', 'backup', online], { env: told })).toMatchObject({ code: 0 });
  const offline = join(place.home, 'offline.backup');
  expect(await cli(place, ['operator', 'backup', '--storage', url, offline], { env })).toMatchObject({
    code: 0,
  });
  const both = ['--storage', url, '--data', place.data];
  expect(await cli(place, ['operator', 'backup', ...both, offline], { env })).toMatchObject({ code: 2 });
  const generated = await cli(place, ['operator', 'generate-root', '--storage', url], { env });
  expect(generated, generated.stderr).toMatchObject({ code: 0 });
  expect((await wire.ask('GET', 'secret/data/a', { token: generated.stdout.trim() })).status).toBe(200);
  expect(await cli(place, ['operator', 'restore', offline, '--storage', url], { env })).toMatchObject({
    code: 6,
  });
  wire.close();
  await server.stop();
  const verified = await cli(place, ['audit', 'verify', '--storage', url], { env });
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 0 });

  const other = `${url}?schema=restored`;
  const data = join(place.home, 'elsewhere');
  const file = join(place.home, 'root');
  const restore = ['operator', 'restore', online, '--storage', other, '--root-token-file', file];
  const restored = await cli(place, restore, { env });
  expect(restored, restored.stderr).toMatchObject({ code: 0 });
  const second = await startServer(place, { words: ['--storage', other, '--data', data], env });
  const again = openWire(second.address, readFileSync(file, 'utf8').trim());
  expect(at((await again.ask('GET', 'secret/data/a')).json, 'data', 'data', 'word')).toBe('kept');
  again.close();
  await second.stop();
  await database.close();
});

it('a killed backup leaves no file, and a killed restore a place that nobody serves; both can be run again', async () => {
  const place = freshPlace();
  await (await startServer(place, { words: ['--init'] })).stop();
  await fillStore(place, 30_000, 300);
  const file = join(place.home, 'big.backup');
  const part = join(place.home, '.big.backup.backup.part');
  const backup = ['operator', 'backup', '--data', place.data, file];
  const data = join(place.home, 'elsewhere');
  const restore = [
    'operator',
    'restore',
    file,
    '--data',
    data,
    '--root-token-file',
    join(place.home, 'token'),
  ];

  await killWhen(place, backup, () => existsSync(part) && statSync(part).size > 0);
  expect(existsSync(file)).toBe(false);
  const whole = await cli(place, backup);
  expect(whole, whole.stderr).toMatchObject({ code: 0 });
  expect(readdirSync(place.home).filter((name) => name.includes('part'))).toEqual([]);

  await killWhen(place, restore, () => sizeOf(join(data, 'store', 'data.mdb')) > defaultRoom + 2_000_000);
  await expect(startServer(place, { words: ['--data', data] })).rejects.toThrow('coffer operator restore');
  await expect(startServer(place, { words: ['--data', data, '--init'] })).rejects.toThrow(
    'coffer operator restore',
  );
  const restored = await cli(place, restore);
  expect(restored, restored.stderr).toMatchObject({ code: 0 });
  const server = await startServer(place, { words: ['--data', data] });
  const wire = openWire(server.address, readFileSync(join(place.home, 'token'), 'utf8').trim());
  expect((await wire.ask('GET', 'auth/token/lookup-self')).status).toBe(200);
  wire.close();
  await server.stop();
});

it('100,000 records are backed up, proven and restored in memory that does not grow with them', async (context) => {
  if (!existsSync('/proc/self/status')) context.skip('memory is told by /proc, which is Linux');
  const place = freshPlace();
  await (await startServer(place, { words: ['--init'] })).stop();
  await fillStore(place, 100_000, 1_000);
  const server = await startServer(place);
  const before = anonymousMemory(server.pid);
  const file = join(place.home, 'huge.backup');
  const env = { COFFER_ADDR: server.address };
  const peaks = await peakDuring(place, ['operator', 'backup', file], env, server.pid);
  expect(statSync(file).size).toBeGreaterThan(100_000_000);
  const data = join(place.home, 'elsewhere');
  const verify = await peakDuring(place, ['operator', 'verify-backup', file], env);
  const restore = await peakDuring(place, ['operator', 'restore', file, '--data', data], env);
  const ends = ['--from', `lmdb:${join(data, 'store')}`, '--to', `lmdb:${join(place.home, 'moved')}`];
  const migrate = await peakDuring(place, ['operator', 'migrate', ...ends], env);
  const told = {
    before,
    migrate: migrate.own,
    server: peaks.other,
    backup: peaks.own,
    verify: verify.own,
    restore: restore.own,
  };
  process.stderr.write(`RssAnon in MiB: ${JSON.stringify(told)}\n`);
  expect(peaks.other - before).toBeLessThan(60);
  for (const own of [peaks.own, verify.own, restore.own, migrate.own]) expect(own).toBeLessThan(200);
  await server.stop();
}, 300_000);

it('damage is told by exit codes', async () => {
  const place = freshPlace();
  await (await startServer(place, { words: ['--init'] })).stop();
  const file = join(place.home, 'one.backup');
  const keyfile = keyfileOf(place);
  const taken = await cli(place, ['operator', 'backup', '--data', place.data, '--unsigned', file]);
  expect(taken).toMatchObject({ code: 0 });
  expect(taken.stderr).toContain('has no tag');
  const verify = (...words: string[]) => cli(place, ['operator', 'verify-backup', file, ...words]);
  expect(await verify('--keyfile', keyfile)).toMatchObject({ code: 0 });
  expect((await verify('--checksum-only')).stderr).toContain('only the checksum was checked');
  const restore = await cli(place, ['operator', 'restore', file, '--data', join(place.home, 'new')]);
  expect(restore).toMatchObject({ code: 7 });
  expect(existsSync(join(place.home, 'new'))).toBe(false);
  expect(await verify('--keyfile', join(place.home, 'none'))).not.toMatchObject({ code: 0 });
  expect(await cli(place, ['operator', 'verify-backup', join(place.home, 'none')])).toMatchObject({
    code: 3,
  });
  expect(await cli(place, ['operator', 'verify-backup', keyfile])).toMatchObject({ code: 2 });
});

function launch(
  place: Place,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  return spawn(process.execPath, [program, ...words], { env: { ...place.env, ...env }, stdio: 'ignore' });
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (code) => resolve(code)));
}

/** `kill -9` at the first moment that `when` holds. */
async function killWhen(place: Place, words: readonly string[], when: () => boolean): Promise<void> {
  const child = launch(place, words);
  const end = endOf(child);
  while (child.exitCode === null && !when()) await nextLook(1);
  child.kill('SIGKILL');
  expect(await end, 'it was still at work').toBeNull();
}

/** Looking all the time would take the CPU from what is looked at. */
function nextLook(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The most memory of its own, in MiB, that a command had, and the process `other` meanwhile. */
async function peakDuring(
  place: Place,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  other = 0,
): Promise<{ readonly own: number; readonly other: number }> {
  const child = launch(place, words, env);
  const end = endOf(child);
  const peaks = { own: 0, other: 0 };
  while (child.exitCode === null && child.signalCode === null) {
    peaks.own = Math.max(peaks.own, anonymousMemory(child.pid ?? 0));
    if (other > 0) peaks.other = Math.max(peaks.other, anonymousMemory(other));
    await nextLook(50);
  }
  expect(await end).toBe(0);
  return peaks;
}

function anonymousMemory(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
