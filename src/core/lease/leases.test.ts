import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', {
    type: 'leased',
    config: { default_lease_ttl: '1h', max_lease_ttl: '10h' },
  });
});
afterEach(() => place.remove());

const lease = async (name = 'app', fields: JsonObject = {}, token?: string) => {
  const answer = await ask(node, 'read', `leased/creds/${name}`, fields, token);
  if (answer.lease === null) throw new Error(`no lease: ${answer.status}`);
  return { ...answer.lease, password: String(answer.data['password']) };
};
const lookup = (id: string) => ask(node, 'update', 'sys/leases/lookup', { lease_id: id });
const renew = (id: string, fields: JsonObject = {}) =>
  ask(node, 'update', 'sys/leases/renew', { lease_id: id, ...fields });

describe('a leased secret', () => {
  it('comes with a lease below its path', async () => {
    const { id, duration, renewable } = await lease();
    expect(id).toMatch(/^leased\/creds\/app\/[0-9A-Za-z]{24}$/);
    expect([duration, renewable]).toEqual([3_600, true]);
    expect((await lookup(id)).data).toEqual({
      id,
      path: 'leased/creds/app',
      issue_time: '2026-11-22T01:36:00.000000000Z',
      expire_time: '2026-11-22T02:36:00.000000000Z',
      last_renewal: null,
      renewable: true,
      ttl: 3_600,
    });
  });

  it.each([
    [{ ttl: 60 }, 60],
    [{ ttl: '20h' }, 36_000],
    [{ max_ttl: 30 }, 30],
    [{ ttl: 600, max_ttl: 30 }, 30],
  ])('asked for with %j lasts %i seconds', async (fields, seconds) => {
    expect((await lease('app', fields)).duration).toBe(seconds);
  });

  it('is listed below its path, one level at a time', async () => {
    const first = await lease('one');
    await lease('two');
    const keys = async (path: string) =>
      (await ask(node, 'list', `sys/leases/lookup/${path}`)).data['keys'] ?? 'none';
    expect(await keys('')).toEqual(['leased/']);
    expect(await keys('leased/creds/')).toEqual(['one/', 'two/']);
    expect(await keys('leased/creds/one/')).toEqual([first.id.split('/').at(-1)]);
    await ask(node, 'update', 'sys/leases/revoke', { lease_id: first.id });
    expect(await keys('leased/creds/one/')).toBe('none');
  });

  it('ends with its token even if that is revoked while the secret is made', async () => {
    const token = await makeToken(node, { policies: ['root'] });
    outside.beforeMake = async () => {
      await ask(node, 'update', 'auth/token/revoke', { token });
      await finishDuties(node, place.clock);
    };
    const answer = await ask(node, 'read', 'leased/creds/app', {}, token);
    expect(answer.status).toBe(403);
    expect(outside.made).toHaveLength(1);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('is handed out although its token is renewed while it is made', async () => {
    const token = await makeToken(node, { policies: ['root'], ttl: '1h' });
    outside.beforeMake = async () => {
      await ask(node, 'update', 'auth/token/renew', { token });
    };
    expect((await lease('app', {}, token)).duration).toBe(3_600);
    await ask(node, 'update', 'auth/token/revoke', { token });
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
  });

  it('is taken back when its mount is disabled while it is made', async () => {
    outside.beforeMake = async () => {
      await ask(node, 'delete', 'sys/mounts/leased');
      await finishDuties(node, place.clock);
    };
    expect((await ask(node, 'read', 'leased/creds/app')).status).toBe(404);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });
});

describe('renewing', () => {
  it('grants the increment, else what the engine says, else the mount’s default', async () => {
    const { id } = await lease();
    place.clock.jump(100);
    const asked = await renew(id, { increment: 120 });
    expect(asked.lease).toEqual({ id, renewable: true, duration: 120 });
    expect((await renew(id)).lease?.duration).toBe(3_600);
    outside.renewal = 77;
    expect((await renew(id)).lease?.duration).toBe(77);
    expect((await lookup(id)).data).toMatchObject({
      ttl: 77,
      last_renewal: '2026-11-22T01:37:40.000000000Z',
    });
  });

  it('stops at the longest life, counted from the beginning', async () => {
    const { id } = await lease('app', { ttl: 50, max_ttl: 100 });
    place.clock.jump(49);
    const capped = await renew(id, { increment: 200 });
    expect(capped.lease?.duration).toBe(51);
    expect(capped.warnings.join()).toContain('capped');
    place.clock.jump(50);
    expect((await renew(id, { increment: 200 })).lease?.duration).toBe(1);
    place.clock.jump(1);
    expect((await renew(id)).errors).toEqual(['lease not found']);
  });

  it.each(['sys/leases/renew', 'sys/renew'])(
    'works through %s, with the id in the body or in the path',
    async (path) => {
      const { id } = await lease();
      expect((await ask(node, 'update', path, { lease_id: id, increment: '90s' })).lease?.duration).toBe(90);
      expect((await ask(node, 'update', `${path}/${id}`, { increment: 91 })).lease?.duration).toBe(91);
    },
  );

  it.each([
    ['an unknown lease', 'leased/creds/app/unknown', 'lease not found'],
    ['no lease', '', 'lease_id must be specified'],
    ['nonsense', '../x\u0000', 'lease not found'],
    ['too long an id', 'x'.repeat(5_000), 'lease not found'],
  ])('refuses %s', async (_what, id, message) => {
    const refused = await renew(id);
    expect([refused.status, refused.errors]).toEqual([400, [message]]);
  });

  it('refuses a lease that cannot be renewed', async () => {
    const { id } = await lease('app', { fixed: true });
    expect((await renew(id)).errors).toEqual(['lease is not renewable']);
  });

  it('for a shorter time is kept to', async () => {
    const { id } = await lease('app', { ttl: '5h' });
    await renew(id, { increment: 60 });
    place.clock.jump(60);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect((await lookup(id)).errors).toEqual(['invalid lease']);
  });

  it('for a longer time puts the end off', async () => {
    const { id } = await lease('app', { ttl: 60 });
    await renew(id, { increment: 600 });
    place.clock.jump(300);
    await finishDuties(node, place.clock);
    expect(outside.working).toHaveLength(1);
    place.clock.jump(301);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });
});

describe('revoking', () => {
  it.each(['sys/leases/revoke', 'sys/revoke'])(
    'through %s ends it outside before the answer',
    async (path) => {
      const [one, two] = [await lease(), await lease()];
      expect((await ask(node, 'update', path, { lease_id: one.id })).status).toBe(204);
      expect((await ask(node, 'update', `${path}/${two.id}`, {})).status).toBe(204);
      expect(outside.working).toEqual([]);
      expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
      expect((await ask(node, 'update', path, { lease_id: one.id })).status).toBe(204);
      expect(outside.attempts).toBe(2);
    },
  );

  it('that fails is told, and the lease stays for another try', async () => {
    const { id } = await lease();
    outside.failures = 1;
    expect((await ask(node, 'update', 'sys/leases/revoke', { lease_id: id })).status).toBe(503);
    expect((await lookup(id)).status).toBe(200);
    expect((await ask(node, 'update', 'sys/leases/revoke', { lease_id: id })).status).toBe(204);
    expect(outside.working).toEqual([]);
  });

  it.each(['sys/leases/revoke-prefix', 'sys/revoke-prefix'])(
    'through %s ends all below whole segments of a path',
    async (path) => {
      for (const name of ['app', 'app', 'application']) await lease(name);
      expect((await ask(node, 'update', `${path}/leased/creds/app`)).status).toBe(204);
      expect(outside.working).toEqual(['outside-password-3']);
      const { id } = await lease('single');
      await ask(node, 'update', `${path}/${id}`);
      expect(outside.working).toEqual(['outside-password-3']);
      await ask(node, 'update', `${path}/leased`);
      expect(outside.working).toEqual([]);
    },
  );

  it('of more leases than fit a page ends them all', async () => {
    for (let count = 0; count < 130; count++) await lease();
    await ask(node, 'update', 'sys/leases/revoke-prefix/leased/');
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('by force forgets leases that the engine cannot end', async () => {
    await lease();
    outside.failures = 9;
    expect((await ask(node, 'update', 'sys/leases/revoke-prefix/leased')).status).toBe(503);
    expect((await ask(node, 'update', 'sys/leases/revoke-force/leased')).status).toBe(204);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('by prefix, by force and listing want sudo; renewing and looking up do not', async () => {
    const every = '["create", "read", "update", "list", "delete"]';
    await writePolicy(node, 'plain', `path "sys/*" { capabilities = ${every} }`);
    const token = await makeToken(node, { policies: ['plain'] });
    const { id } = await lease();
    const at = (operation: 'update' | 'list', path: string) =>
      ask(node, operation, path, { lease_id: id }, token);
    for (const old of ['', 'leases/']) {
      expect((await at('update', `sys/${old}revoke-prefix/leased`)).status).toBe(403);
      expect((await at('update', `sys/${old}revoke-force/leased`)).status).toBe(403);
    }
    expect((await at('list', 'sys/leases/lookup/')).status).toBe(403);
    expect((await at('update', 'sys/leases/lookup')).status).toBe(200);
    expect((await at('update', 'sys/leases/renew')).status).toBe(200);
    expect((await at('update', 'sys/leases/revoke')).status).toBe(204);
  });

  it('refuses an empty prefix', async () => {
    await lease();
    expect((await ask(node, 'update', 'sys/leases/revoke-prefix/')).status).toBe(400);
    expect(outside.working).toHaveLength(1);
  });
});
