/** What is asked of DynamoDB and what it costs, operation by operation. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { type MeteredDynamo, startMeteredDynamo } from '../../../test/fakes/metered-dynamo.ts';
import { startDynamoLocal } from '../../../test/setup/dynamodb-local.ts';
import { bytes, key } from '../opened-storage.ts';
import type { Storage } from '../storage.ts';
import { parseDynamoAddress } from './address.ts';
import { openDynamoStorage } from './dynamodb.ts';

const local = await startDynamoLocal();
afterAll(() => local?.close());

describe.skipIf(local === undefined)('what DynamoDB is asked', () => {
  if (local === undefined) return;
  let metered: MeteredDynamo;
  beforeAll(async () => {
    metered = await startMeteredDynamo(local.endpoint);
  });
  afterAll(() => metered.close());

  /** Its clock stands still: nobody writes that he is there while a test counts. */
  async function open(): Promise<Storage> {
    const address = parseDynamoAddress(local?.url(metered.endpoint) ?? '');
    return openDynamoStorage({ address, create: true, env: local?.env ?? {}, clock: new HandClock() });
  }

  describe('by the storage', () => {
    let storage: Storage;
    const small = bytes('v'.repeat(500));
    const put = (...names: readonly string[]) =>
      storage.commit(names.map((name) => ({ key: key(name), value: small })));

    beforeAll(async () => {
      storage = await open();
    });
    afterAll(() => storage.close());

    it('is one get for a record, and one transaction for several', async () => {
      await put('x/one/a', 'x/one/b', 'y/two/c');
      expect(await metered.bill(() => storage.read(key('x/one/a')))).toMatchObject({
        calls: ['GetItem'],
        read: 1,
      });
      const keys = ['x/one/a', 'x/one/b', 'y/two/c'].map(key);
      expect(await metered.bill(() => storage.readMany(keys))).toMatchObject({
        calls: ['TransactGetItems'],
        read: 6,
      });
      expect((await metered.bill(() => storage.readMany([]))).calls).toEqual([]);
    });

    it('is one transaction for readers of one moment, and what they share once', async () => {
      const readers = () =>
        Promise.all(['x/one/b', 'y/two/c', 'z'].map((name) => storage.readMany([key('x/one/a'), key(name)])));
      expect(await metered.bill(readers)).toMatchObject({ calls: ['TransactGetItems'], read: 8 });
    });

    it('is one transaction for a commit, and once for a new folder its entry', async () => {
      const commit = () =>
        storage.commit(
          [
            { key: key('new/folder/a'), value: small },
            { key: key('x/one/a'), value: null },
          ],
          [{ key: key('absent'), revision: null }],
        );
      expect((await metered.bill(commit)).calls).toEqual(['PutItem', 'TransactWriteItems']);
      expect(await metered.bill(commit)).toMatchObject({ calls: ['TransactWriteItems'], write: 6 });
    });

    it('is few transactions for many commits that expect the same record', async () => {
      const [revision] = await put('x/one/role');
      await put('x/one/t');
      const logins = Array.from({ length: 40 }, (_, index) =>
        ['t', 'u'].map((kind) => ({ key: key(`x/one/${kind}/${index}`), value: small })),
      );
      const expectations = [{ key: key('x/one/role'), revision: revision ?? null }];
      const all = await metered.bill(() =>
        Promise.all(logins.map((writes) => storage.commit(writes, expectations))),
      );
      expect(all.calls).toEqual(['TransactWriteItems', 'TransactWriteItems']);
      expect((await storage.children('x/one/u/', { limit: 100 })).items).toHaveLength(40);
    });

    it('is two requests to open it for one visit, and none for folders that every visit writes to', async () => {
      const address = parseDynamoAddress(local?.url(metered.endpoint) ?? '');
      const clock = new HandClock();
      const env = local?.env ?? {};
      await (await openDynamoStorage({ address, create: true, env, clock })).close();
      const make = await openDynamoStorage({ address, create: false, env, clock });
      await make.commit(
        ['core/audit/log/a', 'core/audit/stored/a'].map((name) => ({ key: key(name), value: small })),
      );
      await make.close();
      const opening = await metered.bill(() =>
        openDynamoStorage({ address, create: false, rests: true, env, clock }),
      );
      expect(opening.calls).toEqual(['BatchGetItem', 'PutItem']);
      const visitor = opening.answer;
      const log = await metered.bill(() => visitor.commit([{ key: key('core/audit/log/b'), value: small }]));
      expect(log.calls).toEqual(['TransactWriteItems']);
      const unheard = await metered.bill(() =>
        visitor.commit([{ key: key('core/keyring/usage/1'), value: small }]),
      );
      expect(unheard.calls).toEqual(['PutItem', 'TransactWriteItems']);
      await visitor.close();
    });

    it('is one query for a flat folder, whatever else there is', async () => {
      await put(...Array.from({ length: 60 }, (_, index) => `flat/mount/role/${index}`));
      for (let round = 0; round < 5; round++) {
        await put(...Array.from({ length: 60 }, (_, index) => `other/mount/${round}/${index}`));
      }
      const names = await metered.bill(() => storage.children('flat/mount/role/', { limit: 100 }));
      expect(names.answer.items).toHaveLength(60);
      expect(names).toMatchObject({ calls: ['Query'] });
      // A few tens of kilobytes, at 4 KB a unit.
      expect(names.read).toBeLessThan(12);
      expect(await metered.bill(() => storage.range('flat/mount/role/', { limit: 10 }))).toMatchObject({
        calls: ['Query'],
      });
    });

    it('threat 15: is a seek for each folder that a list names, and never what lies below', async () => {
      const large = Buffer.alloc(10_000, 1);
      for (let folder = 0; folder < 4; folder++) {
        for (let round = 0; round < 5; round++) {
          const names = Array.from({ length: 30 }, (_, index) =>
            key(`deep/mount/f${folder}/${round}/${index}`),
          );
          await storage.commit(names.map((name) => ({ key: name, value: large })));
        }
      }
      const listed = await metered.bill(() => storage.children('deep/mount/', { limit: 100 }));
      expect(listed.answer.items).toEqual(['f0/', 'f1/', 'f2/', 'f3/']);
      expect(new Set(listed.calls)).toEqual(new Set(['Query']));
      expect(listed.calls.length).toBeLessThanOrEqual(5);
      // There are 6 MB, and 1,500 units of them.
      expect(listed.read).toBeLessThan(250);
      const two = await metered.bill(() => storage.children('deep/mount/', { limit: 2 }));
      expect(two.answer.items).toEqual(['f0/', 'f1/']);
      expect(two.read).toBeLessThan(30);
    });
  });

  describe('by a server', () => {
    let place: Place;
    beforeAll(async () => {
      place = await makePlace({ storage: await open() });
    });
    afterAll(() => place.remove());

    /** A node that has begun: what it does by itself at first is done. */
    async function quietNode() {
      const node = await place.node();
      const moment = () => new Promise((resolve) => setTimeout(resolve, 100));
      await expect.poll(async () => (await metered.bill(moment)).calls, { timeout: 20_000 }).toEqual([]);
      return node;
    }

    it('is two requests for a secret, four from the start, and one commit more for a write', async () => {
      const node = await quietNode();
      const write = (value: string) => ask(node, 'update', 'secret/data/app/db', { data: { value } });
      const read = () => ask(node, 'read', 'secret/data/app/db');
      await write('first');
      await write('second');
      await read();
      const warm = await metered.bill(read);
      expect(warm.answer.status).toBe(200);
      expect(warm.calls.length).toBeLessThanOrEqual(2);
      expect(warm.read).toBeLessThanOrEqual(10);
      const writing = await metered.bill(() => write('third'));
      expect(writing.answer.status).toBe(200);
      expect(writing.calls.length).toBeLessThanOrEqual(warm.calls.length + 2);
      expect(writing.calls.filter((call) => call === 'TransactWriteItems')).toHaveLength(1);
      const cold = await quietNode();
      const first = await metered.bill(() => ask(cold, 'read', 'secret/data/app/db'));
      expect(first.answer.status).toBe(200);
      expect(first.calls.length).toBeLessThanOrEqual(4);
    });

    it('is never the whole table', async () => {
      const node = await quietNode();
      const lists = ['secret/metadata/app/', 'sys/policies/acl', 'auth/token/accessors', 'sys/leases/lookup'];
      for (const path of lists) {
        const { calls } = await metered.bill(() => ask(node, 'list', path));
        expect(calls.filter((call) => call === 'Query')).toHaveLength(1);
        expect(calls).not.toContain('Scan');
      }
    });
  });
});
