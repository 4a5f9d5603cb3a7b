import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, expiryOf, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { CofferNode } from '../../main/node.ts';

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

async function giveUp(): Promise<string> {
  const answer = await ask(node, 'read', 'leased/creds/app', { ttl: 60 });
  outside.failures = 99;
  // Each try pauses twice as long as the one before; six and it is given up.
  for (let tries = 0; tries < 8; tries++) {
    place.clock.jump(3_600);
    await expiryOf(node).run();
  }
  return answer.lease?.id ?? '';
}

it('a lease that cannot be ended is on a list that a person can see', async () => {
  expect((await ask(node, 'read', 'sys/leases', { type: 'irrevocable' })).data).toMatchObject({
    lease_count: 0,
  });
  const id = await giveUp();
  expect(outside.attempts).toBe(6);
  const listed = await ask(node, 'read', 'sys/leases', { type: 'irrevocable' });
  expect(listed.data).toMatchObject({ lease_count: 1, leases: [{ lease_id: id }] });
});

it('a person’s revocation tries once more and takes it off the list', async () => {
  const id = await giveUp();
  outside.failures = 0;
  await ask(node, 'update', 'sys/leases/revoke', { lease_id: id });
  expect(outside.working).toEqual([]);
  expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
});

it('a forced revocation takes it off the list although the outside still fails', async () => {
  await giveUp();
  await ask(node, 'update', 'sys/leases/revoke-force/leased', {});
  expect(outside.working).toHaveLength(1);
  expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
});

it('any other list is not known', async () => {
  expect((await ask(node, 'read', 'sys/leases', { type: 'all' })).status).toBe(400);
  expect((await ask(node, 'read', 'sys/leases', {})).status).toBe(400);
});

it('a revocation that takes so long that the lease is given up meanwhile leaves nothing on the list', async () => {
  const { lease } = await ask(node, 'read', 'leased/creds/app', { ttl: 60 });
  outside.beforeRevoke = async () => {
    outside.beforeRevoke = undefined;
    outside.failures = 6;
    for (let tries = 0; tries < 8; tries++) {
      place.clock.jump(3_600);
      await expiryOf(node).run();
    }
  };
  await ask(node, 'update', 'sys/leases/revoke', { lease_id: lease?.id ?? '' });
  expect(outside.working).toEqual([]);
  expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
});
