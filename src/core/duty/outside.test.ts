import { afterEach, beforeEach, expect, it } from 'vitest';
import { keysOf } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { Barrier } from '../../barrier/barrier.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { OutsideTurn } from '../../engine/engine.ts';
import { MemoryStorage } from '../../storage/memory/memory.ts';
import { type Expectation, parseStorageKey } from '../../storage/storage.ts';
import { type Due, dueWrite } from '../due.ts';
import { OutsideDuty, type OutsideHandler, outsideFenceKey } from './outside.ts';

let storage: MemoryStorage;
let barrier: Barrier;
let clock: HandClock;
let errors: unknown[];
/** Ends whatever a test left hanging. */
const release: (() => void)[] = [];

beforeEach(async () => {
  clock = new HandClock();
  storage = new MemoryStorage();
  errors = [];
  const storeId = '11111111-2222-4333-8444-555555555555';
  const rootKey = Buffer.alloc(32, 1);
  const creation = Barrier.create({ storage, random: systemRandom, clock, rootKey, storeId });
  await storage.commit(creation.writes, creation.expectations);
  barrier = creation.barrier;
});
afterEach(() => {
  for (const end of release.splice(0)) end();
});

function duty(holder: string, handle: OutsideHandler): OutsideDuty {
  const mayEnd = () => true;
  return new OutsideDuty({
    store: barrier,
    clock,
    holder,
    handle,
    mayEnd,
    onError: (error) => errors.push(error),
  });
}

async function queue(...ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += 50) {
    const some = ids.slice(from, from + 50);
    await barrier.commit(
      some.map((id) => dueWrite(clock.now(), 'mount', id, 'outside')),
      [],
    );
  }
}

function hanging(): { readonly promise: Promise<void>; readonly end: () => void } {
  let end: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  release.push(end);
  return { promise, end };
}

const waiting = () => keysOf(storage, 'outside/');
const ids = (count: number) => Array.from({ length: count }, (_, index) => `uuid/app/${index}`);

it('works on what is due and takes it out, and has the lock no longer than that', async () => {
  const done: string[] = [];
  const one = duty('a', async ({ id }) => void done.push(id));
  await queue('uuid/x', 'uuid/y');
  await barrier.commit([dueWrite(clock.now() + 60_000, 'mount', 'uuid/later', 'outside')], []);
  expect(await one.run()).toBe(2);
  await one.settled();
  expect(done.toSorted()).toEqual(['uuid/x', 'uuid/y']);
  expect(await waiting()).toHaveLength(1);
  const other = duty('b', async ({ id }) => void done.push(id));
  clock.jump(60);
  expect(await other.run()).toBe(1);
});

it('is held up by nothing that hangs: others begin, end, and come again beside it', async () => {
  const stuck = hanging();
  const done: string[] = [];
  const one = duty('a', async ({ id }) => {
    if (id === 'uuid/stuck') await stuck.promise;
    done.push(id);
  });
  await queue('uuid/stuck', ...ids(200));
  await one.run();
  await queue('uuid/more');
  expect(await one.run()).toBe(1);
  await expect.poll(() => done.length).toBe(201);
  expect(await waiting()).toHaveLength(1);
  stuck.end();
  await one.settled();
  expect(await waiting()).toEqual([]);
});

it('has at most 96 under way, and one thing once', async () => {
  const stuck = hanging();
  let most = 0;
  let now = 0;
  const begun: string[] = [];
  const one = duty('a', async ({ id }) => {
    begun.push(id);
    now++;
    most = Math.max(most, now);
    await stuck.promise;
    now--;
  });
  await queue(...ids(200));
  await barrier.commit([dueWrite(clock.now() - 60_000, 'mount', 'uuid/app/1', 'outside')], []);
  const run = one.run();
  await expect.poll(() => now).toBe(96);
  stuck.end();
  await run;
  await one.settled();
  // The other entry of what was under way stays for a later pass.
  await one.run();
  await one.settled();
  expect([most, begun.length, await waiting()]).toEqual([96, 201, []]);
});

it('keeps what failed for the next pass', async () => {
  let fails = true;
  const one = duty('a', async () => {
    if (fails) throw new Error('away');
  });
  await queue('uuid/x');
  await one.run();
  await one.settled();
  expect([errors.length, (await waiting()).length]).toEqual([1, 1]);
  fails = false;
  await one.run();
  await one.settled();
  expect([errors.length, (await waiting()).length]).toEqual([1, 0]);
});

it('keeps what was asked for again while it was worked on', async () => {
  let seen = 0;
  const one = duty('a', async ({ id }) => {
    if (++seen === 1) await queue(id);
  });
  await queue('uuid/x');
  await one.run();
  await one.settled();
  expect(await waiting()).toHaveLength(1);
  await one.run();
  await one.settled();
  expect([seen, errors, await waiting()]).toEqual([2, [], []]);
});

it('keeps the lock as long as something is under way', async () => {
  const stuck = hanging();
  const one = duty('a', () => stuck.promise);
  await queue('uuid/x', 'uuid/y');
  await one.run();
  const other = duty('b', async () => undefined);
  for (let seconds = 0; seconds < 120; seconds += 5) {
    clock.advance(5);
    // The lock is written beside this.
    await expect.poll(async () => other.run()).toBe(0);
    expect(other.waits).toBe(true);
  }
  stuck.end();
  await one.settled();
  expect(errors).toEqual([]);
  expect(await waiting()).toEqual([]);
});

it('threat 22: lands nothing of a holder that was paused past its lock, and calls nobody for it', async () => {
  const paused = hanging();
  const outcomes: string[] = [];
  const work = parseStorageKey('core/work');
  const late = async (fence: Expectation, turn: OutsideTurn) => {
    await turn
      .outside(1_000, async () => outcomes.push('called'))
      .catch((error: Error) => outcomes.push(error.name));
    await barrier.commit([{ key: work, value: Buffer.from('stale') }], [fence]);
  };
  const one = duty('a', async (_due, fence, turn) => {
    await paused.promise;
    await late(fence, turn).catch((error: Error) => void outcomes.push(error.name));
  });
  await queue('uuid/x');
  await one.run();
  const done: Due[] = [];
  const other = duty('b', async (due) => void done.push(due));
  await other.run();
  clock.jump(31);
  expect(await other.run()).toBe(1);
  await other.settled();
  paused.end();
  await one.settled();
  expect(outcomes).toEqual(['ConflictError', 'ConflictError']);
  expect(await barrier.read(work)).toBeUndefined();
  expect([done.length, await waiting()]).toEqual([1, []]);
});

it('takes the duty anew where its fence was sealed anew meanwhile', async () => {
  const paused = hanging();
  let tries = 0;
  const one = duty('a', async (_due, fence) => {
    tries++;
    if (tries === 1) await paused.promise;
    await barrier.commit([{ key: parseStorageKey('core/work'), value: Buffer.from('done') }], [fence]);
  });
  await queue('uuid/x');
  await one.run();
  const fence = await barrier.read(outsideFenceKey);
  await barrier.commit([{ key: outsideFenceKey, value: fence?.open() ?? null }], []);
  paused.end();
  await one.settled();
  expect(await waiting()).toHaveLength(1);
  await one.run();
  await one.settled();
  expect([tries, errors, await waiting()]).toEqual([2, [], []]);
});

it('bounds a call by the time it was given', async () => {
  const stuck = hanging();
  const seen: unknown[] = [];
  const one = duty('a', async (_due, _fence, turn) => {
    const call = turn.outside(1_000, async (signal) => {
      signal.addEventListener('abort', () => seen.push('aborted'));
      await stuck.promise;
    });
    await call.catch((error: unknown) => seen.push(error));
  });
  await queue('uuid/x');
  await one.run();
  await expect.poll(() => clock.pending).toBeGreaterThan(2);
  clock.advance(1);
  await one.settled();
  expect(seen).toEqual(['aborted', expect.objectContaining({ code: 'unavailable' })]);
});
