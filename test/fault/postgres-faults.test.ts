/**
 * A store in PostgreSQL while its server and the way to it fail: what is acknowledged is there, what is refused is not, nothing is
 * done twice, and nobody waits for ever.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { CofferError } from '../../src/errors.ts';
import { withOccupants } from '../../src/storage/occupants.ts';
import { bytes, key } from '../../src/storage/opened-storage.ts';
import { parsePostgresAddress } from '../../src/storage/postgres/address.ts';
import { Lanes } from '../../src/storage/postgres/lanes.ts';
import { openPostgresStorage, type PostgresOptions } from '../../src/storage/postgres/postgres.ts';
import { openSession, standardDeadlines } from '../../src/storage/postgres/session.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { WireCutter } from '../fakes/wire-cutter.ts';
import { OwnPostgresql } from '../setup/own-postgresql.ts';

const server = await OwnPostgresql.make();
/** What a packet with a commit holds, and what the answer to it ends with: ReadyForQuery, in no transaction. */
const [commitWord, ready] = ['coffer_write\0', 'Z\0\0\0\x05I'];
const short = { connect: 1_000, statement: 500 };

describe.skipIf(server === undefined)('a store in PostgreSQL', () => {
  if (server === undefined) return;
  const opened: Storage[] = [];
  const cutters: WireCutter[] = [];
  let schema: string;

  beforeAll(() => server.start());
  afterAll(() => server.dispose());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((storage) => storage.close()));
    await Promise.all(cutters.splice(0).map((cutter) => cutter.close()));
  });

  async function open(wish: Partial<PostgresOptions> & { readonly port?: number } = {}): Promise<Storage> {
    const { port = server?.port, ...rest } = wish;
    const url = server?.url(port, `?schema=${schema}`) ?? '';
    const storage = await openPostgresStorage({ url, create: true, ...rest });
    opened.push(storage);
    return storage;
  }

  async function fresh(): Promise<void> {
    schema = `s_${randomBytes(6).toString('hex')}`;
    await server?.sql(`CREATE SCHEMA ${schema}`);
  }

  async function throughCutter(wish: Partial<PostgresOptions> = {}) {
    await fresh();
    const cutter = await WireCutter.to(server?.port ?? 0);
    cutters.push(cutter);
    return { cutter, storage: await open({ ...wish, port: cutter.port }) };
  }

  const textAt = async (storage: Storage, name: string) => (await storage.read(key(name)))?.value.toString();

  describe('whose answer to a commit is lost', () => {
    it('finds the commit that landed, and does it no second time', async () => {
      const { cutter, storage } = await throughCutter();
      const [first] = await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const caught = cutter.catch(commitWord, 'deliver', ready);
      const revisions = await storage.commit(
        [
          { key: key('a'), value: bytes('2') },
          { key: key('gone'), value: null },
        ],
        [{ key: key('a'), revision: first ?? null }],
      );
      await caught.done;
      expect(await storage.read(key('a'))).toEqual({ value: bytes('2'), revision: revisions[0] });
    });

    it('knows one that only deletes, though no record tells of it', async () => {
      const { cutter, storage } = await throughCutter();
      await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const caught = cutter.catch(commitWord, 'deliver', ready);
      const [record] = await storage.readMany([key('a')]);
      await storage.commit(
        [{ key: key('a'), value: null }],
        [{ key: key('a'), revision: record?.revision ?? null }],
      );
      await caught.done;
      expect(await storage.read(key('a'))).toBeUndefined();
    });

    it('does again what was lost on its way', async () => {
      const { cutter, storage } = await throughCutter();
      const caught = cutter.catch(commitWord, 'lose');
      await storage.commit([{ key: key('a'), value: bytes('1') }], [{ key: key('a'), revision: null }]);
      await caught.done;
      expect(await textAt(storage, 'a')).toBe('1');
    });

    it.each(['locks', 'serializable'] as const)(
      'keeps a packet that arrives late from doing anything (%s)',
      async (isolation) => {
        const { cutter, storage } = await throughCutter({ isolation });
        const caught = cutter.catch(commitWord, 'keep');
        await storage.commit([{ key: key('a'), value: bytes('first') }]);
        await caught.done;
        await storage.commit([{ key: key('a'), value: bytes('second') }]);
        await caught.release();
        expect(await textAt(storage, 'a')).toBe('second');
      },
    );

    it('still tells a conflict as one', async () => {
      const { cutter, storage } = await throughCutter();
      await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const caught = cutter.catch(commitWord, 'deliver', ready);
      const commit = storage.commit(
        [{ key: key('a'), value: bytes('2') }],
        [{ key: key('a'), revision: null }],
      );
      await expect(commit).rejects.toMatchObject({ code: 'conflict', key: 'a' });
      await caught.done;
    });

    it('says that it does not know when nobody can be asked', async () => {
      const { cutter, storage } = await throughCutter({ deadlines: short });
      const caught = cutter.catch(commitWord, 'deliver', ready);
      const commit = storage.commit([{ key: key('a'), value: bytes('1') }]);
      commit.catch(() => undefined);
      await caught.done;
      cutter.silence();
      await expect(commit).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('whether it was written is not known'),
      });
      cutter.speak();
      expect(await textAt(storage, 'a')).toBe('1');
    });
  });

  it.each([
    // As where an administrator's cancellation, or a deadline, hits the first statement of a transaction.
    ['serializable', 'BEGIN ISOLATION LEVEL SERIALIZABLE', 'NIGEB ISOLATION LEVEL SERIALIZABLE', 'first'],
    ['locks', 'coffer_lock\0', 'coffer_luck\0', 'first'],
    // As where something on the way carries out each statement by itself: what the first has set is not there any more.
    ['locks', "set_config('coffer.held'", "set_config('coffer.gone'", 'each'],
  ] as const)('writes nothing outside of a transaction (%s: %s)', async (isolation, word, other, which) => {
    const { cutter, storage } = await throughCutter({ isolation, deadlines: short });
    if (which === 'first') await storage.commit([{ key: key('a'), value: bytes('1') }]);
    cutter.replace(word, other, which);
    await expect(storage.commit([{ key: key('a'), value: bytes('2') }])).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/nothing was written$/),
    });
    cutter.replace(word, word);
    cutter.cut();
    expect(await textAt(storage, 'a')).toBe(which === 'first' ? '1' : undefined);
    await storage.commit([{ key: key('a'), value: bytes('3') }]);
    expect(await textAt(storage, 'a')).toBe('3');
  });

  it('answers what was being read when the connections broke', async () => {
    const { cutter, storage } = await throughCutter();
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    const reads = Array.from({ length: 50 }, () => storage.read(key('a')));
    cutter.cut();
    for (const record of await Promise.all(reads)) expect(record?.value).toEqual(bytes('1'));
    cutter.cut();
    expect((await storage.children('', { limit: 10 })).items).toEqual(['a']);
    const lists = Array.from({ length: 10 }, () => storage.range('', { limit: 1 }));
    await Promise.all(lists);
    cutter.cut();
    for (const { items } of await Promise.all(lists.map(() => storage.range('', { limit: 1 })))) {
      expect(items).toHaveLength(1);
    }
  });

  it('answers a read although every connection broke unnoticed', async () => {
    const { cutter } = await throughCutter();
    const address = parsePostgresAddress(server.url(cutter.port));
    const login = { address, env: {}, deadlines: standardDeadlines, clock: systemClock };
    const lanes = new Lanes(() => openSession(login));
    const before = cutter.connections;
    const statement = { text: 'SELECT $1::int' };
    await Promise.all(Array.from({ length: 12 }, (_, index) => lanes.read(statement, [index])));
    expect(cutter.connections - before).toBe(4);
    cutter.cut();
    expect(await lanes.read(statement, [7])).toEqual([[bytes('7')]]);
    await lanes.close();
  });

  it('that a pooler has under another name too is one store all the same', async () => {
    await fresh();
    const cutter = await WireCutter.to(server.port);
    cutters.push(cutter);
    cutter.replace('database\0poolname\0', 'database\0postgres\0', 'each');
    const url = server.url(cutter.port, `?schema=${schema}`).replace('/postgres?', '/poolname?');
    const [here, there] = [await open(), await open({ url })];
    await here.commit([{ key: key('a'), value: bytes('1') }]);
    expect((await there.read(key('a')))?.value).toEqual(bytes('1'));
    for (const storage of [here, there]) {
      expect(await withOccupants(storage)?.occupants()).toEqual(['a process on 127.0.0.1']);
    }
  });

  it('that has no advisory locks keeps commits apart by itself, from the first one on', async () => {
    await fresh();
    const cutter = await WireCutter.to(server.port);
    cutters.push(cutter);
    cutter.replace('pg_try_advisory_xact_lock', 'pg_not_advisory_xact_lock', 'each');
    const storage = await open({ port: cutter.port });
    await storage.commit([{ key: key('a'), value: bytes('1') }], [{ key: key('a'), revision: null }]);
    expect(await textAt(storage, 'a')).toBe('1');
  });

  it('reads on when all connections for it had broken', async () => {
    const { cutter, storage } = await throughCutter();
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    const many = Array.from({ length: 64 }, (_, index) => key(`none/${index}`));
    for (let round = 0; round < 3; round++) {
      const before = cutter.connections;
      const reads: Promise<unknown>[] = [];
      // Each in a turn of its own: what comes at once goes together, over one connection.
      for (let number = 0; number < 4; number++) {
        reads.push(storage.readMany(many));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(reads);
      if (round === 0) expect(cutter.connections - before).toBeGreaterThan(1);
      cutter.cut();
      await expect.poll(() => cutter.connections).toBe(0);
      expect(await textAt(storage, 'a')).toBe('1');
    }
  });

  it('that says nothing any more is given up in time, and found again', async () => {
    const { cutter, storage } = await throughCutter({ deadlines: short });
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    await storage.read(key('a'));
    cutter.silence();
    const away = { code: 'unavailable' };
    await Promise.all([
      expect(storage.read(key('a'))).rejects.toMatchObject(away),
      expect(storage.range('', { limit: 1 })).rejects.toMatchObject(away),
      expect(storage.commit([{ key: key('b'), value: bytes('1') }])).rejects.toMatchObject(away),
    ]);
    await expect(open({ port: cutter.port, deadlines: short })).rejects.toMatchObject(away);
    cutter.speak();
    expect(await textAt(storage, 'a')).toBe('1');
  });

  it('that is slow is told from one that is away, and nothing of a late commit is written', async () => {
    await fresh();
    const storage = await open({ deadlines: short });
    const few = await open({
      deadlines: short,
      url: server.url(server.port, `?schema=${schema}&connections=2`),
    });
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    const { Client } = await import('pg');
    const other = new Client({ connectionString: server.url() });
    await other.connect();
    await other.query(`BEGIN; LOCK TABLE ${schema}.coffer_records`);
    const slow = { code: 'unavailable', message: expect.stringContaining('took too long') };
    const commits = Array.from({ length: 30 }, (_, index) =>
      storage.commit([{ key: key(`k${index}`), value: bytes('1') }]),
    );
    const lists = Array.from({ length: 20 }, () => few.range('', { limit: 1 }));
    const late = {
      code: 'unavailable',
      message: expect.stringMatching(/took too long; nothing was written$/),
    };
    const outcomes = Promise.allSettled(lists);
    await Promise.all([
      expect(storage.read(key('a'))).rejects.toMatchObject(slow),
      ...commits.map((commit) => expect(commit).rejects.toMatchObject(late)),
    ]);
    const said = (await outcomes).map((outcome) =>
      outcome.status === 'rejected' ? String(outcome.reason.message) : '',
    );
    expect(said.filter((message) => message.includes('took too long'))).not.toEqual([]);
    expect(said.filter((message) => message.includes('all connections to the store are in use'))).not.toEqual(
      [],
    );
    await other.end();
    expect((await storage.children('', { limit: 100 })).items).toEqual(['a']);
  });

  it('that does not run is said so at the start', async () => {
    const nobody = await WireCutter.to(1);
    const { port } = nobody;
    await nobody.close();
    const url = server.url(port);
    const opening = openPostgresStorage({ url, create: true, deadlines: short });
    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^postgres:\/\/127\.0\.0\.1:\d+\/postgres: .*cannot be reached/),
    });
  });

  /** From here on commits wait for a standby that there is none of. */
  async function waitForNobody(ask: OwnPostgresql['sql']): Promise<void> {
    await ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    await ask('SELECT pg_reload_conf()');
    // One of the server's processes tells all others of it, at a time of its own: it is so once a commit has to wait.
    const waiting =
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE 'COMMENT%'";
    for (let held = false; !held; ) {
      let done = false;
      const probe = ask(`COMMENT ON DATABASE postgres IS 'looked at'`).finally(() => {
        done = true;
      });
      while (!done) held = (await ask(waiting)).length > 0 || held;
      await probe;
    }
  }

  it('with a standby that must confirm and does not acknowledges nothing', async () => {
    await fresh();
    const hasty = await open({ deadlines: short });
    const patient = await open();
    await waitForNobody((statement) => server.sql(statement));
    try {
      await expect(hasty.commit([{ key: key('a'), value: bytes('1') }])).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('not known'),
      });
      const commit = patient.commit([{ key: key('b'), value: bytes('1') }]);
      commit.catch(() => undefined);
      // An administrator loses patience: the server then answers as if all were well, and adds a warning.
      const waiting =
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE 'coffer%'";
      while ((await server.sql(waiting)).length < 2);
      await expect(commit).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('standby did not confirm'),
      });
    } finally {
      await server.sql('ALTER SYSTEM RESET synchronous_standby_names');
      await server.sql('SELECT pg_reload_conf()');
    }
    await patient.commit([{ key: key('c'), value: bytes('1') }]);
    expect((await patient.children('', { limit: 10 })).items).toEqual(['a', 'b', 'c']);
  });

  it('with such a standby does not acknowledge what it found out by itself, either', async () => {
    const { cutter, storage } = await throughCutter({ deadlines: short });
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    await waitForNobody((statement) => server.sql(statement));
    try {
      const commit = storage.commit([{ key: key('a'), value: bytes('2') }]);
      commit.catch(() => undefined);
      const waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
      while ((await server.sql(waiting)).length === 0);
      // Nobody hears that the server gives up waiting, and the commit is there for everyone to see.
      cutter.cut();
      await server.sql(waiting.replace('pid', 'pg_cancel_backend(pid)'));
      await expect(commit).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/standby did not confirm|whether it was written is not known/),
      });
    } finally {
      await server.sql('ALTER SYSTEM RESET synchronous_standby_names');
      await server.sql('SELECT pg_reload_conf()');
    }
    expect(await textAt(storage, 'a')).toBe('2');
  });

  it('goes on with the standby that takes over, which it did not take before', async () => {
    await fresh();
    const standby = await server.standby();
    try {
      await standby.start();
      const hosts = `127.0.0.1:${standby.port},127.0.0.1:${server.port}`;
      const url = server.url(server.port, `?schema=${schema}`).replace(`127.0.0.1:${server.port}`, hosts);
      const storage = await openPostgresStorage({ url, create: true });
      opened.push(storage);
      const alone = openPostgresStorage({
        url: standby.url(standby.port, `?schema=${schema}`),
        create: true,
      });
      await expect(alone).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('replica'),
      });
      await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const [{ at } = { at: '' }] = await server.sql('SELECT pg_current_wal_lsn()::text AS at');
      const reached = `SELECT pg_last_wal_replay_lsn() >= '${String(at)}' AS reached`;
      while ((await standby.sql(reached))[0]?.['reached'] !== true);
      await server.stop('SIGQUIT');
      await expect(storage.read(key('a'))).rejects.toMatchObject({ code: 'unavailable' });
      await standby.promote();
      expect(await textAt(storage, 'a')).toBe('1');
      const [record] = await storage.readMany([key('a')]);
      await storage.commit(
        [{ key: key('a'), value: bytes('2') }],
        [{ key: key('a'), revision: record?.revision ?? null }],
      );
      expect(await textAt(storage, 'a')).toBe('2');
    } finally {
      await standby.dispose();
      await server.start();
    }
  });

  it('that takes no writes any more, and keeps its connections, is left for the one that does', async () => {
    await fresh();
    const standby = await server.standby();
    try {
      await standby.start();
      const own = `127.0.0.1:${server.port}`;
      const url = server
        .url(server.port, `?schema=${schema}`)
        .replace(own, `${own},127.0.0.1:${standby.port}`);
      const storage = await openPostgresStorage({ url, create: true });
      opened.push(storage);
      await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const [{ at } = { at: '' }] = await server.sql('SELECT pg_current_wal_lsn()::text AS at');
      const reached = `SELECT pg_last_wal_replay_lsn() >= '${String(at)}' AS reached`;
      while ((await standby.sql(reached))[0]?.['reached'] !== true);
      await server.sql('ALTER SYSTEM SET default_transaction_read_only = on');
      await server.sql('SELECT pg_reload_conf()');
      // Nobody takes writes now, and it is said so.
      await expect
        .poll(() => storage.commit([{ key: key('b'), value: bytes('?') }]).catch(({ message }) => message))
        .toMatch(/replica|read only/);
      await standby.promote();
      await storage.commit([{ key: key('a'), value: bytes('2') }]);
      expect(await textAt(storage, 'a')).toBe('2');
      expect((await storage.children('', { limit: 10 })).items).toContain('a');
      const sessions = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name LIKE 'coffer %'`;
      await expect.poll(async () => (await server.sql(sessions))[0]?.['count']).toBe(0);
    } finally {
      await standby.dispose();
      await server.sql('ALTER SYSTEM RESET default_transaction_read_only');
      await server.sql('SELECT pg_reload_conf()');
    }
  });

  it.each(['SIGINT', 'SIGQUIT'] as const)(
    'that is restarted by %s in the middle of traffic loses and repeats nothing',
    async (signal) => {
      await fresh();
      const storages = [await open(), await open()];
      const counting = new Counting(storages);
      await counting.reach(40);
      await server.stop(signal);
      await counting.refused();
      await server.start();
      await counting.reach(40);
      await counting.end();
      const stored = Number(await textAt(await open(), 'counter'));
      expect(stored).toBeGreaterThanOrEqual(counting.acknowledged);
      expect(stored).toBeLessThanOrEqual(counting.acknowledged + counting.unknown);
    },
  );
});

/** Writers that add one to a counter, again and again, whatever happens to the store. */
class Counting {
  acknowledged = 0;
  unknown = 0;
  #refused = 0;
  #going = true;
  readonly #writers: readonly Promise<void>[];
  readonly #watchers = new Set<() => void>();

  constructor(storages: readonly Storage[]) {
    this.#writers = storages.flatMap((storage) => [1, 2, 3].map(() => this.#write(storage)));
  }

  /** Resolves when so many more were acknowledged. */
  reach(more: number): Promise<void> {
    const wanted = this.acknowledged + more;
    return this.#until(() => this.acknowledged >= wanted);
  }

  refused(): Promise<void> {
    const wanted = this.#refused + 5;
    return this.#until(() => this.#refused >= wanted);
  }

  async end(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#writers);
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watch = () => {
        if (!condition()) return;
        this.#watchers.delete(watch);
        resolve();
      };
      this.#watchers.add(watch);
      watch();
    });
  }

  async #write(storage: Storage): Promise<void> {
    while (this.#going) {
      let begun = false;
      try {
        const record = await storage.read(key('counter'));
        const value = bytes(`${Number(record?.value.toString() ?? 0) + 1}`);
        begun = true;
        await storage.commit(
          [{ key: key('counter'), value }],
          [{ key: key('counter'), revision: record?.revision ?? null }],
        );
        this.acknowledged += 1;
      } catch (error) {
        if (!(error instanceof CofferError)) throw error;
        if (error.code !== 'conflict') {
          expect(error.code).toBe('unavailable');
          this.#refused += 1;
          if (begun && /not known/.test(error.message)) this.unknown += 1;
        }
      }
      for (const watch of this.#watchers) watch();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
