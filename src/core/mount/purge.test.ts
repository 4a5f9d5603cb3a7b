import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, expiryOf, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { CofferNode } from '../../main/node.ts';

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
