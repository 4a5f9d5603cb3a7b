/** The audit log in the store: what is acknowledged is there, whoever reads it, and nothing is there that does not hold. */
import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStore, type TestStore } from '../../barrier/barrier.fixture.ts';
import type { Barrier } from '../../barrier/barrier.ts';
import { systemRandom } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import type {
  Expectation,
  Revision,
  Storage,
  StorageKey,
  StorageRecord,
  Write,
} from '../../storage/storage.ts';
import { readAnchors } from './anchor.ts';
import { deadProcess, HandClock, livingProcess, settled } from './audit.fixture.ts';
import { findInPlace } from './find.ts';
import { LogFollower } from './follow.ts';
import { type OpenStoredLog, openStoredLog, type StoredLogOptions } from './stored-log.ts';
import { storedPlace, storedShelf } from './stored-place.ts';
import { verifyPlace } from './verify.ts';

/** A memory that counts commits, and whose next ones can be told to fail before or after they were done, or to wait. */
class WatchedStorage extends MemoryStorage {
  commits = 0;
  fault: ((writes: readonly Write[]) => 'before' | 'after' | 'late' | undefined) | undefined;
  /** Nothing can be read. */
  unreadable = false;
  /** Commits that were answered with an error and are still on their way. */
  readonly late: (() => Promise<unknown>)[] = [];
  held: Promise<void> | undefined;
  largest = 0;

  override async commit(
    writes: readonly Write[],
    expectations: readonly Expectation[] = [],
  ): Promise<readonly Revision[]> {
    const fault = this.fault?.(writes);
    if (fault === 'late') this.late.push(() => super.commit(writes, expectations));
    if (fault === 'before' || fault === 'late') throw away();
    await this.held;
    const revisions = await super.commit(writes, expectations);
    this.commits += 1;
    this.largest = Math.max(this.largest, writes.length);
    if (fault === 'after') throw away();
    return revisions;
  }

  override async read(key: StorageKey): Promise<StorageRecord | undefined> {
    if (this.unreadable) throw away();
    return super.read(key);
  }

  override async readMany(keys: readonly StorageKey[]): Promise<readonly (StorageRecord | undefined)[]> {
    if (this.unreadable) throw away();
    return super.readMany(keys);
  }
}

const away = () => new CofferError('unavailable', 'the storage does not answer');

let storage: WatchedStorage;
let store: TestStore;
let clock: HandClock;
let failures: CofferError[];
const logs: OpenStoredLog[] = [];
beforeEach(async () => {
  storage = new WatchedStorage();
  store = await createStore({ storage });
  clock = new HandClock();
  failures = [];
});
afterEach(async () => {
  storage.fault = undefined;
  for (const log of logs.splice(0)) await log.close().catch(() => undefined);
});

async function open(options: Partial<StoredLogOptions> = {}): Promise<OpenStoredLog> {
  const log = await openStoredLog({
    store: store.barrier,
    digestKey: createSecretKey(Buffer.alloc(32, 7)),
    signingSeed: Buffer.alloc(32, 9),
    clock,
    random: systemRandom,
    nodes: () => Promise.resolve([]),
    process: livingProcess(),
    onFailure: (error) => failures.push(error),
    ...options,
  });
  logs.push(log);
  return log;
}

const request = (id: number | string, more: object = {}) => ({
  type: 'request' as const,
  request_id: `r-${id}`,
  ...more,
});

const report = async (barrier: Barrier = store.barrier) =>
  verifyPlace(storedPlace(barrier), { anchors: await readAnchors(barrier, storedShelf) });

/** The request ids of all lines that can be read, in the order of the chains. */
async function kept(): Promise<readonly string[]> {
  const follower = new LogFollower(storedPlace(store.barrier));
  const lines = await follower.next();
  return lines.map(({ content }) => String(content['request_id'] ?? '')).filter((id) => id !== '');
}

const piecesOf = async (): Promise<readonly StorageKey[]> =>
  (await storage.range('core/audit/log/', { limit: 1_000 })).items.map(({ key }) => key);

describe('writing', () => {
  it('is one commit for the lines of a turn, done when it resolves, and vouched for to its end', async () => {
    const log = await open();
    const before = storage.commits;
    await Promise.all([1, 2, 3].map((id) => log.append(request(id), 'kernel')));
    expect(storage.commits).toBe(before + 1);
    expect(await kept()).toEqual(['r-1', 'r-2', 'r-3']);
    const { intact, chains } = await report();
    expect(intact).toBe(true);
    expect(chains).toMatchObject([{ state: 'open', lines: 4, lastSeq: 4, beyondAnchor: 0 }]);
  });

  it('shares the next commit among all that come while one is under way', async () => {
    const log = await open();
    let release = () => {};
    storage.held = new Promise((resolve) => {
      release = resolve;
    });
    const first = log.append(request(0), 'disk');
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const before = storage.commits;
    const later = Array.from({ length: 300 }, (_, id) => log.append(request(id + 1), 'kernel'));
    expect(log.health()).toMatchObject({ linesBehind: 300 });
    release();
    storage.held = undefined;
    await Promise.all([first, ...later]);
    expect(storage.commits).toBe(before + 2);
    expect(await kept()).toHaveLength(301);
    expect(log.health()).toMatchObject({ state: 'open', lines: 302, linesBehind: 0, behind: 0 });
  });

  it('leaves nothing to a timer: every line is there, and so is what vouches for it', async () => {
    const log = await open();
    await log.append(request(1), 'kernel');
    const other = await store.join();
    expect(await report(other)).toMatchObject({ intact: true, chains: [{ lastSeq: 2, beyondAnchor: 0 }] });
  });

  it('goes on over segments, and ends with a signed line', async () => {
    const log = await open({ segmentBytes: 2_000 });
    for (let id = 0; id < 40; id++) await log.append(request(id, { path: 'secret/data/a' }), 'kernel');
    await log.close();
    const place = storedPlace(store.barrier);
    const [chain = ''] = (await place.chains()).chains;
    expect((await place.segments(chain)).segments.length).toBeGreaterThan(3);
    expect(await report()).toMatchObject({ intact: true, chains: [{ state: 'closed', problems: [] }] });
    await expect(log.append(request('late'), 'disk')).rejects.toMatchObject({ code: 'unavailable' });
    expect((await storage.children('core/audit/stored/open/', { limit: 10 })).items).toEqual([]);
  });

  it('takes lines up to what fits a commit, and refuses longer ones with nothing done', async () => {
    const log = await open();
    await log.append(request(1, { text: 'ä'.repeat(140_000) }), 'disk');
    const before = storage.commits;
    await expect(log.append(request(2, { text: 'x'.repeat(311_200) }), 'disk')).rejects.toMatchObject({
      code: 'payload_too_large',
    });
    await Promise.all([3, 4, 5].map((id) => log.append(request(id, { text: 'y'.repeat(140_000) }), 'disk')));
    expect(storage.commits).toBe(before + 2);
    expect(await kept()).toEqual(['r-1', 'r-3', 'r-4', 'r-5']);
    expect((await report()).intact).toBe(true);
  });

  it('threat 16: is sealed: no path or name of a line is in the storage', async () => {
    const log = await open();
    await log.append(request(1, { path: 'secret/data/canary-path' }), 'disk');
    const { items } = await storage.range('core/audit/', { limit: 1_000 });
    expect(items.length).toBeGreaterThan(1);
    for (const { key, value } of items) {
      expect(value.includes('canary')).toBe(false);
      expect(key).not.toContain('canary');
    }
  });
});

describe('when the storage fails', () => {
  it('refuses the lines, tells once, and goes on by itself once it is back', async () => {
    const log = await open();
    storage.fault = () => 'before';
    const outcomes = await Promise.allSettled([1, 2].map((id) => log.append(request(id), 'kernel')));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(log.append(request(3), 'disk')).rejects.toMatchObject({ code: 'unavailable' });
    expect(failures).toHaveLength(1);
    expect(log.health()?.state).toBe('failed');
    storage.fault = undefined;
    await log.append(request(4), 'disk');
    expect(log.health()?.state).toBe('open');
    expect(await kept()).toEqual(['r-4']);
    expect((await report()).intact).toBe(true);
  });

  it('takes a commit for done that is there although its answer was lost', async () => {
    const log = await open();
    let times = 0;
    storage.fault = () => (times++ === 0 ? 'after' : undefined);
    await log.append(request(1), 'disk');
    await log.append(request(2), 'disk');
    expect(await kept()).toEqual(['r-1', 'r-2']);
    expect((await report()).intact).toBe(true);
  });

  it('knows a commit again whose answer was lost as an outage began, however many failed behind it', async () => {
    const log = await open();
    const chain = log.chainId;
    const outage: ('before' | 'after')[] = ['after', 'before', 'before'];
    storage.fault = () => outage.shift();
    storage.unreadable = true;
    for (const id of [1, 2, 3]) {
      await expect(log.append(request(id), 'disk')).rejects.toMatchObject({ code: 'unavailable' });
    }
    storage.unreadable = false;
    storage.fault = undefined;
    await log.append(request(4), 'disk');
    expect(failures.map(({ code }) => code)).toEqual(['unavailable']);
    expect(log.chainId).toBe(chain);
    expect(await kept()).toEqual(['r-1', 'r-4']);
    expect(await report()).toMatchObject({ intact: true, chains: [{ state: 'open' }] });
  });

  it.each([0, 1])('knows a commit again that lands after another one was tried (%i)', async (landing) => {
    const log = await open();
    const chain = log.chainId;
    storage.fault = () => 'late';
    for (const id of [0, 1]) await expect(log.append(request(id), 'disk')).rejects.toThrow();
    storage.fault = undefined;
    await storage.late[landing]?.();
    await expect(storage.late[1 - landing]?.()).rejects.toMatchObject({ code: 'conflict' });
    await log.append(request(2), 'disk');
    expect(failures.map(({ code }) => code)).toEqual(['unavailable']);
    expect(log.chainId).toBe(chain);
    expect(await kept()).toEqual([`r-${landing}`, 'r-2']);
    expect((await report()).intact).toBe(true);
  });

  it('has no half of anything, whichever commits fail, and every acknowledged line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('fine', 'fine', 'before', 'after'), { minLength: 1, maxLength: 30 }),
        async (plan) => {
          storage = new WatchedStorage();
          store = await createStore({ storage });
          const log = await open({ segmentBytes: 900 });
          const faults = [...plan];
          storage.fault = () => {
            const next = faults.shift();
            return next === 'before' || next === 'after' ? next : undefined;
          };
          const acknowledged: string[] = [];
          for (let id = 0; faults.length > 0; id++) {
            const group = [`${id}a`, `${id}b`].map((name) =>
              log.append(request(name), 'disk').then(
                () => acknowledged.push(`r-${name}`),
                () => undefined,
              ),
            );
            await Promise.all(group);
          }
          storage.fault = undefined;
          await log.close();
          const ids = await kept();
          expect(acknowledged.filter((id) => !ids.includes(id))).toEqual([]);
          expect(await report()).toMatchObject({ intact: true, chains: [{ state: 'closed' }] });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('lets through what lessens harm, and nothing else, while the storage is short of room', async () => {
    let short = false;
    const log = await open({ isShort: () => short, isUrgent: (entry) => entry['operation'] === 'delete' });
    short = true;
    await expect(log.append(request(1), 'disk')).rejects.toMatchObject({ code: 'storage_full' });
    await log.append(request(2, { operation: 'delete' }), 'disk');
    expect(log.health()?.state).toBe('full');
    short = false;
    await log.append(request(3), 'disk');
    expect(await kept()).toEqual(['r-2', 'r-3']);
  });
});

describe('another start', () => {
  /** Three lines, and a process that is no more. */
  async function crashed(process = deadProcess()): Promise<OpenStoredLog> {
    const log = await open({ process });
    for (const id of [1, 2]) await log.append(request(id), 'kernel');
    return log;
  }

  it('closes the chain of a process that is gone, and keeps a line of it', async () => {
    const left = await crashed();
    const log = await open();
    expect(log.findings).toMatchObject([{ chainId: left.chainId, kind: 'crashed', seq: 3 }]);
    const { intact, chains } = await report();
    expect(intact).toBe(true);
    expect(chains.map(({ state }) => state).toSorted()).toEqual(['crashed', 'open']);
    const follower = new LogFollower(storedPlace(store.barrier));
    expect((await follower.next()).map(({ content }) => content)).toContainEqual(
      expect.objectContaining({ event: 'crashed chain closed', closed_chain_id: left.chainId, intact: true }),
    );
    expect((await open()).findings).toEqual([]);
  });

  it('closes that of another node too, unless that one tells of itself', async () => {
    const there = { ...deadProcess(), node: 'there', bootId: 'of another machine' };
    const left = await crashed(there);
    clock.advance(60_000);
    expect((await open({ nodes: () => Promise.resolve([there]) })).findings).toEqual([]);
    expect((await open()).findings).toMatchObject([{ chainId: left.chainId, kind: 'crashed' }]);
  });

  it('leaves that of another node alone which has only begun, and does not tell of itself yet', async () => {
    const others = ['one', 'another'].map((node) => ({ ...deadProcess(), node, bootId: `of ${node}` }));
    const starting = await Promise.all(others.map((process) => open({ process })));
    expect(starting.map(({ findings }) => findings)).toEqual([[], []]);
    for (const log of starting) await log.append(request(log.chainId), 'kernel');
    expect(failures).toEqual([]);
    const left = await open();
    expect(left.findings).toEqual([]);
    clock.advance(60_000);
    expect(await left.closeLeft()).toHaveLength(2);
  });

  it('closes later what goes later', async () => {
    const there = { ...deadProcess(), node: 'there', bootId: 'of another machine' };
    const left = await crashed(there);
    let nodes = [there];
    const found: string[] = [];
    const log = await open({
      nodes: () => Promise.resolve(nodes),
      onFinding: ({ chainId }) => void found.push(chainId),
    });
    expect(log.findings).toEqual([]);
    nodes = [];
    clock.advance(600_000);
    await settled(() => found.length > 0);
    expect(found).toEqual([left.chainId]);
    expect((await report()).intact).toBe(true);
  });

  it('a process that was taken for gone goes on in another chain, and loses no line', async () => {
    const there = { ...deadProcess(), node: 'there', bootId: 'of another machine' };
    const live = await crashed(there);
    const before = live.chainId;
    clock.advance(60_000);
    const log = await open();
    await live.append(request('later'), 'kernel');
    expect(failures.map(({ code }) => code)).toEqual(['conflict']);
    expect(live.chainId).not.toBe(before);
    await live.close();
    await log.close();
    expect(await kept()).toContain('r-later');
    const { intact, chains } = await report();
    expect(intact).toBe(true);
    expect(chains).toHaveLength(3);
  });

  it('says loudly that lines are gone that the store vouched for, and goes on saying so', async () => {
    const left = await crashed();
    const keys = (await piecesOf()).slice(-1);
    await storage.commit(keys.map((key) => ({ key, value: null })));
    const log = await open();
    expect(log.findings).toMatchObject([
      { chainId: left.chainId, kind: 'damaged', error: { code: 'integrity' } },
    ]);
    const damaged = (await report()).chains.find(({ chainId }) => chainId === left.chainId);
    expect(damaged?.problems.map(({ kind }) => kind)).toContain('cut');
  });
});

describe('threat 25: verify finds', () => {
  const hands: readonly (readonly [
    string,
    (storage: Storage, keys: readonly StorageKey[]) => Promise<unknown>,
  ])[] = [
    ['a piece that is gone', (on, keys) => on.commit([{ key: keys[2] ?? keyless, value: null }])],
    [
      'a piece that was changed',
      async (on, keys) => {
        const key = keys[2] ?? keyless;
        const value = Buffer.from((await on.read(key))?.value ?? '');
        value[40] = (value[40] ?? 0) ^ 1;
        return on.commit([{ key, value }]);
      },
    ],
    [
      'two pieces that changed places',
      async (on, keys) => {
        const [one = keyless, other = keyless] = keys.slice(2);
        const values = await on.readMany([other, one]);
        return on.commit(
          [one, other].map((key, at) => ({ key, value: values[at]?.value ?? Buffer.alloc(0) })),
        );
      },
    ],
    ['a chain that is gone', (on, keys) => on.commit(keys.slice(0, 60).map((key) => ({ key, value: null })))],
    [
      'what was put beside the chains',
      (on) => on.commit([{ key: 'core/audit/log/stray/1' as StorageKey, value: Buffer.of(1) }]),
    ],
  ];
  const keyless = 'nothing' as StorageKey;

  it.each(hands)('%s', async (_what, hand) => {
    const log = await open();
    for (let id = 0; id < 8; id++) await log.append(request(id), 'disk');
    await log.close();
    expect((await report()).intact).toBe(true);
    await hand(storage, await piecesOf());
    expect((await report()).intact).toBe(false);
  });
});

describe('reading', () => {
  it('finds the lines of one request', async () => {
    const log = await open({ segmentBytes: 1_500 });
    for (let id = 0; id < 30; id++) await log.append(request(id), 'disk');
    const found = [];
    for await (const line of findInPlace(storedPlace(store.barrier), 'r-17')) found.push(line);
    expect(found).toMatchObject([
      { content: { request_id: 'r-17' }, file: expect.stringMatching(/\.jsonl$/) },
    ]);
  });

  it('follows it as it is written', async () => {
    const log = await open();
    const follower = new LogFollower(storedPlace(store.barrier));
    await log.append(request(1), 'disk');
    await follower.recent();
    await log.append(request(2), 'disk');
    expect((await follower.next()).map(({ content }) => content['request_id'])).toEqual(['r-2']);
    expect(follower.unreadable).toBe(0);
  });
});

describe('retention', () => {
  it('removes whole segments that are old, says so, and leaves those that are not', async () => {
    const log = await open({ segmentBytes: 1_500, keep: 3_600_000 });
    for (let id = 0; id < 20; id++) await log.append(request(id), 'disk');
    clock.advance(3_000_000);
    await settled(() => clock.pending > 0);
    for (let id = 20; id < 40; id++) await log.append(request(id), 'disk');
    const before = (await piecesOf()).length;
    clock.advance(900_000);
    await settled(() => clock.pending > 0);
    expect((await piecesOf()).length).toBeLessThan(before);
    await log.append(request('after'), 'disk');
    const { intact, chains } = await report();
    expect(intact).toBe(true);
    expect(chains[0]?.vouches).toContain('removed by rule');
    const ids = await kept();
    expect(ids).not.toContain('r-1');
    expect(ids).toContain('r-39');
    expect(ids).toContain('r-after');
  });

  it('removes a chain that ended long ago whole, and its anchor', async () => {
    const old = await open();
    await old.append(request(1), 'disk');
    await old.close();
    const log = await open({ keep: 3_600_000 });
    clock.advance(3_700_000);
    await settled(() => clock.pending > 0);
    expect((await readAnchors(store.barrier, storedShelf)).map(({ chainId }) => chainId)).toEqual([
      log.chainId,
    ]);
    expect((await storedPlace(store.barrier).chains()).chains).toHaveLength(1);
  });
});
