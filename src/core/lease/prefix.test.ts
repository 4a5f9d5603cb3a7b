/** Ending everything below a path where the system outside does not always answer. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, expiryOf, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
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

const lease = async () => (await ask(node, 'read', 'leased/creds/app')).lease?.id ?? '';
const revokeAll = () => ask(node, 'update', 'sys/leases/revoke-prefix/leased');
const entries = async () =>
  (await keysOf(place.storage, 'due/')).filter((key) => key.split('/')[4] === 'lease').length;

it('goes on past a lease that cannot be ended, says so, and ends it later by itself', async () => {
  const ids = [await lease(), await lease(), await lease()];
  outside.failures = 1;
  const answer = await revokeAll();
  expect(answer.status).toBe(503);
  expect(answer.errors[0]).toMatch(/^a lease could not be ended yet, and will be tried again: /);
  expect(outside.working).toHaveLength(1);
  expect(await entries()).toBe(1);
  const looks = await Promise.all(
    ids.map((id) => ask(node, 'update', 'sys/leases/lookup', { lease_id: id })),
  );
  const left = looks.filter(({ status }) => status === 200);
  expect(left).toHaveLength(1);
  expect(left[0]?.data).toMatchObject({ ttl: 0, renewable: false });
  const renewed = await ask(node, 'update', 'sys/leases/renew', { lease_id: left[0]?.data['id'] ?? '' });
  expect(renewed.errors).toEqual(['lease not found']);
  place.clock.jump(10);
  await finishDuties(node, place.clock);
  expect(outside.working).toEqual([]);
  expect(await entries()).toBe(0);
});

it('threat 15: counts each try, has one entry at most, and gives up as the duty does', async () => {
  await lease();
  outside.failures = 99;
  for (let tries = 1; tries <= 6; tries++) {
    expect((await revokeAll()).status).toBe(503);
    expect(await entries()).toBe(tries === 6 ? 0 : 1);
  }
  const listed = await ask(node, 'read', 'sys/leases', { type: 'irrevocable' });
  expect(listed.data).toMatchObject({ lease_count: 1 });
  place.clock.jump(86_400);
  await expiryOf(node).run();
  expect(outside.attempts).toBe(6);
  // A person’s word tries once more, and nothing of the lease is left once it has ended.
  outside.failures = 0;
  expect((await revokeAll()).status).toBe(204);
  expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  await finishDuties(node, place.clock);
  expect((await ask(node, 'read', 'leased/creds/app')).status).toBe(200);
});

it('lists what was given up in pieces', async () => {
  const ids = [await lease(), await lease(), await lease()].toSorted();
  outside.failures = 99;
  for (let tries = 0; tries < 6; tries++) await revokeAll();
  const list = (fields: { readonly limit?: number; readonly after?: string }) =>
    ask(node, 'read', 'sys/leases', { type: 'irrevocable', ...fields });
  const shown = async (fields: { readonly limit?: number; readonly after?: string }) =>
    ((await list(fields)).data['leases'] as { readonly lease_id: string }[]).map((each) => each.lease_id);
  expect(await shown({ limit: 2 })).toEqual(ids.slice(0, 2));
  expect(await shown({ limit: 2, after: ids[1] ?? '' })).toEqual(ids.slice(2));
  expect((await ask(node, 'read', 'sys/leases/count', { type: 'irrevocable' })).data).toMatchObject({
    lease_count: 3,
  });
});
