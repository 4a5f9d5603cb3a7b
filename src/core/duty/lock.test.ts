import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { Barrier } from '../../barrier/barrier.ts';
import { systemRandom } from '../../crypto/random.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { acquireLock } from './lock.ts';

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
});

const acquire = (holder: string) => acquireLock(barrier, clock, 'test', holder);

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
    clock.jump(1);
    const second = await acquire('b');
    await expect(first?.extend()).rejects.toMatchObject({ code: 'conflict' });
    await first?.release();
    expect(second?.holds()).toBe(true);
    expect(await acquire('c')).toBeUndefined();
  });

  it('is taken again at once by its own holder, with a new fence', async () => {
    const first = await acquire('a');
    const again = await acquire('a');
    expect(again?.fence).toBe((first?.fence ?? 0) + 1);
    await expect(barrier.commit([], first === undefined ? [] : [first.expectation()])).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
