import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { Barrier } from '../../barrier/barrier.ts';
import { systemRandom } from '../../crypto/random.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { DutyLock, type HeldLock } from './lock.ts';

const work = parseStorageKey('core/work');
let barrier: Barrier;
let clock: HandClock;

beforeEach(async () => {
  clock = new HandClock();
  const storage = new MemoryStorage();
  const rootKey = Buffer.alloc(32, 1);
  const creation = Barrier.create({
    storage,
    random: systemRandom,
    clock,
    rootKey,
    storeId: '11111111-2222-4333-8444-555555555555',
  });
  await storage.commit(creation.writes, creation.expectations);
  barrier = creation.barrier;
  nodes = new Map();
});

/** What each node has seen of the lock. */
let nodes: Map<string, DutyLock>;

function acquire(holder: string, time: HandClock = clock): Promise<HeldLock | undefined> {
  const node = nodes.get(holder) ?? new DutyLock(barrier, time, 'test', holder);
  nodes.set(holder, node);
  return node.acquire();
}

describe('a duty’s lock', () => {
  it('has one holder', async () => {
    const first = await acquire('a');
    expect(first?.holds()).toBe(true);
    expect(await acquire('b')).toBeUndefined();
    await first?.release();
    expect((await acquire('b'))?.holds()).toBe(true);
  });

  it('goes to one of many who ask at once', async () => {
    const asked = await Promise.all(Array.from({ length: 20 }, (_, index) => acquire(`node-${index}`)));
    expect(asked.filter((lock) => lock !== undefined)).toHaveLength(1);
  });

  it('has a fence that grows with each holder, and refuses the commits of earlier ones', async () => {
    const first = await acquire('a');
    await acquire('b');
    clock.jump(30);
    const second = await acquire('b');
    expect(second?.fence).toBe((first?.fence ?? 0) + 1);
    const by = (lock: typeof first, text: string) =>
      barrier.commit(
        [{ key: work, value: Buffer.from(text) }],
        lock === undefined ? [] : [lock.expectation()],
      );
    await expect(by(first, 'stale')).rejects.toMatchObject({ code: 'conflict' });
    await by(second, 'fresh');
    expect((await barrier.read(work))?.open().toString()).toBe('fresh');
  });

  it('holds until its time has run out, to the millisecond', async () => {
    const lock = await acquire('a');
    await acquire('b');
    clock.jump(29.999);
    expect(lock?.holds()).toBe(true);
    expect(await acquire('b')).toBeUndefined();
    clock.jump(0.001);
    expect(lock?.holds()).toBe(false);
    expect(await acquire('b')).toBeDefined();
  });

  it('is extended by its holder, not by one who lost it', async () => {
    const first = await acquire('a');
    clock.jump(20);
    await first?.extend();
    clock.jump(29);
    expect(first?.holds()).toBe(true);
    await acquire('b');
    clock.jump(30);
    const second = await acquire('b');
    await expect(first?.extend()).rejects.toMatchObject({ code: 'conflict' });
    expect(first?.holds()).toBe(false);
    await first?.release();
    expect(second?.holds()).toBe(true);
    expect(await acquire('c')).toBeUndefined();
  });

  it('is extended once by all who ask for it at the same time, and given back behind that', async () => {
    const lock = await acquire('a');
    clock.jump(16);
    await Promise.all([lock?.extend(), lock?.extend()]);
    clock.jump(16);
    await Promise.all([lock?.extend(), lock?.release()]);
    expect(await acquire('b')).toBeDefined();
  });

  it('is taken again at once by its own holder, with a new fence', async () => {
    const first = await acquire('a');
    const again = await acquire('a');
    expect(again?.fence).toBe((first?.fence ?? 0) + 1);
    await expect(barrier.commit([], first === undefined ? [] : [first.expectation()])).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('is not taken while its holder shows signs of life, however long it is watched', async () => {
    const first = await acquire('a');
    for (let turn = 0; turn < 10; turn++) {
      expect(await acquire('b')).toBeUndefined();
      clock.jump(16);
      await first?.extend();
    }
    expect(await acquire('b')).toBeUndefined();
    expect(first?.holds()).toBe(true);
  });

  it('goes by nobody’s time of day: a clock an hour ahead takes nothing, one an hour behind keeps nothing', async () => {
    const ahead = new HandClock(clock.now() + 3_600_000);
    const first = await acquire('a');
    expect(await acquire('b', ahead)).toBeUndefined();
    ahead.jump(29.999);
    expect(await acquire('b')).toBeUndefined();
    ahead.jump(0.001);
    const second = await acquire('b');
    expect(second?.holds()).toBe(true);
    clock.jump(30);
    // Set back an hour, which lengthens nothing.
    clock.set(-3_600);
    expect(first?.holds()).toBe(false);
    await expect(first?.outside(async () => 'touched')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is over for a holder whose machine slept: no time passed by its steady clock, and much by the other', async () => {
    const lock = await acquire('a');
    clock.set(31);
    expect(lock?.holds()).toBe(false);
  });

  it('has no time added by an extension that failed', async () => {
    const other = new HandClock(clock.now());
    const first = await acquire('a');
    expect(await acquire('b', other)).toBeUndefined();
    other.jump(30);
    clock.jump(16);
    expect(await acquire('b')).toBeDefined();
    await expect(first?.extend()).rejects.toMatchObject({ code: 'conflict' });
    clock.jump(14);
    expect(first?.holds()).toBe(false);
  });

  it('a holder that has lost it touches nothing outside; one that has it does', async () => {
    const touched: string[] = [];
    const touch = (lock: HeldLock | undefined, who: string) => lock?.outside(async () => touched.push(who));
    const first = await acquire('a');
    await touch(first, 'a');
    await acquire('b');
    clock.jump(30);
    await expect(touch(first, 'a, late')).rejects.toMatchObject({ code: 'conflict', key: 'core/duty/test' });
    const second = await acquire('b');
    await touch(second, 'b');
    await expect(touch(first, 'a, later')).rejects.toMatchObject({ code: 'conflict' });
    await second?.release();
    await expect(touch(second, 'b, done')).rejects.toMatchObject({ code: 'conflict' });
    expect(touched).toEqual(['a', 'b']);
  });

  it('looks at the store too before it goes outside: who came by the lock in any way is respected', async () => {
    const first = await acquire('a');
    await acquire('a');
    expect(first?.holds()).toBe(true);
    await expect(first?.outside(async () => 'touched')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('waits for a call to the outside as long as it lasts, and tells the call when that is over', async () => {
    const lock = await acquire('a');
    clock.jump(10);
    let signal: AbortSignal | undefined;
    const call = lock?.outside((given) => {
      signal = given;
      return new Promise(() => undefined);
    });
    const outcome = expect(call).rejects.toMatchObject({ code: 'unavailable' });
    while (signal === undefined) await new Promise(setImmediate);
    clock.advance(19);
    expect(signal.aborted).toBe(false);
    clock.advance(1);
    await outcome;
    expect(signal.aborted).toBe(true);
  });
});
