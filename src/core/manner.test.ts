/** Nodes that rest between requests, and nodes that visit for the duties, beside those that stay. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, expiryOf, keysOf, makePlace, makeToken, type Place } from '../../test/fakes/client.ts';
import { HandClock } from '../../test/fakes/hand-clock.ts';
import type { Formats } from '../engine/engine.ts';
import type { CofferNode } from '../main/node.ts';
import { parseStorageKey } from '../storage/storage.ts';
import type { Core } from './core.ts';
import { DutyLock } from './duty/lock.ts';
import { awaken, workOnDuties } from './manner.ts';
import { decodeStored } from './stored-json.ts';

let place: Place;
beforeEach(async () => {
  place = await makePlace({ silent: true });
});
afterEach(() => place.remove());

function coreOf(node: CofferNode): Core {
  const { core } = node.state;
  if (core === undefined) throw new Error('the node is sealed');
  return core;
}

async function lockOf(name: string): Promise<unknown> {
  const node = await place.node();
  const record = await coreOf(node).store.read(parseStorageKey(`core/duty/${name}`));
  return record === undefined ? undefined : (decodeStored(record.open()) as { until: number }).until;
}

/** Moves the clock, a second at a time, until the work is done. */
async function meanwhile(work: Promise<void>, clock: HandClock, seconds = 1): Promise<number> {
  let done = false;
  let passed = 0;
  const settled = work.finally(() => {
    done = true;
  });
  settled.catch(() => undefined);
  while (!done) {
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    if (done) break;
    clock.advance(seconds);
    passed += seconds;
  }
  await settled;
  return passed;
}

describe('a node that rests', () => {
  it('serves, and leaves nothing running: no timer, no record of itself, no lock', async () => {
    const clock = new HandClock();
    const node = await place.node(undefined, { manner: 'rests', clock });
    expect((await ask(node, 'update', 'secret/data/a', { data: { a: 'b' } })).status).toBe(200);
    expect((await ask(node, 'read', 'secret/data/a')).data).toMatchObject({ data: { a: 'b' } });
    await makeToken(node, { ttl: '1h' });
    expect(clock.pending).toBe(0);
    expect(await keysOf(place.storage, 'core/node/')).toEqual([]);
    expect(await keysOf(place.storage, 'core/duty/')).toEqual([]);
    // One that stays has both.
    await place.node(undefined, { clock });
    expect(clock.pending).toBeGreaterThan(0);
    expect(await keysOf(place.storage, 'core/node/')).toHaveLength(1);
  });

  it('threat 18: refuses what has ended at its use, though it ends nothing itself', async () => {
    const node = await place.node(undefined, { manner: 'rests' });
    const token = await makeToken(node, { policies: ['default'], ttl: '10m' });
    const lookup = async () => (await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status;
    expect(await lookup()).toBe(200);
    place.clock.advance(600);
    expect(await lookup()).toBe(403);
    expect(await keysOf(place.storage, 'due/')).not.toEqual([]);
  });

  it('leaves long work to others, and says that it was begun', async () => {
    const resting = await place.node(undefined, { manner: 'rests' });
    await ask(resting, 'update', 'secret/data/folder/a', { data: { a: 'b' } });
    const begun = await ask(resting, 'update', 'sys/rotate');
    expect(begun.status).toBe(204);
    const active = () => keysOf(place.storage, 'core/job/active/');
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(await active()).toHaveLength(1);
    const visiting = await place.node(undefined, { manner: 'visits' });
    await workOnDuties(coreOf(visiting), 60_000);
    expect(await active()).toEqual([]);
  });

  it('does not go on where the others have gone on to formats that it does not read', async () => {
    const pointer = (reads: number): Formats => ({ 'kv/pointer': { reads, writes: reads, first: 2 } });
    const old = await place.node(undefined, { manner: 'rests', formats: pointer(2) });
    await awaken(coreOf(old));
    // It counts for nobody, so that nobody waits for it.
    const node = await place.node(undefined, { formats: pointer(3) });
    expect(coreOf(node).formats.writes('kv/pointer')).toBe(3);
    await expect(awaken(coreOf(old))).rejects.toMatchObject({ code: 'store_unusable' });
    const again = place.sealedNode({ manner: 'rests', formats: pointer(2) });
    await again.state.start();
    await expect(again.state.submitKey(place.keys[0] ?? '')).rejects.toMatchObject({
      code: 'store_unusable',
    });
  });
});

describe('a node that visits', () => {
  const visitor = () => place.node(undefined, { manner: 'visits' });

  it('ends what is due, gives its locks back, and leaves nothing of itself', async () => {
    const resting = await place.node(undefined, { manner: 'rests' });
    for (let count = 0; count < 100; count++) await makeToken(resting, { policies: ['default'], ttl: '10m' });
    const due = await keysOf(place.storage, 'due/');
    expect(due.length).toBeGreaterThanOrEqual(100);
    place.clock.jump(660);
    const visiting = await visitor();
    expect(await keysOf(place.storage, 'core/node/')).toHaveLength(1);
    await workOnDuties(coreOf(visiting), 60_000);
    expect((await keysOf(place.storage, 'due/')).length).toBeLessThanOrEqual(due.length - 100);
    await visiting.state.drop();
    expect(await keysOf(place.storage, 'core/node/')).toEqual([]);
    expect(await lockOf('expiry')).toBe(0);
  });

  it('does nothing of it by itself', async () => {
    const resting = await place.node(undefined, { manner: 'rests' });
    await makeToken(resting, { policies: ['default'], ttl: '10m' });
    const before = await keysOf(place.storage, 'due/');
    await visitor();
    place.clock.advance(700);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(await keysOf(place.storage, 'due/')).toEqual(before);
  });

  it('begins nothing more once its time is up, and the next one goes on', async () => {
    const resting = await place.node(undefined, { manner: 'rests' });
    for (let count = 0; count < 80; count++) await makeToken(resting, { policies: ['default'], ttl: '10m' });
    place.clock.jump(660);
    const left = async () => (await keysOf(place.storage, 'due/')).length;
    const before = await left();
    const first = await visitor();
    const work = workOnDuties(coreOf(first), 1_000);
    place.clock.advance(2);
    await work;
    expect(await left()).toBe(before);
    expect((await keysOf(place.storage, 'core/duty/')).length === 0 || (await lockOf('expiry')) === 0).toBe(
      true,
    );
    const second = await visitor();
    await workOnDuties(coreOf(second), 60_000);
    expect(await left()).toBeLessThanOrEqual(before - 80);
  });

  it('outlasts the lock of one that was killed at its work, within one visit', async () => {
    const resting = await place.node(undefined, { manner: 'rests' });
    await makeToken(resting, { policies: ['default'], ttl: '10m' });
    place.clock.jump(660);
    const elsewhere = { node: 'gone', pid: 7, startTicks: '', bootId: 'another', pidNamespace: '' };
    const { store } = coreOf(resting);
    const lock = new DutyLock(store, place.clock, 'expiry', 'one that was killed', elsewhere);
    expect(await lock.acquire()).toBeDefined();
    const before = (await keysOf(place.storage, 'due/')).length;
    const visiting = await visitor();
    const passed = await meanwhile(workOnDuties(coreOf(visiting), 75_000), place.clock);
    expect(passed).toBeGreaterThanOrEqual(30);
    expect((await keysOf(place.storage, 'due/')).length).toBeLessThan(before);
    expect(await lockOf('expiry')).toBe(0);
  });

  it('gives up on a lock whose holder lives', async () => {
    const resting = await place.node(undefined, { manner: 'rests' });
    await makeToken(resting, { policies: ['default'], ttl: '10m' });
    place.clock.jump(660);
    const elsewhere = { node: 'busy', pid: 7, startTicks: '', bootId: 'another', pidNamespace: '' };
    const lock = new DutyLock(coreOf(resting).store, place.clock, 'expiry', 'one that works', elsewhere);
    const held = await lock.acquire();
    const visiting = await visitor();
    const before = (await keysOf(place.storage, 'due/')).length;
    let turns = 0;
    const passed = await meanwhile(workOnDuties(coreOf(visiting), 75_000), {
      advance(seconds: number) {
        place.clock.advance(seconds);
        if (++turns % 16 === 0) void held?.extend();
      },
    } as HandClock);
    expect(passed).toBeLessThan(60);
    expect((await keysOf(place.storage, 'due/')).length).toBe(before);
  });

  it('works beside one that stays, each in its turn', async () => {
    const node = await place.node();
    await makeToken(node, { policies: ['default'], ttl: '10m' });
    place.clock.jump(660);
    const visiting = await visitor();
    await Promise.all([expiryOf(node).run(), meanwhile(workOnDuties(coreOf(visiting), 75_000), place.clock)]);
    const token = await ask(node, 'list', 'auth/token/accessors');
    expect(token.status).toBe(200);
  });
});
