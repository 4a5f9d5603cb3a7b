/** What a database is found in at the start, and what is said of it. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DatabasePlace, databasePlace } from '../../../test/setup/database-place.ts';
import { systemClock } from '../../clock.ts';
import { bytes, key } from '../opened-storage.ts';
import type { SnapshotStorage } from '../snapshot.ts';
import type { Storage } from '../storage.ts';
import { parsePostgresAddress } from './address.ts';
import { openPostgresStorage, type PostgresOptions } from './postgres.ts';
import { prepareTables, steps } from './schema.ts';
import { openSession, standardDeadlines } from './session.ts';

const found = await databasePlace('postgresql');
afterAll(() => found?.close());

describe.skipIf(found === undefined)('the tables of a store', () => {
  const place = found as DatabasePlace;
  const opened: Storage[] = [];
  let schema: string;

  beforeEach(async () => {
    schema = `s_${randomBytes(6).toString('hex')}`;
    await place.sql(`CREATE SCHEMA ${schema} AUTHORIZATION ${place.name}`);
  });
  afterEach(() => Promise.all(opened.splice(0).map((storage) => storage.close())));

  const urlFor = (database = place.name, user = place.name, password = place.password) =>
    `postgres://${user}:${password}@${place.server.host}:${place.server.port}/${database}?schema=${schema}`;

  async function open(wish: Partial<PostgresOptions> = {}): Promise<SnapshotStorage> {
    const storage = await openPostgresStorage({ url: urlFor(), create: true, ...wish });
    opened.push(storage);
    return storage;
  }

  const unusable = (pattern: RegExp) => ({ code: 'store_unusable', message: expect.stringMatching(pattern) });
  const tables = async () =>
    (
      await place.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'",
        [schema],
      )
    ).length;

  it('are made once, by however many nodes that start at the same moment', async () => {
    const nodes = await Promise.all(Array.from({ length: 8 }, () => open()));
    await Promise.all(
      nodes.map((node, index) => node.commit([{ key: key(`k${index}`), value: bytes('1') }])),
    );
    expect((await nodes[0]?.children('', { limit: 10 }))?.items).toHaveLength(8);
  });

  it('are missed in an empty database unless it may make them, and nothing is made then', async () => {
    await expect(open({ create: false })).rejects.toMatchObject(
      unusable(/no store in this database.*--init/),
    );
    await expect(open({ create: true, readOnly: true })).rejects.toMatchObject(unusable(/no store/));
    expect(await tables()).toBe(0);
  });

  it('of somebody else are left alone', async () => {
    await place.sql(`CREATE TABLE ${schema}.coffer_records (id int)`);
    await expect(open()).rejects.toMatchObject(
      unusable(/coffer_records in schema .* was not made by Coffer/),
    );
    expect(await tables()).toBe(1);
  });

  it('that lost one of them are not mended by guessing', async () => {
    await open();
    await place.sql(`DROP TABLE ${schema}.coffer_commits`);
    await expect(open()).rejects.toMatchObject(unusable(/damaged/));
  });

  it('of a newer Coffer are refused by an older one', async () => {
    await open();
    await place.sql(`UPDATE ${schema}.coffer_store SET step = 99`);
    await expect(open()).rejects.toMatchObject(unusable(/newer Coffer \(step 99/));
  });

  it('go forward step by step, each step once, whoever comes first', async () => {
    await open();
    const more = [
      ...steps,
      ({ records }: { readonly records: string }) => [`ALTER TABLE ${records} ADD COLUMN more int`],
    ];
    const login = {
      address: parsePostgresAddress(urlFor()),
      env: {},
      deadlines: standardDeadlines,
      clock: systemClock,
    };
    const sessions = await Promise.all([1, 2, 3, 4].map(() => openSession(login)));
    const [first] = sessions;
    if (first === undefined) throw new Error('there is no session');
    // Who only looks changes nothing.
    const looking = prepareTables(first, { schema, create: false, readOnly: true, steps: more });
    await expect(looking).rejects.toMatchObject(unusable(/earlier Coffer \(step 1/));
    expect(await place.sql(`SELECT step FROM ${schema}.coffer_store`)).toEqual([{ step: '1' }]);
    await Promise.all(
      sessions.map((session) => prepareTables(session, { schema, create: false, steps: more })),
    );
    expect(await place.sql(`SELECT step FROM ${schema}.coffer_store`)).toEqual([{ step: '2' }]);
    await Promise.all(sessions.map((session) => session.close()));
    await expect(open()).rejects.toMatchObject(unusable(/newer Coffer/));
  });

  it('that are cut off half way are as if nobody had begun', async () => {
    const broken = [...steps, () => ['CREATE TABLE no_such_schema.nothing (id int)']];
    const login = {
      address: parsePostgresAddress(urlFor()),
      env: {},
      deadlines: standardDeadlines,
      clock: systemClock,
    };
    const session = await openSession(login);
    await expect(prepareTables(session, { schema, create: true, steps: broken })).rejects.toThrow();
    await session.close();
    expect(await tables()).toBe(0);
    await open();
  });

  it.each(['LATIN1', 'SQL_ASCII'])('take every key in a database of encoding %s too', async (encoding) => {
    const database = `e_${randomBytes(6).toString('hex')}`;
    await place.sql(
      `CREATE DATABASE ${database} OWNER ${place.name} ENCODING '${encoding}' TEMPLATE template0 LOCALE 'C'`,
    );
    const url = urlFor(database).replace(/\?.*/, '');
    const storage = await open({ url });
    const names = ['é', 'ｘ', '𝒳', '\u{10ffff}'].map(key);
    await storage.commit(names.map((each) => ({ key: each, value: bytes(each) })));
    expect((await storage.children('', { limit: 10 })).items).toEqual(names);
    await storage.close();
    await place.sql(`DROP DATABASE ${database} WITH (FORCE)`);
  });

  it('threat 22: are named by quoted words alone, whatever the schema is called', async () => {
    const odd = `we"ird'; DROP SCHEMA ${schema} CASCADE; --`;
    await place.sql(`CREATE SCHEMA "${odd.replaceAll('"', '""')}" AUTHORIZATION ${place.name}`);
    const url = urlFor().replace(/schema=.*/, `schema=${encodeURIComponent(odd)}`);
    const storage = await open({ url });
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    using snapshot = await storage.snapshot();
    expect(snapshot.records).toBe(1);
    expect(await tables()).toBe(0);
    expect(await place.sql('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])).toHaveLength(1);
  });

  describe('for a user', () => {
    let user: string;
    beforeEach(async () => {
      user = `u_${randomBytes(6).toString('hex')}`;
      await place.sql(`CREATE ROLE ${user} LOGIN PASSWORD 'of-the-user'`);
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((storage) => storage.close()));
      await place.sql(`DROP OWNED BY ${user} CASCADE`);
      await place.sql(`DROP ROLE ${user}`);
    });
    const asUser = () => open({ url: urlFor(place.name, user, 'of-the-user') });

    it('who may not make them say which right is missing', async () => {
      await expect(asUser()).rejects.toMatchObject(unusable(/GRANT USAGE, CREATE ON SCHEMA/));
    });

    it('who may not use them too', async () => {
      await open();
      await place.sql(`GRANT USAGE ON SCHEMA ${schema} TO ${user}`);
      await expect(asUser()).rejects.toMatchObject(
        unusable(/if they are there already: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA/),
      );
      await place.sql(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${user}`);
      await expect(asUser()).rejects.toMatchObject(
        unusable(/GRANT SELECT, INSERT, UPDATE, DELETE ON .*coffer_records/),
      );
      await place.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${user}`);
      await (await asUser()).commit([{ key: key('a'), value: bytes('1') }]);
    });

    it('who may only read are refused', async () => {
      await place.sql(`ALTER ROLE ${user} SET default_transaction_read_only = on`);
      await expect(asUser()).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/read only/),
      });
    });
  });

  it.each([
    ['a wrong password', () => urlFor(place.name, place.name, 'wrong-secret'), /refuses the password/],
    ['no such user', () => urlFor(place.name, 'nobody_here', 'wrong-secret'), /refuses the (password|login)/],
    ['no such database', () => urlFor('no_such_database'), /no such database/],
    ['no such schema', () => urlFor().replace(/schema=.*/, 'schema=no_such'), /no schema no_such/],
  ])('are not reached with %s, and the password is not told', async (_name, url, pattern) => {
    const failure: unknown = await open({ url: url() }).catch((error: unknown) => error);
    expect(failure).toMatchObject(unusable(pattern));
    const told = `${String(failure)} ${JSON.stringify(failure)} ${String((failure as Error).cause)}`;
    for (const secret of ['wrong-secret', place.password]) expect(told).not.toContain(secret);
  });

  it('keep no mark of a commit for longer than anybody may ask for it', async () => {
    const storage = await open();
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    const old =
      'INSERT INTO %.coffer_commits SELECT floor(extract(epoch FROM now()) / 60) - 16, gen_random_uuid(), true, ARRAY[]::int[] FROM generate_series(1, 500)';
    await place.sql(old.replace('%', schema));
    const count = async () =>
      Number((await place.sql(`SELECT count(*) FROM ${schema}.coffer_commits`))[0]?.['count']);
    let commits = 1;
    // Each 256 commits old marks are taken away; nobody waits for it.
    while ((await count()) >= 500 && commits < 600) {
      await Promise.all(
        Array.from({ length: 40 }, () => storage.commit([{ key: key('a'), value: bytes('1') }])),
      );
      commits += 40;
    }
    await storage.close();
    expect(await count()).toBe(commits);
  });

  it('are not sealed away from a commit whose clock is wrong: it asks the server again', async () => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => Date.now() + ahead };
    const storage = await open({ clock });
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    ahead = 3_600_000;
    await storage.commit([{ key: key('a'), value: bytes('2') }]);
    expect((await storage.read(key('a')))?.value).toEqual(bytes('2'));
  });
});
