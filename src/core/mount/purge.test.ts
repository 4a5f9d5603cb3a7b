import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, expiryOf, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { CofferNode } from '../../main/node.ts';
import { dueWrite } from '../due.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
});
afterEach(() => place.remove());

/** An engine with leases and with more records than one commit can remove; answers the mount's uuid. */
async function fill(at: CofferNode = node, leases = 10, notes = 150): Promise<string> {
  await ask(at, 'update', 'sys/mounts/leased', { type: 'leased' });
  const { data } = await ask(at, 'read', 'sys/mounts/leased');
  for (let made = 0; made < leases; made++) await ask(at, 'read', 'leased/creds/app');
  for (let made = 0; made < notes; made++) await ask(at, 'update', `leased/note/n${made}`, { text: 'x' });
  return String(data['uuid']);
}

const disable = (at: CofferNode = node) => ask(at, 'delete', 'sys/mounts/leased');

async function traces(uuid: string): Promise<readonly string[]> {
  const keys = await keysOf(place.storage);
  return keys.filter(
    (key) => (key.includes(uuid) || key.startsWith('core/lease/')) && !key.startsWith('due/'),
  );
}

describe('disabling a mount', () => {
  it('ends its leases through its engine and leaves none of its records', async () => {
    const uuid = await fill();
    expect((await disable()).status).toBe(204);
    expect((await ask(node, 'read', 'leased/creds/app')).status).toBe(404);
    await finishDuties(node, place.clock);
    expect(outside.made).toHaveLength(10);
    expect(outside.working).toEqual([]);
    expect(await traces(uuid)).toEqual([]);
  });

  it('leaves the leases and records of others at the same path later', async () => {
    await fill(node, 2, 2);
    await disable();
    await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
    await ask(node, 'read', 'leased/creds/app');
    await ask(node, 'update', 'leased/note/n1', { text: 'of the second mount' });
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual(['outside-password-3']);
    expect((await ask(node, 'read', 'leased/note/n1')).data).toEqual({ text: 'of the second mount' });
    expect((await ask(node, 'read', 'leased/note/n0')).status).toBe(404);
  });

  it('keeps the records for as long as the engine cannot end its leases, and tries again', async () => {
    const uuid = await fill(node, 3, 3);
    await disable();
    outside.failures = 1;
    await finishDuties(node, place.clock);
    expect(outside.working.length).toBeGreaterThan(0);
    expect((await keysOf(place.storage, `mount/${uuid}/`)).length).toBe(3);
    place.clock.jump(61);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await traces(uuid)).toEqual([]);
  });

  it('goes on after a death at any call to the store', async () => {
    for (let call = 1; call <= 30; call++) {
      let calls = 0;
      let counting = false;
      const storage = faultyStorage(place.storage, () =>
        counting && ++calls >= call
          ? { kind: calls === call && call % 2 === 0 ? 'after' : 'before' }
          : undefined,
      );
      const first = await place.node(storage);
      const uuid = await fill(node, 4, 70);
      await disable();
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
      expect(await traces(uuid), `fault at call ${call}`).toEqual([]);
      await first.state.drop().catch(() => undefined);
    }
  });

  it('is left to the successor by a node whose lock ran out in the middle', async () => {
    const second = await place.node();
    const uuid = await fill(node, 6, 3);
    await disable();
    place.clock.jump(1);
    let count = 0;
    outside.beforeRevoke = async () => {
      if (++count === 2) place.clock.jump(31);
    };
    await expiryOf(node).run();
    expect(outside.attempts).toBe(2);
    outside.beforeRevoke = undefined;
    await finishDuties(second, place.clock);
    expect(outside.working).toEqual([]);
    expect(await traces(uuid)).toEqual([]);
  });
});

describe('leases that their engine cannot end', () => {
  it('hold the purge no longer than they are tried, and then a person sees them', async () => {
    const uuid = await fill(node, 3, 3);
    await disable();
    outside.failures = Number.POSITIVE_INFINITY;
    for (let minutes = 0; minutes < 30; minutes++) {
      await finishDuties(node, place.clock);
      place.clock.jump(58);
    }
    // Six tries each that count, with growing pauses. Where the purge and a lease's own entry come in one pass, both ask, and one of them counts.
    expect(outside.attempts).toBeGreaterThanOrEqual(18);
    expect(outside.attempts).toBeLessThanOrEqual(18 + 3);
    // Then nobody bothers the system outside any more.
    const asked = outside.attempts;
    for (let hours = 0; hours < 3; hours++) {
      place.clock.jump(3_600);
      await finishDuties(node, place.clock);
    }
    expect(outside.attempts).toBe(asked);
    const listed = await ask(node, 'read', 'sys/leases', { type: 'irrevocable' });
    expect(listed.data).toMatchObject({ lease_count: 3 });
    expect((await ask(node, 'read', 'sys/leases/count', { type: 'irrevocable' })).data).toEqual({
      lease_count: 3,
      counts: listed.data['counts'],
    });
    expect((await keysOf(place.storage, `mount/${uuid}/`)).length).toBe(3);
    await ask(node, 'update', 'sys/leases/revoke-force/leased');
    await finishDuties(node, place.clock);
    expect(await traces(uuid)).toEqual([]);
    expect(outside.working).toHaveLength(3);
  });

  it('do not keep the others of their mount', async () => {
    await fill(node, 5, 1);
    await disable();
    outside.failures = 1;
    place.clock.jump(1);
    await expiryOf(node).run();
    expect(outside.attempts).toBe(5);
    expect(outside.working).toHaveLength(1);
  });
});

describe('threat 18: a request under way when its mount is disabled', () => {
  it('leaves nothing for good, whenever it writes', async () => {
    const uuid = await fill(node, 0, 3);
    let write: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      write = resolve;
    });
    let hold = false;
    const storage = faultyStorage(place.storage, (_count, operation) =>
      hold && operation === 'commit' ? { kind: 'delay', until: held } : undefined,
    );
    const slow = await place.node(storage);
    await ask(slow, 'read', 'leased/note/n1');
    hold = true;
    const late = ask(slow, 'update', 'leased/note/late', { text: 'x' });
    await disable();
    await finishDuties(node, place.clock);
    expect(await traces(uuid)).toEqual([]);
    write?.();
    expect((await late).status).toBe(204);
    expect((await traces(uuid)).length).toBe(1);
    place.clock.jump(600);
    await finishDuties(node, place.clock);
    expect(await traces(uuid)).toEqual([]);
    // Once more a day later, and then the mount is forgotten altogether.
    place.clock.jump(86_400);
    await finishDuties(node, place.clock);
    expect((await keysOf(place.storage)).filter((key) => key.includes(uuid))).toEqual([]);
  });
});

it('a purge that is asked for by mistake leaves a mount that is there alone', async () => {
  const uuid = await fill(node, 2, 3);
  await node.state.core?.store.commit([dueWrite(place.clock.now(), 'purge', uuid)]);
  await finishDuties(node, place.clock);
  expect(outside.working).toHaveLength(2);
  expect((await ask(node, 'read', 'leased/note/n1')).status).toBe(200);
});
