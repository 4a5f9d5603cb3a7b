import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place } from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { CofferNode } from '../../main/node.ts';
import { decodeMount, defaultTtl, encodeMount, standardTtls } from './entry.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace({
    engines: [leasedType(new Outside())],
    systemTtls: { default: 600, max: 1_800 },
  });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterEach(() => place.remove());

it('hold for leases of mounts that say no others', async () => {
  const made = await ask(node, 'read', 'leased/creds/app');
  expect(made.lease?.duration).toBe(600);
  const long = await ask(node, 'read', 'leased/creds/app', { ttl: 9_000 });
  expect(long.lease?.duration).toBe(1_800);
  place.clock.jump(300);
  const renewed = await ask(node, 'update', 'sys/leases/renew', {
    lease_id: made.lease?.id ?? '',
    increment: 9_000,
  });
  expect(renewed.lease?.duration).toBe(1_500);
  expect(renewed.warnings).toHaveLength(1);
});

it('hold for tokens, new ones and renewed ones', async () => {
  const token = await makeToken(node, { policies: ['default'], ttl: '9h' });
  const self = await ask(node, 'read', 'auth/token/lookup-self', {}, token);
  expect(self.data).toMatchObject({ ttl: 1_800, creation_ttl: 1_800 });
  place.clock.jump(60);
  const renewed = await ask(node, 'update', 'auth/token/renew-self', { increment: '9h' }, token);
  expect(renewed.auth?.leaseDuration).toBe(1_740);
});

it('are shown where a mount’s own are not set, and give way to them', async () => {
  expect((await ask(node, 'read', 'sys/mounts/leased/tune')).data).toMatchObject({
    default_lease_ttl: 600,
    max_lease_ttl: 1_800,
  });
  await ask(node, 'update', 'sys/mounts/leased/tune', { max_lease_ttl: '2h' });
  const { lease } = await ask(node, 'read', 'leased/creds/app', { ttl: 9_000 });
  expect(lease?.duration).toBe(7_200);
  expect((await ask(node, 'update', 'sys/mounts/secret/tune', { default_lease_ttl: 1_801 })).status).toBe(
    400,
  );
});

it('are not stored: a server with others has those', async () => {
  const { entry } = node.state.core?.mounts.table.at('leased/') ?? {};
  if (entry === undefined) throw new Error('no such mount');
  expect(defaultTtl(entry)).toBe(600);
  expect(defaultTtl(decodeMount(encodeMount(entry), standardTtls))).toBe(2_764_800);
});
