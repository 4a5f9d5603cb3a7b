/** Commits side by side, of several nodes, on keys that are there and on keys that are not: as if they came one after the other. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databasePlace } from '../../../test/setup/database-place.ts';
import { bytes, key } from '../opened-storage.ts';
import type { Revision, Storage, StorageKey } from '../storage.ts';
import { openPostgresStorage } from './postgres.ts';

const place = await databasePlace('postgresql');
afterAll(() => place?.close());
const rounds = 30;

describe.skipIf(place === undefined).each(['locks', 'serializable'] as const)(
  'commits kept apart by %s',
  (isolation) => {
    if (place === undefined) return;
    const { server, name, password } = place;
    let nodes: readonly Storage[];
    let schema: string;
    let url: string;

    beforeEach(async () => {
      schema = `s_${randomBytes(6).toString('hex')}`;
      await place.sql(`CREATE SCHEMA ${schema} AUTHORIZATION ${name}`);
      url = `postgres://${name}:${password}@${server.host}:${server.port}/${name}?schema=${schema}`;
      nodes = await Promise.all([1, 2, 3].map(() => openPostgresStorage({ url, create: true, isolation })));
    });
    afterEach(() => Promise.all(nodes.map((node) => node.close())));

    const won = (outcomes: readonly PromiseSettledResult<unknown>[]) => {
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict' });
      }
      return outcomes.filter(({ status }) => status === 'fulfilled').length;
    };

    it('lose no update of a counter that all nodes add to', async () => {
      const each = 12;
      const add = async (node: Storage) => {
        for (let done = 0; done < each; ) {
          const record = await node.read(key('counter'));
          const value = bytes(`${Number(record?.value.toString() ?? 0) + 1}`);
          const expectations = [{ key: key('counter'), revision: record?.revision ?? null }];
          done += await node.commit([{ key: key('counter'), value }], expectations).then(
            () => 1,
            (error: unknown) => {
              expect(error).toMatchObject({ code: 'conflict' });
              return 0;
            },
          );
        }
      };
      await Promise.all(nodes.flatMap((node) => [add(node), add(node), add(node)]));
      expect((await nodes[0]?.read(key('counter')))?.value.toString()).toBe(`${each * 9}`);
    });

    it('never both land when each expects absent what the other makes', async () => {
      for (let round = 0; round < rounds; round++) {
        const [left, right] = [key(`${round}/left`), key(`${round}/right`)];
        const commit = (node: Storage | undefined, made: StorageKey, absent: StorageKey) =>
          node?.commit([{ key: made, value: bytes('1') }], [{ key: absent, revision: null }]);
        const outcomes = await Promise.allSettled([
          commit(nodes[0], left, right),
          commit(nodes[1], right, left),
        ]);
        expect(won(outcomes)).toBe(1);
        const there = await nodes[2]?.readMany([left, right]);
        expect(there?.filter((record) => record !== undefined)).toHaveLength(1);
      }
    });

    /**
     * Keeps the rows of `names` locked until two connections stand before a lock, and then lets both go on: whoever looked before it
     * waited acts on what it saw then.
     */
    async function atTheWorstMoment(
      names: readonly string[],
      commits: readonly (() => Promise<unknown>)[],
    ): Promise<readonly PromiseSettledResult<unknown>[]> {
      const { Client } = await import('pg');
      const other = new Client({ connectionString: url });
      await other.connect();
      const keys = names.map((each) => `'\\x${Buffer.from(each).toString('hex')}'::bytea`).join(',');
      await other.query(`BEGIN; SELECT 1 FROM ${schema}.coffer_records WHERE key IN (${keys}) FOR UPDATE`);
      const under = Promise.allSettled(commits.map((commit) => commit()));
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE usename = '${name}' AND wait_event_type = 'Lock'`;
      while (((await place?.sql(waiting)) ?? []).length < commits.length);
      await other.query('COMMIT');
      await other.end();
      return under;
    }

    it('lose no update when two have read the same', async () => {
      const [revision = null] = (await nodes[2]?.commit([{ key: key('a'), value: bytes('0') }])) ?? [];
      const swap = (node: Storage | undefined) => async () =>
        node?.commit([{ key: key('a'), value: bytes('1') }], [{ key: key('a'), revision }]);
      expect(won(await atTheWorstMoment(['a'], [swap(nodes[0]), swap(nodes[1])]))).toBe(1);
    });

    it('never both land when each expects unchanged what the other changes', async () => {
      const first = await nodes[2]?.commit(
        ['left', 'right'].map((each) => ({ key: key(each), value: bytes('0') })),
      );
      const commit =
        (node: Storage | undefined, made: string, kept: string, revision: Revision | undefined) => async () =>
          node?.commit(
            [{ key: key(made), value: bytes('1') }],
            [{ key: key(kept), revision: revision ?? null }],
          );
      const outcomes = await atTheWorstMoment(
        ['left', 'right'],
        [commit(nodes[0], 'left', 'right', first?.[1]), commit(nodes[1], 'right', 'left', first?.[0])],
      );
      expect(won(outcomes)).toBe(1);
    });

    it('that expect nothing still land whole: the records are all of one commit', async () => {
      await nodes[2]?.commit([{ key: key('second'), value: bytes('0') }]);
      // One makes both, one makes the one and deletes the other: a mixture of them is neither.
      const both = async () =>
        nodes[0]?.commit(['first', 'second'].map((each) => ({ key: key(each), value: bytes('both') })));
      const alone = async () =>
        nodes[1]?.commit([
          { key: key('second'), value: bytes('alone') },
          { key: key('first'), value: null },
        ]);
      expect(won(await atTheWorstMoment(['second'], [both, alone]))).toBe(2);
      const found = await nodes[2]?.readMany([key('first'), key('second')]);
      const texts = found?.map((record) => record?.value.toString() ?? 'absent').join();
      expect(['both,both', 'absent,alone']).toContain(texts);
    });

    it('of many keys in any order neither wait for each other for ever nor disturb the others', async () => {
      const names = Array.from({ length: 20 }, (_, index) => key(`k${index}`));
      const commits = Array.from({ length: 60 }, (_, index) => {
        const turned = [...names.slice(index % 20), ...names.slice(0, index % 20)];
        const order = index % 2 === 0 ? turned : turned.toReversed();
        return nodes[index % 3]?.commit(order.map((each) => ({ key: each, value: bytes(`${index}`) })));
      });
      await Promise.all(commits);
      const found = await nodes[0]?.readMany(names);
      expect(new Set(found?.map((record) => record?.value.toString())).size).toBe(1);
    });

    it('are read at once by every node, the moment they are acknowledged', async () => {
      for (let round = 0; round < rounds; round++) {
        const [revision] =
          (await nodes[round % 3]?.commit([{ key: key('a'), value: bytes(`${round}`) }])) ?? [];
        const seen = await Promise.all(nodes.map((node) => node.read(key('a'))));
        expect(seen.map((record) => record?.revision)).toEqual([revision, revision, revision]);
      }
    });
  },
);
