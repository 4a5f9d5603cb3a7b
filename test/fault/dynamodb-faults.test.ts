/**
 * A store in DynamoDB while AWS and the way to it fail: what is acknowledged is there, what is refused is not, nothing is done twice,
 * and nobody waits for ever.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseDynamoAddress } from '../../src/storage/dynamodb/address.ts';
import { type DynamoOptions, openDynamoStorage } from '../../src/storage/dynamodb/dynamodb.ts';
import { bytes, key } from '../../src/storage/opened-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type AwsFault, type FaultyAws, startFaultyAws } from '../fakes/faulty-aws.ts';
import { startDynamoLocal } from '../setup/dynamodb-local.ts';

const local = await startDynamoLocal();
const writing = 'TransactWriteItems';
const reading = 'TransactGetItems';

const denied: AwsFault = { kind: 'error', status: 400, type: 'AccessDeniedException' };
const broken: AwsFault = { kind: 'error', status: 500, type: 'InternalServerError' };
const throttled: AwsFault = { kind: 'error', status: 400, type: 'ThrottlingException' };
const inProgress: AwsFault = { kind: 'error', status: 400, type: 'TransactionInProgressException' };
const cancelled = (...codes: readonly string[]): AwsFault => ({
  kind: 'error',
  status: 400,
  type: 'TransactionCanceledException',
  fields: { CancellationReasons: codes.map((Code) => ({ Code })) },
});

describe.skipIf(local === undefined)('a store in DynamoDB', () => {
  if (local === undefined) return;
  let faulty: FaultyAws;
  let url: string;
  const opened: Storage[] = [];

  beforeAll(async () => {
    faulty = await startFaultyAws(local.endpoint);
  });
  afterEach(async () => {
    faulty.fault = () => undefined;
    faulty.seen = () => undefined;
    await Promise.all(opened.splice(0).map((storage) => storage.close()));
  });
  afterAll(async () => {
    await faulty.close();
    await local.close();
  });

  async function open(wish: Partial<DynamoOptions> & { readonly at?: string } = {}): Promise<Storage> {
    const { at = url, ...rest } = wish;
    const address = parseDynamoAddress(at);
    // Pauses take no time unless a test is about them.
    const storage = await openDynamoStorage({
      address,
      create: true,
      env: local?.env ?? {},
      jitter: () => 0.01,
      ...rest,
    });
    opened.push(storage);
    return storage;
  }

  /** One whose way goes wrong, and one that nothing happens to. */
  async function both(wish: Partial<DynamoOptions> = {}) {
    url = local?.url(faulty.endpoint) ?? '';
    const storage = await open(wish);
    const direct = await open({ at: url.replace(faulty.endpoint, local?.endpoint ?? '') });
    faulty.calls.length = 0;
    return { storage, direct };
  }

  /** The first calls of an action go wrong, each in its way. */
  function plan(action: string, ...faults: readonly (AwsFault | undefined)[]): void {
    const left = [...faults];
    faulty.fault = (asked) => (asked === action ? left.shift() : undefined);
  }

  const always = (action: string, fault: AwsFault) => {
    faulty.fault = (asked) => (asked === action ? fault : undefined);
  };
  const textAt = async (storage: Storage, name: string) => (await storage.read(key(name)))?.value.toString();
  const put = (storage: Storage, name: string, value: string) =>
    storage.commit([{ key: key(name), value: bytes(value) }]);
  const times = (action: string) => faulty.calls.filter((each) => each === action).length;

  describe('whose answer to a commit is lost', () => {
    it('finds the commit that landed, and does it no second time', async () => {
      const { storage, direct } = await both();
      const [first] = await put(direct, 'a', '1');
      plan(writing, { kind: 'lose' }, broken);
      const revisions = await storage.commit(
        [
          { key: key('a'), value: bytes('2') },
          { key: key('gone'), value: null },
        ],
        [{ key: key('a'), revision: first ?? null }],
      );
      expect(times(writing)).toBe(3);
      expect(await direct.read(key('a'))).toEqual({ value: bytes('2'), revision: revisions[0] });
    });

    it('does not bring it back over what others wrote since', async () => {
      const { storage, direct } = await both();
      let next = (): void => {};
      const others = new Promise<void>((resolve) => {
        next = resolve;
      });
      plan(writing, { kind: 'lose' }, { kind: 'wait', until: others });
      const commit = put(storage, 'a', 'lost');
      await expect.poll(() => times(writing)).toBe(2);
      expect(await textAt(direct, 'a')).toBe('lost');
      await put(direct, 'a', 'newer');
      next();
      await commit;
      expect(await textAt(direct, 'a')).toBe('newer');
    });

    it('knows one that only deletes, and one that only expects', async () => {
      const { storage, direct } = await both();
      const [revision] = await put(direct, 'a', '1');
      const expectations = [{ key: key('a'), revision: revision ?? null }];
      plan(writing, { kind: 'lose' });
      expect(await storage.commit([], expectations)).toEqual([]);
      plan(writing, { kind: 'lose' });
      await storage.commit([{ key: key('a'), value: null }], expectations);
      expect(await textAt(direct, 'a')).toBeUndefined();
    });

    it('does again what was lost on its way, and waits for what is still under way', async () => {
      const { storage, direct } = await both();
      plan(writing, { kind: 'drop' }, inProgress, broken);
      await storage.commit([{ key: key('a'), value: bytes('1') }], [{ key: key('a'), revision: null }]);
      expect(await textAt(direct, 'a')).toBe('1');
      expect(times(writing)).toBe(4);
    });

    it('still tells a conflict as one', async () => {
      const { storage, direct } = await both();
      await put(direct, 'a', '1');
      plan(writing, { kind: 'lose' });
      const commit = storage.commit([{ key: key('a'), value: null }], [{ key: key('a'), revision: null }]);
      await expect(commit).rejects.toMatchObject({ code: 'conflict', key: 'a' });
      expect(await textAt(direct, 'a')).toBe('1');
    });

    it('holds for commits that went together, each by itself where one stands in the way', async () => {
      const { storage, direct } = await both();
      const [role] = await put(direct, 'role', '1');
      const login = (name: string, more: readonly string[] = []) =>
        storage.commit(
          [{ key: key(name), value: bytes('token') }],
          [
            { key: key('role'), revision: role ?? null },
            ...more.map((each) => ({ key: key(each), revision: null })),
          ],
        );
      plan(writing, undefined, { kind: 'lose' });
      const transactions = new Set<unknown>();
      faulty.seen = (_headers, body) => {
        transactions.add(JSON.parse(body).ClientRequestToken ?? 'none');
        return undefined;
      };
      await Promise.all(['t1', 't2', 't3'].map((name) => login(name)));
      // The first by itself, and the others together: sent again as often as it took, it is the same one.
      expect([transactions.delete('none'), transactions.size]).toEqual([expect.any(Boolean), 2]);
      await put(direct, 'taken', '1');
      const outcomes = await Promise.allSettled([
        login('t4'),
        login('t5'),
        login('t6', ['taken']),
        login('t7'),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(outcomes[2]).toMatchObject({ reason: { code: 'conflict', key: 'taken' } });
      const found = await direct.readMany(
        ['t1', 't2', 't3', 't4', 't5', 't6', 't7'].map((name) => key(name)),
      );
      expect(found.map((record) => record !== undefined)).toEqual([
        true,
        true,
        true,
        true,
        true,
        false,
        true,
      ]);
    });

    it('says that it does not know when nobody can be asked', async () => {
      const { storage, direct } = await both({ patience: 300 });
      always(writing, { kind: 'lose' });
      await expect(put(storage, 'a', '1')).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/whether it was written is not known$/),
      });
      expect(await textAt(direct, 'a')).toBe('1');
    });

    it('waits for no answer longer than a try has', async () => {
      const { storage } = await both({ patience: 300, deadline: 200 });
      always(writing, { kind: 'hang' });
      await expect(put(storage, 'a', '1')).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('did not answer dynamodb:TransactWriteItems in time'),
      });
    });
  });

  describe('that is throttled or contended', () => {
    it.each([
      ['by the table', throttled],
      ['by a partition', { ...throttled, type: 'ProvisionedThroughputExceededException' }],
      ['in a transaction', cancelled('None', 'ThrottlingError')],
      ['in a transaction, by its capacity', cancelled('ProvisionedThroughputExceeded', 'None')],
      ['by another transaction', cancelled('None', 'TransactionConflict')],
    ] as const)('tries again, and loses nothing: %s', async (_, fault) => {
      const { storage, direct } = await both();
      plan(writing, fault, fault, fault, fault);
      await storage.commit([
        { key: key('a'), value: bytes('1') },
        { key: key('b'), value: bytes('2') },
      ]);
      expect(times(writing)).toBe(5);
      plan(reading, fault, fault);
      const found = await storage.readMany([key('a'), key('b'), key('c')]);
      expect(found.map((record) => record?.value.toString())).toEqual(['1', '2', undefined]);
      expect(await textAt(direct, 'a')).toBe('1');
    });

    it('gives up at its deadline, with nothing written', async () => {
      const { storage, direct } = await both({ patience: 200 });
      for (const fault of [throttled, cancelled('TransactionConflict')]) {
        always(writing, fault);
        await expect(put(storage, 'a', '1')).rejects.toMatchObject({
          code: 'unavailable',
          message: expect.stringMatching(/; nothing was written$/),
        });
      }
      expect(await textAt(direct, 'a')).toBeUndefined();
    });

    it('tells the expectation that failed, whatever else stood in the way', async () => {
      const { storage } = await both();
      plan(writing, cancelled('TransactionConflict', 'ConditionalCheckFailed'));
      const commit = storage.commit(
        [{ key: key('c'), value: null }],
        ['a', 'b'].map((name) => ({ key: key(name), revision: null })),
      );
      await expect(commit).rejects.toMatchObject({ code: 'conflict', key: 'b' });
    });

    it('lets readers who shared a transaction go on by themselves', async () => {
      const { storage, direct } = await both();
      await put(direct, 'a', '1');
      plan(reading, cancelled('TransactionConflict', 'None', 'None'));
      const readers = ['b', 'c', 'd'].map((name) => storage.readMany([key('a'), key(name)]));
      const found = await Promise.all(readers);
      expect(found.map(([first]) => first?.value.toString())).toEqual(['1', '1', '1']);
      expect(times(reading)).toBe(4);
    });

    it('asks again for what a batch left undone', async () => {
      const { storage, direct } = await both();
      const names = Array.from({ length: 8 }, (_, index) => `b/${index}`);
      await direct.commit(names.map((name) => ({ key: key(name), value: bytes(name) })));
      const left: AwsFault = {
        kind: 'answer',
        body: JSON.stringify({
          Responses: {},
          UnprocessedKeys: {
            [parseDynamoAddress(url).table]: {
              ConsistentRead: true,
              Keys: names.map((name) => ({ root: { S: 'k:b/' }, key: { S: name } })),
            },
          },
        }),
      };
      plan('BatchGetItem', left, throttled, left);
      for (let round = 0; round < 2; round++) {
        const found = await Promise.all(names.map((name) => storage.read(key(name))));
        expect(found.map((record) => record?.value.toString())).toEqual(names);
      }
      expect(times('BatchGetItem')).toBeGreaterThan(3);
    });

    it('lists on after it', async () => {
      const { storage, direct } = await both();
      await put(direct, 'a/b', '1');
      plan('Query', throttled, broken);
      expect((await storage.children('a/', { limit: 10 })).items).toEqual(['b']);
    });
  });

  it('is away for who asks, whatever AWS thinks of the server', async () => {
    const { storage } = await both();
    faulty.fault = () => denied;
    const refused = { code: 'unavailable', message: expect.stringContaining('denies') };
    await expect(storage.read(key('a'))).rejects.toMatchObject(refused);
    await expect(put(storage, 'a', '1')).rejects.toMatchObject(refused);
    faulty.fault = () => ({ ...denied, type: 'ExpiredTokenException' });
    await expect(storage.range('a', { limit: 1 })).rejects.toMatchObject({ code: 'unavailable' });
    faulty.fault = () => undefined;
    await put(storage, 'a', '1');
  });

  it('reads more than a transaction holds as of one moment', async () => {
    const { storage, direct } = await both();
    const names = Array.from({ length: 20 }, (_, index) => key(`large/${index}`));
    for (const name of names) await direct.commit([{ key: name, value: Buffer.alloc(256 * 1024, 1) }]);
    // Behind the first part, and once more: what was read of it by then is not of the same moment any more.
    let parts = 0;
    faulty.fault = (action) => {
      if (action !== reading) return undefined;
      parts += 1;
      if (parts !== 3) return undefined;
      const change = [names[0], names[19]].flatMap((name) =>
        name === undefined ? [] : [{ key: name, value: Buffer.alloc(256 * 1024, 2) }],
      );
      return {
        kind: 'wait',
        until: direct.commit(change.slice(0, 1)).then(() => direct.commit(change.slice(1))),
      };
    };
    const found = await storage.readMany([...names, key('absent')]);
    expect(found.at(-1)).toBeUndefined();
    expect([found[0]?.value[0], found[1]?.value[0], found[19]?.value[0]]).toEqual([2, 1, 2]);
    expect(parts).toBeGreaterThan(4);
  });
});
