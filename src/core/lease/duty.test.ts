import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  expiryOf,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { CofferNode } from '../../main/node.ts';
import { epochKey } from '../epoch.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterEach(() => place.remove());

async function lease(ttl: number, token?: string): Promise<string> {
  const answer = await ask(node, 'read', 'leased/creds/app', { ttl }, token);
  return answer.lease?.id ?? '';
}

async function leases(count: number, ttl: number): Promise<void> {
  for (let made = 0; made < count; made++) await lease(ttl);
}

/** A node whose storage is gone from the moment that `die` is called, as for a process that is no more. */
async function mortalNode(): Promise<{ node: CofferNode; die: () => void }> {
  let dead = false;
  const storage = faultyStorage(place.storage, () => (dead ? { kind: 'before' } : undefined));
  const die = () => {
    dead = true;
  };
  return { node: await place.node(storage), die };
}

describe('a lease whose time has come', () => {
  it('is ended outside, and nothing of it stays', async () => {
    await leases(3, 60);
    place.clock.jump(59);
    await expiryOf(node).run();
    expect(outside.working).toHaveLength(3);
    place.clock.jump(1);
    await expiryOf(node).run();
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });

  it('is ended by the clock, without anybody asking', async () => {
    await leases(2, 60);
    place.clock.advance(61);
    await expiryOf(node).settled();
    for (let turn = 0; turn < 1_000 && outside.working.length > 0; turn++) await new Promise(setImmediate);
    expect(outside.working).toEqual([]);
  });

  it('is ended by a node that no request has told of its mount', async () => {
    const idle = await place.node();
    await ask(node, 'update', 'sys/mounts/later', { type: 'leased' });
    await ask(node, 'read', 'later/creds/app', { ttl: 60 });
    place.clock.jump(60);
    await expiryOf(idle).run();
    expect(outside.made).toHaveLength(1);
    expect(outside.working).toEqual([]);
  });
});

describe('a revocation that fails', () => {
  it('is tried again after 10 s, 20 s, 40 s and so on, and after six tries left to a person', async () => {
    const id = await lease(60);
    outside.failures = 99;
    place.clock.jump(60);
    await expiryOf(node).run();
    for (const [tries, pause] of [10, 20, 40, 80, 160].entries()) {
      expect(outside.attempts).toBe(tries + 1);
      place.clock.jump(pause - 1);
      await expiryOf(node).run();
      expect(outside.attempts).toBe(tries + 1);
      place.clock.jump(1);
      await expiryOf(node).run();
    }
    expect(outside.attempts).toBe(6);
    place.clock.jump(100_000);
    await finishDuties(node, place.clock);
    expect(outside.attempts).toBe(6);
    expect((await ask(node, 'update', 'sys/leases/lookup', { lease_id: id })).status).toBe(200);
    outside.failures = 0;
    expect((await ask(node, 'update', 'sys/leases/revoke', { lease_id: id })).status).toBe(204);
    expect(outside.working).toEqual([]);
  });

  it('once does no harm to the others of the same pass', async () => {
    await leases(20, 60);
    outside.failures = 1;
    place.clock.jump(60);
    await expiryOf(node).run();
    expect(outside.working).toHaveLength(1);
    place.clock.jump(10);
    await expiryOf(node).run();
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });
});

describe('a system outside that hangs', () => {
  it('threat 18: keeps no node from following a seal, whoever sealed', async () => {
    const other = await place.node();
    const store = node.state.core?.store;
    await leases(100, 60);
    outside.beforeRevoke = () => new Promise(() => undefined);
    place.clock.advance(61);
    await turnsUntil(() => outside.attempts > 0);
    expect(outside.attempts).toBeGreaterThan(0);
    expect((await ask(other, 'update', 'sys/seal')).status).toBe(204);
    // Nobody asks the node that ends leases anything.
    for (let second = 0; second < 10 && node.state.core !== undefined; second++) {
      place.clock.advance(1);
      await turnsUntil(() => node.state.core === undefined);
    }
    expect(node.state.core).toBeUndefined();
    place.clock.advance(6);
    const isOpen = () =>
      store?.read(epochKey).then(
        () => true,
        () => false,
      );
    while (await isOpen()) await new Promise(setImmediate);
    const begun = outside.attempts;
    place.clock.advance(31);
    await turnsUntil(() => false);
    expect(outside.attempts).toBe(begun);
  });
});

/** Lets what was begun go on, until `done` or for long enough. */
async function turnsUntil(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 300 && !done(); turn++) await new Promise(setImmediate);
}

describe('a node that dies in the middle of its duty', () => {
  it.each([0, 1, 2, 5, 9])(
    'after ending %i credentials leaves the rest, and no less, to the next',
    async (ended) => {
      const { node: first, die } = await mortalNode();
      for (let made = 0; made < 12; made++) await ask(first, 'read', 'leased/creds/app', { ttl: 60 });
      place.clock.jump(60);
      let count = 0;
      outside.beforeRevoke = async () => {
        if (count++ === ended) die();
      };
      await expiryOf(first)
        .run()
        .catch(() => undefined);
      outside.beforeRevoke = undefined;
      await finishDuties(node, place.clock);
      // The dead node's lock has to run out first.
      place.clock.jump(30);
      await finishDuties(node, place.clock);
      expect(outside.made).toHaveLength(12);
      expect(outside.working).toEqual([]);
      expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
      expect(await keysOf(place.storage, 'due/')).toEqual([]);
    },
  );

  it('at any of its calls to the store loses no revocation', async () => {
    for (let call = 1; call <= 40; call++) {
      let calls = 0;
      let counting = false;
      const storage = faultyStorage(place.storage, () =>
        counting && ++calls >= call
          ? { kind: calls === call && call % 2 === 0 ? 'after' : 'before' }
          : undefined,
      );
      const first = await place.node(storage);
      const token = await makeToken(node, { policies: ['root'] });
      for (let made = 0; made < 3; made++) await ask(node, 'read', 'leased/creds/app', {}, token);
      await ask(node, 'update', 'auth/token/revoke', { token });
      place.clock.jump(1);
      counting = true;
      await expiryOf(first)
        .run()
        .catch(() => undefined);
      // Who is to go on has to see that the lock's holder is silent.
      await expiryOf(node).run();
      place.clock.jump(31);
      await finishDuties(node, place.clock);
      expect(outside.working, `fault at call ${call}`).toEqual([]);
      expect(await keysOf(place.storage, 'core/lease/'), `fault at call ${call}`).toEqual([]);
      await first.state.drop().catch(() => undefined);
    }
  });
});

describe('two nodes', () => {
  it('share the work of one pass without ending anything twice', async () => {
    const second = await place.node();
    await leases(40, 60);
    place.clock.jump(60);
    await Promise.all([expiryOf(node).run(), expiryOf(second).run()]);
    await finishDuties(second, place.clock);
    expect(outside.working).toEqual([]);
    expect([...outside.revocations.values()].every((times) => times === 1)).toBe(true);
  });

  it('never work at once: one that was paused past its lock is refused and touches nothing more outside', async () => {
    const second = await place.node();
    await leases(24, 60);
    place.clock.jump(60);
    let resume = () => {};
    const paused = new Promise<void>((resolve) => (resume = resolve));
    let reached = () => {};
    const asleep = new Promise<void>((resolve) => (reached = resolve));
    outside.beforeRevoke = () => {
      reached();
      return paused;
    };
    const stale = expiryOf(node).run();
    await asleep;
    // The first node sleeps inside its first revocations; its lock runs out, and the second takes over.
    expect(await expiryOf(second).run()).toBe(0);
    place.clock.jump(31);
    outside.beforeRevoke = undefined;
    await finishDuties(second, place.clock);
    expect(outside.working).toEqual([]);
    const begun = outside.attempts;
    const keys = await keysOf(place.storage);
    resume();
    await stale;
    // What it had begun may be done twice; nothing new is begun and nothing written.
    expect(outside.attempts).toBe(begun);
    expect(await keysOf(place.storage)).toEqual(keys);
  });

  it('threat 18: a lease that is renewed at the moment it ends is over or renewed, never both', async () => {
    for (let round = 0; round < 10; round++) {
      const id = await lease(60);
      const credential = outside.made.at(-1) ?? '';
      place.clock.jump(59);
      const asked = ask(node, 'update', 'sys/leases/renew', { lease_id: id, increment: 600 });
      place.clock.jump(1);
      const [renewed] = await Promise.all([asked, expiryOf(node).run()]);
      const ended = (outside.revocations.get(credential) ?? 0) > 0;
      expect(ended).toBe(renewed.status !== 200);
      await ask(node, 'update', 'sys/leases/revoke', { lease_id: id });
    }
  });
});
