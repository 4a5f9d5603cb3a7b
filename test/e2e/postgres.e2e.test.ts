/** The real program over a store in PostgreSQL: two servers, a crash, and what is said where the store is not to be had. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { databasePlace } from '../setup/database-place.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, startServer } from './server-process.ts';
import { at, openWire } from './wire.ts';

const database = await databasePlace('postgresql');
afterAll(async () => {
  await cleanUp();
  await database?.close();
});

describe.skipIf(database === undefined)('a server over PostgreSQL', () => {
  if (database === undefined) return;
  const { server, name, password } = database;
  const host = `${server.host}:${server.port}`;
  const url = `postgres://${name}:${password}@${host}/${name}`;
  const env = { COFFER_STORAGE: url };

  it('serves with another one, loses nothing when it is killed, and goes on', async () => {
    const place = freshPlace();
    const first = await startServer(place, { words: ['--init'], env });
    expect(first.stdout).toContain(`store       postgres://${host}/${name}\n`);
    expect(first.stdout + first.stderr).not.toContain(password);
    // A second host: a data directory of its own, the same keyfile.
    const second = await startServer(place, { words: ['--data', join(place.home, 'second')], env });
    const token = rootTokenOf(place);
    const one = openWire(first.address, token);
    const two = openWire(second.address, token);
    for (let count = 1; count <= 20; count++) {
      const [writer, reader] = count % 2 === 0 ? [one, two] : [two, one];
      await writer.ask('PUT', 'secret/data/turns', { body: { data: { count } } });
      expect(at((await reader.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(count);
    }
    await first.kill();
    expect(at((await two.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(20);
    one.close();
    const again = await startServer(place, { env });
    const three = openWire(again.address, token);
    await three.ask('PUT', 'secret/data/turns', { body: { data: { count: 21 } } });
    expect(at((await two.ask('GET', 'secret/data/turns')).json, 'data', 'data', 'count')).toBe(21);
    for (const wire of [two, three]) wire.close();
    const checked = await cli(place, ['doctor', '--format', 'json'], {
      env: { ...env, COFFER_ADDR: again.address },
    });
    const { findings } = JSON.parse(checked.stdout) as { readonly findings: readonly { check: string }[] };
    expect(findings).toContainEqual(expect.objectContaining({ check: 'audit chains', level: 'ok' }));
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['disk', 'file system', 'storage']),
    );
    expect(await second.stop()).toMatchObject({ code: 0 });
    expect(await again.stop()).toMatchObject({ code: 0 });
  });

  it('threat 16: tells no password, whatever keeps it from starting', async () => {
    const place = freshPlace();
    const start = (storage: string, words: readonly string[] = []) =>
      cli(place, ['server', '--listen', '127.0.0.1:0', ...words], { env: { COFFER_STORAGE: storage } });
    const outcomes = [
      [await start(url.replace(/[^/]*$/, 'no_such_database')), 10, 'no such database'],
      [await start(url.replace(host, '127.0.0.1:1')), 9, 'cannot be reached'],
      [await start(`${url}?schema=no_such`), 10, 'no schema no_such'],
      [await start(`${url}?sslmode=maybe`), 2, 'sslmode is one of'],
      [await cli(place, ['server', '--storage', url]), 2, 'COFFER_STORAGE'],
    ] as const;
    for (const [outcome, code, said] of outcomes) {
      expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(said) });
      expect(outcome.stdout + outcome.stderr).not.toContain(password);
    }
    expect(filesOf(place)).toEqual([]);
  });

  it('takes the password from PGPASSWORD too, and refuses an empty database that a keyfile remembers', async () => {
    const place = freshPlace();
    await database.sql('CREATE SCHEMA elsewhere');
    await database.sql(`ALTER SCHEMA elsewhere OWNER TO ${name}`);
    const bare = `postgres://${name}@${host}/${name}?schema=elsewhere`;
    const words = ['--storage', bare];
    const given = { PGPASSWORD: password };
    const running = await startServer(place, { words: [...words, '--init'], env: given });
    expect(await running.stop()).toMatchObject({ code: 0 });
    await database.sql('DROP SCHEMA elsewhere CASCADE');
    await database.sql(`CREATE SCHEMA elsewhere AUTHORIZATION ${name}`);
    const outcome = await cli(place, ['server', ...words, '--init', '--listen', '127.0.0.1:0'], {
      env: given,
    });
    expect(outcome).toMatchObject({ code: 10, stderr: expect.stringMatching(/is empty, but .*keyfile/) });
  });
});

/** Keyfiles and tokens that a start has left. */
function filesOf(place: Place): readonly string[] {
  try {
    return readdirSync(place.config).map(
      (name) => `${name}: ${readFileSync(join(place.config, name)).length}`,
    );
  } catch {
    return [];
  }
}
