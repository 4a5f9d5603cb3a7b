/**
 * A store in Consul while its agent and the way to it fail: what is acknowledged is there, what is refused is not, nothing is done
 * twice, and nobody waits for ever. With `COFFER_TEST_CONSUL`, the first part runs on a real agent.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CofferError } from '../../src/errors.ts';
import { parseConsulPlace } from '../../src/storage/consul/address.ts';
import { type ConsulOptions, openConsulStorage } from '../../src/storage/consul/consul.ts';
import { withOccupants } from '../../src/storage/occupants.ts';
import { bytes, key } from '../../src/storage/opened-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { ConsulAgentFake, type ConsulAgentOptions, type TokenRights } from '../fakes/consul-agent.ts';
import { HandClock } from '../fakes/hand-clock.ts';
import { WireCutter } from '../fakes/wire-cutter.ts';
import { consulPlace } from '../setup/consul-place.ts';
import { generator } from './storage-fault.ts';

const agent = await consulPlace();
const opened: Storage[] = [];
const cleanUps: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  await Promise.all(opened.splice(0).map((storage) => storage.close()));
});
afterAll(() => agent.close());

/** In what a commit sends, and in what it is answered. */
const laneWord = '/lane/';
const short = { call: 500, list: 1_000, secondLook: 300 };

async function open(port: number, wish: Partial<ConsulOptions> = {}) {
  const { env, ...rest } = wish;
  const storage = await openConsulStorage({
    place: parseConsulPlace('consul:coffer'),
    create: true,
    env: { CONSUL_HTTP_ADDR: `127.0.0.1:${port}`, ...env },
    ...rest,
  });
  opened.push(storage);
  return storage;
}

async function throughCutter(wish: Partial<ConsulOptions> = {}) {
  const cutter = await WireCutter.to(agent.port);
  cleanUps.push(() => cutter.close());
  const place = parseConsulPlace(`consul:fault/${randomBytes(6).toString('hex')}`);
  return { cutter, storage: await open(cutter.port, { place, ...wish }), place };
}

async function fakeAgent(options: ConsulAgentOptions = {}): Promise<ConsulAgentFake> {
  const fake = await ConsulAgentFake.start(options);
  cleanUps.push(() => fake.close());
  return fake;
}

const textAt = async (storage: Storage, name: string) => (await storage.read(key(name)))?.value.toString();
const put = (storage: Storage, name: string, value: string) =>
  storage.commit([{ key: key(name), value: bytes(value) }]);
const unavailable = (text: string) => ({ code: 'unavailable', message: expect.stringContaining(text) });

describe('a store in Consul whose answer to a commit is lost', () => {
  it('finds the commit that landed, and does it no second time', async () => {
    const { cutter, storage } = await throughCutter();
    const [first] = await put(storage, 'a', '1');
    const caught = cutter.catch(laneWord, 'deliver');
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
    const [revision = null] = await put(storage, 'a', '1');
    const caught = cutter.catch(laneWord, 'deliver');
    await storage.commit([{ key: key('a'), value: null }], [{ key: key('a'), revision }]);
    await caught.done;
    expect(await storage.read(key('a'))).toBeUndefined();
  });

  it('does again what was lost on its way', async () => {
    const { cutter, storage } = await throughCutter();
    const caught = cutter.catch(laneWord, 'lose');
    await storage.commit([{ key: key('a'), value: bytes('1') }], [{ key: key('a'), revision: null }]);
    await caught.done;
    expect(await textAt(storage, 'a')).toBe('1');
  });

  it('keeps a request that arrives late from doing anything', async () => {
    const { cutter, storage } = await throughCutter();
    const caught = cutter.catch(laneWord, 'keep');
    await put(storage, 'a', 'first');
    await caught.done;
    await put(storage, 'a', 'second');
    await caught.release();
    expect(await textAt(storage, 'a')).toBe('second');
  });

  it('still tells a conflict as one', async () => {
    const { cutter, storage } = await throughCutter();
    await put(storage, 'a', '1');
    const caught = cutter.catch(laneWord, 'lose');
    const commit = storage.commit(
      [{ key: key('a'), value: bytes('2') }],
      [{ key: key('a'), revision: null }],
    );
    await expect(commit).rejects.toMatchObject({ code: 'conflict', key: 'a' });
    await caught.done;
  });

  it('says that it does not know when nobody can be asked', async () => {
    const { cutter, storage } = await throughCutter({ deadlines: short });
    await put(storage, 'a', '1');
    const caught = cutter.catch(laneWord, 'deliver');
    const commit = put(storage, 'a', '2');
    commit.catch(() => undefined);
    await caught.done;
    cutter.silence();
    await expect(commit).rejects.toMatchObject(unavailable('whether the commit was written is not known'));
    cutter.speak();
    expect(await textAt(storage, 'a')).toBe('2');
    await put(storage, 'a', '3');
    expect(await textAt(storage, 'a')).toBe('3');
  });
});

describe('a store in Consul whose connections break', () => {
  it('answers what was being read', async () => {
    const { cutter, storage } = await throughCutter();
    await put(storage, 'a', '1');
    const reads = Array.from({ length: 50 }, () => storage.read(key('a')));
    cutter.cut();
    for (const record of await Promise.all(reads)) expect(record?.value).toEqual(bytes('1'));
    cutter.cut();
    expect((await storage.children('', { limit: 10 })).items).toEqual(['a']);
    cutter.cut();
    expect((await storage.range('', { limit: 1 })).items).toHaveLength(1);
  });

  it('gives a silent agent up, and goes on when it speaks again', async () => {
    const { cutter, storage } = await throughCutter({ deadlines: short });
    await put(storage, 'a', '1');
    cutter.silence();
    await expect(storage.read(key('a'))).rejects.toMatchObject(unavailable('Consul took too long'));
    await expect(storage.range('', { limit: 1 })).rejects.toMatchObject({ code: 'unavailable' });
    cutter.speak();
    expect(await textAt(storage, 'a')).toBe('1');
  });

  it('says that nobody answers, and serves the first request after the agent is back', async () => {
    const { cutter, storage, place } = await throughCutter({ deadlines: short });
    await put(storage, 'a', '1');
    cutter.redirect(1);
    cutter.cut();
    await expect(storage.read(key('a'))).rejects.toMatchObject(unavailable('cannot be reached'));
    await expect(put(storage, 'a', '2')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(open(1, { place })).rejects.toMatchObject(unavailable(place.shown));
    cutter.redirect(agent.port);
    expect(await textAt(storage, 'a')).toMatch(/^[12]$/);
    await put(storage, 'a', '3');
    expect(await textAt(storage, 'a')).toBe('3');
  });

  it('counts right while requests and answers get lost', async () => {
    const { cutter, storage } = await throughCutter();
    const seed = randomBytes(4).readUInt32BE();
    const random = generator(seed);
    let acknowledged = 0;
    const addOne = async (): Promise<void> => {
      for (;;) {
        const record = await storage.read(key('counter'));
        const value = bytes(`${Number(record?.value.toString() ?? 0) + 1}`);
        try {
          await storage.commit(
            [{ key: key('counter'), value }],
            [{ key: key('counter'), revision: record?.revision ?? null }],
          );
          acknowledged += 1;
          return;
        } catch (error) {
          expect(error, `seed ${seed}`).toMatchObject({ code: 'conflict' });
        }
      }
    };
    for (let round = 0; round < 30; round++) {
      const fate = random() < 0.5 ? 'lose' : 'deliver';
      const caught = cutter.catch(laneWord, fate);
      // The answer that is waited for is one of success.
      await (fate === 'deliver' ? addOne() : Promise.all([addOne(), addOne(), addOne()]));
      await caught.done;
      expect(Number(await textAt(storage, 'counter')), `seed ${seed}, round ${round}, ${fate}`).toBe(
        acknowledged,
      );
    }
  });
});

describe('Consul that does not do what it is asked', () => {
  it.each([
    ['raft apply failed: leadership lost while committing log', true],
    ['raft apply failed: leadership lost while committing log', false],
    ['rpc error making call: EOF', true],
    ['rpc error making call: EOF', false],
  ])('is looked at again after "%s" (done: %s)', async (text, done) => {
    const fake = await fakeAgent();
    const storage = await open(fake.port);
    const [revision = null] = await put(storage, 'a', '1');
    fake.faults.push({ status: 500, text, done });
    const expectations = [{ key: key('a'), revision }];
    const [second] = await storage.commit([{ key: key('a'), value: bytes('2') }], expectations);
    expect(await storage.read(key('a'))).toEqual({ value: bytes('2'), revision: second });
  });

  it('without a leader refuses at once, and works when there is one', async () => {
    const fake = await fakeAgent();
    const storage = await open(fake.port);
    fake.trouble = { status: 500, text: 'rpc error making call: No cluster leader' };
    await expect(storage.read(key('a'))).rejects.toMatchObject(unavailable('Consul has no leader'));
    await expect(storage.children('', { limit: 1 })).rejects.toMatchObject(
      unavailable('Consul has no leader'),
    );
    await expect(put(storage, 'a', '1')).rejects.toMatchObject(
      unavailable('no quorum of its servers); nothing was written'),
    );
    await expect(open(fake.port)).rejects.toMatchObject(unavailable('consul:coffer: '));
    fake.trouble = undefined;
    await put(storage, 'a', '1');
    expect(await textAt(storage, 'a')).toBe('1');
  });

  it('that limits the rate is asked again for a while', async () => {
    const fake = await fakeAgent();
    const storage = await open(fake.port, { deadlines: short });
    const busy = { status: 429, text: 'RPC rate limit exceeded' };
    fake.faults.push(busy, {
      status: 503,
      text: 'rate limit exceeded for operation that can only be performed by the leader, try again later',
    });
    await put(storage, 'a', '1');
    expect(await textAt(storage, 'a')).toBe('1');
    fake.trouble = busy;
    await expect(storage.read(key('a'))).rejects.toMatchObject(unavailable('limits the rate'));
  });

  it.each([
    [200, 'not JSON'],
    [200, '{"Results":[{"KV":{"Key":7}}]}'],
    [200, '{"Results":[],"Errors":null}'],
    [409, '{"Results":null,"Errors":[]}'],
    [404, '404 page not found'],
    [301, 'Moved Permanently'],
    [502, 'Bad Gateway'],
  ])('that answers %i %s is not believed', async (status, text) => {
    const fake = await fakeAgent();
    const storage = await open(fake.port);
    await put(storage, 'a', '1');
    fake.trouble = { status, text };
    await expect(storage.read(key('a'))).rejects.toMatchObject({ code: 'unavailable' });
    if (status !== 404)
      await expect(storage.range('', { limit: 1 })).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('tokens of Consul', () => {
  const rights = { write: ['coffer/'], sessions: true };
  const env = { CONSUL_HTTP_TOKEN: 'the-token' };

  it('are needed, and what lacks is said at the start', async () => {
    const tokens = new Map<string, TokenRights>([
      ['the-token', rights],
      ['elsewhere', { write: ['vault/'], sessions: true }],
      ['no-sessions', { write: ['coffer/'], sessions: false }],
      ['reads-only', { write: [], read: ['coffer/'], sessions: true }],
    ]);
    const fake = await fakeAgent({ tokens });
    for (const CONSUL_HTTP_TOKEN of ['', 'unknown', 'elsewhere', 'no-sessions', 'reads-only']) {
      await expect(open(fake.port, { env: { CONSUL_HTTP_TOKEN } }), CONSUL_HTTP_TOKEN).rejects.toMatchObject({
        code: 'store_unusable',
        message: expect.stringMatching(/^consul:coffer: .*refuses the token/),
      });
    }
    await put(await open(fake.port, { env }), 'a', '1');
    expect(fake.requests.every((line) => !line.includes('the-token'))).toBe(true);
    const reader = await open(fake.port, {
      env: { CONSUL_HTTP_TOKEN: 'reads-only' },
      create: false,
      readOnly: true,
    });
    expect(await textAt(reader, 'a')).toBe('1');
    await expect(put(reader, 'a', '2')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('threat 18: that lose their rights never make a record look absent', async () => {
    const tokens = new Map([['the-token', rights]]);
    const fake = await fakeAgent({ tokens });
    const named = await open(fake.port, { env });
    const [revision = null] = await put(named, 'a', '1');
    const expectRefusal = async (storage: Storage) => {
      for (const attempt of [
        () => storage.read(key('a')),
        () => storage.readMany([key('b'), key('a')]),
        () => storage.children('', { limit: 1 }),
        () => storage.range('', { limit: 1 }),
        () => put(storage, 'a', '2'),
        () => storage.commit([], [{ key: key('a'), revision }]),
        () => storage.commit([{ key: key('c'), value: bytes('1') }], [{ key: key('a'), revision: null }]),
      ]) {
        await expect(attempt()).rejects.toMatchObject(unavailable('refuses the token'));
      }
    };
    for (const write of [[], ['coffer/lane/'], ['coffer/lane/', 'coffer/open/', 'coffer/format']]) {
      tokens.set('the-token', { write, sessions: true });
      await expectRefusal(named);
    }
    tokens.delete('the-token');
    await expectRefusal(named);
    // Whoever comes without a token is not told that something was left out.
    tokens.set('', rights);
    const anonymous = await open(fake.port);
    tokens.set('', { write: [], sessions: false });
    await expectRefusal(anonymous);
    tokens.set('', rights);
    expect(await textAt(anonymous, 'a')).toBe('1');
  });

  it('are read again from their file when they were refused', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'coffer-consul-token-'));
    cleanUps.push(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'token');
    writeFileSync(path, 'first\n', { mode: 0o600 });
    const tokens = new Map([['first', rights]]);
    const fake = await fakeAgent({ tokens });
    const storage = await open(fake.port, { env: { CONSUL_HTTP_TOKEN_FILE: path } });
    await put(storage, 'a', '1');
    tokens.set('second', rights);
    tokens.delete('first');
    await expect(storage.read(key('a'))).rejects.toMatchObject(unavailable('refuses the token'));
    writeFileSync(path, 'second\n');
    await put(storage, 'a', '2');
    expect((await storage.children('', { limit: 5 })).items).toEqual(['a']);
    expect(await textAt(storage, 'a')).toBe('2');
  });
});

describe('a session of Consul', () => {
  it('that ends while the store is open costs nothing: commits go on, and are told as they are', async () => {
    const fake = await fakeAgent();
    const storage = await open(fake.port);
    const [revision = null] = await put(storage, 'a', '1');
    const ids = fake.kv.sessions;
    for (const id of ids) fake.kv.endSession(id);
    await Promise.all(Array.from({ length: 40 }, (_, index) => put(storage, `k${index}`, '1')));
    await storage.commit([{ key: key('a'), value: bytes('2') }], [{ key: key('a'), revision }]);
    await expect(
      storage.commit([{ key: key('a'), value: bytes('3') }], [{ key: key('a'), revision }]),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect(fake.kv.sessions).toHaveLength(1);
    expect(fake.kv.sessions).not.toEqual(ids);
    expect(fake.kv.below('coffer/lane/')).toHaveLength(16);
  });

  it('threat 18: that ends with a lock held gives the lock to nobody, and the holder no second one', async () => {
    const fake = await fakeAgent();
    const [holder, other] = [await open(fake.port), await open(fake.port)];
    const lock = key('core/duty/expiry');
    const [held = null] = await holder.commit(
      [{ key: lock, value: bytes('holder, fence 1') }],
      [{ key: lock, revision: null }],
    );
    for (const id of fake.kv.sessions) fake.kv.endSession(id);
    await expect(
      other.commit([{ key: lock, value: bytes('other') }], [{ key: lock, revision: null }]),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect((await other.read(lock))?.value).toEqual(bytes('holder, fence 1'));
    await other.commit([{ key: lock, value: bytes('other, fence 2') }], [{ key: lock, revision: held }]);
    await expect(
      holder.commit([{ key: key('work'), value: bytes('late') }], [{ key: lock, revision: held }]),
    ).rejects.toMatchObject({ code: 'conflict', key: lock });
    expect(await holder.read(key('work'))).toBeUndefined();
  });

  it('that ends with an answer lost is made up for by the records, and else it is said that it is not known', async () => {
    const fake = await fakeAgent();
    const storage = await open(fake.port);
    const loseAll = () => {
      for (const id of fake.kv.sessions) fake.kv.endSession(id);
    };
    const lost = { status: 500, text: 'EOF', done: true, after: loseAll };
    fake.faults.push(lost);
    const [revision] = await put(storage, 'a', '1');
    expect(await storage.read(key('a'))).toEqual({ value: bytes('1'), revision });
    await put(storage, 'b', '1');
    fake.faults.push(lost);
    await expect(storage.commit([{ key: key('a'), value: null }])).rejects.toMatchObject(
      unavailable('not known'),
    );
    await put(storage, 'a', '2');
    expect(await textAt(storage, 'a')).toBe('2');
  });

  it('says who has the store open, until they close it or have been gone for a while', async () => {
    const clock = new HandClock();
    const fake = await fakeAgent({ clock });
    const one = await open(fake.port, { clock });
    const occupantsOf = (storage: Storage) => withOccupants(storage)?.occupants();
    expect(await occupantsOf(one)).toEqual([]);
    const two = await open(fake.port, { clock });
    expect(await occupantsOf(one)).toEqual([expect.stringMatching(/^process \d+ on /)]);
    await two.close();
    expect(await occupantsOf(one)).toEqual([]);
    // One that died: nobody renews its session.
    const dead = await open(fake.port, { clock: new HandClock() });
    const afterAnotherSecond = () => {
      clock.advance(1);
      return occupantsOf(one);
    };
    expect(await occupantsOf(one)).toHaveLength(1);
    await expect.poll(afterAnotherSecond, { interval: 1, timeout: 20_000 }).toEqual([]);
    expect(fake.kv.sessions).toHaveLength(1);
    expect(await occupantsOf(dead)).toHaveLength(1);
    expect(fake.kv.below('coffer/lane/')).toHaveLength(16);
    // It lives after all, and is seen again once it has noticed.
    await put(dead, 'a', '1');
    expect(await occupantsOf(one)).toHaveLength(1);
  });
});

describe('a place for a store in Consul', () => {
  const unusable = (text: string) => ({ code: 'store_unusable', message: expect.stringContaining(text) });

  it('is refused where it is not what it should be', async () => {
    const fake = await fakeAgent();
    await expect(open(fake.port, { create: false })).rejects.toMatchObject(unusable('there is no store'));
    const set = (Key: string, text: string) =>
      fake.kv.apply([{ Verb: 'set', Key, Value: Buffer.from(text).toString('base64') }]);
    set('coffer/logical/secret', 'of another program');
    await expect(open(fake.port)).rejects.toMatchObject(unusable('not those of a store of Coffer'));
    set('coffer/format', 'coffer 2');
    await expect(open(fake.port)).rejects.toMatchObject(unusable('newer Coffer'));
    set('coffer/format', 'something');
    await expect(open(fake.port)).rejects.toMatchObject(unusable('not those of a store of Coffer'));
    const beside = parseConsulPlace('consul:coffer2');
    await put(await open(fake.port, { place: beside }), 'a', '1');
    const old = await fakeAgent({ old: true });
    await expect(open(old.port)).rejects.toMatchObject(unusable('needs version 1.14 or newer'));
    const narrow = await fakeAgent({ longestRequest: 100_000 });
    await expect(open(narrow.port)).rejects.toMatchObject(unusable('limits.txn_max_req_len'));
  });

  it('threat 18: that the store has left takes and gives nothing, from the moment its mark stands', async () => {
    const fake = await fakeAgent();
    const gate = {
      key: key('boot/gone'),
      refusal: () => new CofferError('store_unusable', 'the store has moved'),
    };
    const served = await open(fake.port, { gate });
    const [revision = null] = await put(served, 'a', '1');
    const mover = await open(fake.port);
    await put(mover, 'boot/gone', 'elsewhere');
    for (const attempt of [
      () => served.read(key('a')),
      () => served.children('', { limit: 1 }),
      () => served.range('', { limit: 1 }),
      () => put(served, 'a', '2'),
      () => served.commit([], [{ key: key('a'), revision }]),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'store_unusable',
        message: 'the store has moved',
      });
    }
    expect(await textAt(mover, 'a')).toBe('1');
  });

  it('takes as many deletions with expectations as a commit may have, and tells the conflict of one', async () => {
    const fake = await fakeAgent();
    const storage = await open(fake.port, {
      gate: { key: key('gate'), refusal: () => new CofferError('unavailable', '') },
    });
    const names = Array.from({ length: 64 }, (_, index) => key(`k${index}`));
    const [revision = null] = await storage.commit(names.map((each) => ({ key: each, value: bytes('1') })));
    const deletions = names.map((each) => ({ key: each, value: null }));
    const expectations = names.map((each) => ({ key: each, revision }));
    const before = names.slice(0, 1).map((each) => ({ key: each, value: null }));
    await storage.commit(before);
    // Consul's delete-cas takes what is absent for deleted.
    await expect(storage.commit(deletions, expectations)).rejects.toMatchObject({
      code: 'conflict',
      key: 'k0',
    });
    await expect(storage.commit(deletions.slice(0, 1), expectations.slice(0, 1))).rejects.toMatchObject({
      code: 'conflict',
    });
    expect((await storage.range('', { limit: 100 })).items).toHaveLength(63);
    await storage.commit(deletions.slice(1), expectations.slice(1));
    expect((await storage.range('', { limit: 100 })).items).toEqual([]);
  });

  it('with a key among the records that Coffer did not make is told as damaged', async () => {
    const fake = await fakeAgent();
    const storage = await open(fake.port);
    await put(storage, 'a', '1');
    fake.kv.apply([{ Verb: 'set', Key: 'coffer/record/stray', Value: 'YQ==' }]);
    await expect(storage.children('', { limit: 10 })).rejects.toMatchObject({ code: 'integrity' });
    expect(await textAt(storage, 'a')).toBe('1');
  });
});
