import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

const self = (token: string) => ask(node, 'read', 'auth/token/lookup-self', {}, token);
const renewSelf = (token: string, increment?: string | number) =>
  ask(node, 'update', 'auth/token/renew-self', increment === undefined ? {} : { increment }, token);

async function accessorOf(token: string): Promise<string> {
  return String((await self(token)).data['accessor']);
}

describe('looking up', () => {
  it('shows a token to itself, to others by token and by accessor', async () => {
    await writePolicy(node, 'a', 'path "auth/token/lookup-self" { capabilities = ["update"] }');
    const token = await makeToken(node, { policies: ['a'], ttl: '1h' });
    const own = await self(token);
    expect(own.data).toMatchObject({
      id: token,
      ttl: 3_600,
      creation_ttl: 3_600,
      policies: ['a', 'default'],
    });
    expect(own.data['expire_time']).toBe('2026-11-22T02:36:00.000000000Z');
    expect((await ask(node, 'update', 'auth/token/lookup-self', {}, token)).data).toEqual(own.data);
    expect((await ask(node, 'update', 'auth/token/lookup', { token })).data).toEqual(own.data);
    const accessor = own.data['accessor'] ?? '';
    const byAccessor = await ask(node, 'update', 'auth/token/lookup-accessor', { accessor });
    expect(byAccessor.data).toEqual({ ...own.data, id: '' });
  });

  it('says what Vault’s clients look for where there is nothing', async () => {
    const unknown = await ask(node, 'update', 'auth/token/lookup', { token: 'nobody' });
    expect([unknown.status, unknown.errors]).toEqual([403, ['bad token']]);
    const accessor = await ask(node, 'update', 'auth/token/lookup-accessor', { accessor: 'nothing' });
    expect([accessor.status, accessor.errors]).toEqual([400, ['invalid accessor']]);
    expect((await ask(node, 'update', 'auth/token/lookup', {})).status).toBe(400);
    expect((await self('nobody')).status).toBe(403);
    const odd = await ask(node, 'update', 'auth/token/lookup-accessor', { accessor: '../id/x' });
    expect(odd.status).toBe(400);
  });

  it('does not show an expired token', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 60 });
    const accessor = await accessorOf(token);
    place.clock.jump(60);
    expect((await ask(node, 'update', 'auth/token/lookup', { token })).status).toBe(403);
    expect((await ask(node, 'update', 'auth/token/lookup-accessor', { accessor })).status).toBe(400);
  });

  it('lists accessors, for sudo only', async () => {
    const token = await makeToken(node, { policies: ['lister'] });
    await writePolicy(node, 'lister', 'path "auth/token/accessors" { capabilities = ["list"] }');
    expect((await ask(node, 'list', 'auth/token/accessors/', {}, token)).status).toBe(403);
    await writePolicy(node, 'lister', 'path "auth/token/accessors" { capabilities = ["list", "sudo"] }');
    const { data } = await ask(node, 'list', 'auth/token/accessors/', {}, token);
    expect(data['keys']).toContain(await accessorOf(token));
    expect(data['keys']).toHaveLength(2);
  });
});

describe('renewing', () => {
  it('grants what is asked, else what was granted first, from now', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: '1h' });
    place.clock.jump(1_800);
    expect((await renewSelf(token)).auth).toMatchObject({ leaseDuration: 3_600, clientToken: token });
    expect((await renewSelf(token, '2h')).auth?.leaseDuration).toBe(7_200);
    expect((await renewSelf(token, 10)).auth?.leaseDuration).toBe(10);
    const { data } = await self(token);
    expect(data).toMatchObject({
      ttl: 10,
      creation_ttl: 3_600,
      last_renewal_time: (data['creation_time'] as number) + 1_800,
    });
    place.clock.jump(10);
    expect((await self(token)).status).toBe(403);
  });

  it('counts an explicit longest life from the beginning', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 60, explicit_max_ttl: 100 });
    place.clock.jump(50);
    const renewed = await renewSelf(token);
    expect(renewed.auth?.leaseDuration).toBe(50);
    expect(renewed.warnings.join()).toContain('capped');
    place.clock.jump(49);
    expect((await self(token)).status).toBe(200);
    expect((await renewSelf(token, 1)).warnings).toEqual([]);
    place.clock.jump(1);
    expect((await self(token)).status).toBe(403);
    expect((await renewSelf(token)).status).toBe(403);
  });

  it('keeps to the mount’s longest life without one', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: '700h' });
    place.clock.jump(699 * 3_600);
    expect((await renewSelf(token, '700h')).auth?.leaseDuration).toBe(69 * 3_600);
  });

  it('grants the period for ever, up to an explicit longest life', async () => {
    const endless = await makeToken(node, { policies: ['a'], period: 3_600 });
    const ending = await makeToken(node, { policies: ['a'], period: '720h', explicit_max_ttl: '1000h' });
    for (let hour = 0; hour < 900; hour += 30) {
      expect((await renewSelf(endless, 10)).auth?.leaseDuration).toBe(3_600);
      place.clock.jump(1_800);
    }
    expect((await renewSelf(endless)).auth?.leaseDuration).toBe(3_600);
    place.clock.jump(600 * 3_600);
    expect((await renewSelf(ending)).auth?.leaseDuration).toBe((1_000 - 600 - 15) * 3_600);
  });

  it('refuses what cannot be renewed', async () => {
    const fixed = await makeToken(node, { policies: ['a'], ttl: 60, renewable: false });
    const refused = await renewSelf(fixed);
    expect([refused.status, refused.errors]).toEqual([400, ['lease is not renewable']]);
    expect((await renewSelf(rootToken)).status).toBe(400);
    expect((await ask(node, 'update', 'auth/token/renew', { token: 'nobody' })).status).toBe(403);
    expect((await ask(node, 'update', 'auth/token/renew-accessor', { accessor: 'x' })).status).toBe(400);
  });

  it('renews by token, and by accessor without showing the token', async () => {
    const token = await makeToken(node, { policies: ['a'], ttl: 60 });
    const accessor = await accessorOf(token);
    const renewed = await ask(node, 'update', 'auth/token/renew', { token, increment: 120 });
    expect(renewed.auth).toMatchObject({ clientToken: token, leaseDuration: 120 });
    const other = await ask(node, 'update', 'auth/token/renew-accessor', { accessor, increment: 240 });
    expect(other.auth).toMatchObject({ clientToken: '', leaseDuration: 240 });
  });
});

describe('revoking', () => {
  it('ends a token at once: itself, by token, by accessor', async () => {
    const [one, two, three] = await Promise.all([
      makeToken(node, { policies: ['a'] }),
      makeToken(node, { policies: ['a'] }),
      makeToken(node, { policies: ['a'] }),
    ]);
    const accessor = await accessorOf(three);
    expect((await ask(node, 'update', 'auth/token/revoke-self', {}, one)).status).toBe(204);
    expect((await ask(node, 'update', 'auth/token/revoke', { token: two })).status).toBe(204);
    expect((await ask(node, 'update', 'auth/token/revoke-accessor', { accessor })).status).toBe(204);
    for (const token of [one, two, three]) expect((await self(token)).status).toBe(403);
  });

  it('answers 204 for a token that is not there, and 400 for an accessor that is not', async () => {
    expect((await ask(node, 'update', 'auth/token/revoke', { token: 'nobody' })).status).toBe(204);
    expect((await ask(node, 'update', 'auth/token/revoke-accessor', { accessor: 'x' })).status).toBe(400);
    expect((await ask(node, 'update', 'auth/token/revoke', {})).status).toBe(400);
  });

  it('of one token leaves its siblings and its parent alone', async () => {
    const parent = await makeToken(node, { policies: ['root'] });
    const [first, second] = [await makeToken(node, {}, parent), await makeToken(node, {}, parent)];
    await ask(node, 'update', 'auth/token/revoke', { token: first });
    expect((await self(parent)).status).toBe(200);
    expect((await self(second)).status).toBe(200);
  });

  it('wins against renewals and children made at the same moment', async () => {
    const parent = await makeToken(node, { policies: ['root'], ttl: '1h' });
    const asked = Array.from({ length: 20 }, (_, index) =>
      index === 10
        ? ask(node, 'update', 'auth/token/revoke', { token: parent })
        : index % 2 === 0
          ? renewSelf(parent)
          : ask(node, 'update', 'auth/token/create', { ttl: 60 }, parent),
    );
    const answers = await Promise.all(asked);
    expect((await self(parent)).status).toBe(403);
    for (const made of answers.filter(({ auth }) => auth !== null)) {
      expect((await self(tokenOf(made))).status).toBe(403);
    }
  });
});
