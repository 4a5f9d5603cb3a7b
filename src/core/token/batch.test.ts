import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  finishJobs,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;
let parent: string;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
  await ask(node, 'update', 'secret/data/there', { data: { a: 1 } });
  await writePolicy(
    node,
    'user',
    'path "secret/*" { capabilities = ["read"] }\npath "leased/*" { capabilities = ["read"] }\n' +
      'path "auth/token/*" { capabilities = ["create", "update", "sudo"] }',
  );
  parent = await makeToken(node, { policies: ['user'], ttl: '10h' });
});
afterEach(() => place.remove());

const create = (fields: JsonObject = {}, by = parent) =>
  ask(node, 'update', 'auth/token/create', { type: 'batch', policies: ['user'], ...fields }, by);
const batch = async (fields: JsonObject = {}, by = parent) => tokenOf(await create(fields, by));
const self = (token: string, at = node) => ask(at, 'read', 'auth/token/lookup-self', {}, token);
const reads = async (token: string, at = node) =>
  (await ask(at, 'read', 'secret/data/there', {}, token)).status;

describe('a batch token', () => {
  it('is made without a trace in the store, and works on every node', async () => {
    const second = await place.node();
    const before = await keysOf(place.storage);
    const made = await create({ ttl: '1h', meta: { team: 'blue' }, display_name: 'x' });
    expect(made.auth).toMatchObject({
      accessor: '',
      policies: ['default', 'user'],
      metadata: { team: 'blue' },
      leaseDuration: 3_600,
      renewable: false,
      tokenType: 'batch',
      orphan: false,
      numUses: 0,
    });
    const token = tokenOf(made);
    expect(token).toMatch(/^hvb\.[A-Za-z0-9_-]+$/);
    expect(await reads(token)).toBe(200);
    expect(await reads(token, second)).toBe(200);
    expect(await keysOf(place.storage)).toEqual(before);
  });

  it('shows what it is, to itself and to others', async () => {
    const token = await batch({ ttl: '1h' });
    const own = await self(token);
    expect(own.data).toMatchObject({
      id: token,
      accessor: '',
      type: 'batch',
      policies: ['default', 'user'],
      path: 'auth/token/create',
      ttl: 3_600,
      creation_ttl: 3_600,
      renewable: false,
      num_uses: 0,
      orphan: false,
      explicit_max_ttl: 0,
    });
    expect(own.data['expire_time']).toMatch(/Z$/);
    expect((await ask(node, 'update', 'auth/token/lookup', { token })).data).toEqual(own.data);
    const found = await ask(node, 'update', 'sys/capabilities', { token, path: 'secret/x' });
    expect(found.data['capabilities']).toEqual(['read']);
  });

  it('ends with its time', async () => {
    const token = await batch({ ttl: 60 });
    place.clock.jump(59);
    expect(await reads(token)).toBe(200);
    place.clock.jump(1);
    expect(await reads(token)).toBe(403);
    expect((await ask(node, 'update', 'auth/token/lookup', { token })).errors).toEqual(['bad token']);
  });

  it('lives no longer than the mount lets tokens live', async () => {
    expect((await create({ ttl: '9999h' })).auth?.leaseDuration).toBe(2_764_800);
    expect((await create({})).auth?.leaseDuration).toBe(2_764_800);
  });

  it.each([
    ['renewed', 'renew-self', {}],
    ['revoked', 'revoke-self', {}],
  ])('cannot be %s by itself', async (what, path, data) => {
    const token = await batch();
    const refused = await ask(node, 'update', `auth/token/${path}`, data, token);
    expect([refused.status, refused.errors]).toEqual([400, [`batch tokens cannot be ${what}`]]);
    expect(await reads(token)).toBe(200);
  });

  it.each([
    ['renewed', 'renew'],
    ['revoked', 'revoke'],
    ['revoked', 'revoke-orphan'],
  ])('cannot be %s by others: %s', async (what, path) => {
    const token = await batch();
    const refused = await ask(node, 'update', `auth/token/${path}`, { token });
    expect([refused.status, refused.errors]).toEqual([400, [`batch tokens cannot be ${what}`]]);
    expect(await reads(token)).toBe(200);
  });

  it('makes no tokens', async () => {
    const token = await batch();
    for (const type of ['service', 'batch']) {
      const refused = await ask(node, 'update', 'auth/token/create', { type }, token);
      expect([refused.status, refused.errors]).toEqual([400, ['batch tokens cannot create more tokens']]);
    }
  });

  it.each(['read', 'update', 'delete', 'list'] as const)('has no cubbyhole: %s', async (operation) => {
    const path = operation === 'list' ? 'cubbyhole/' : 'cubbyhole/x';
    const refused = await ask(node, operation, path, { a: 1 }, await batch());
    expect(refused.status).toBe(400);
    expect(refused.errors.join()).toContain('only supported by "service" type tokens');
  });

  it.each([
    { num_uses: 3 },
    { period: '1h' },
    { explicit_max_ttl: '1h' },
    { id: 'text-of-my-own' },
    { policies: ['root'] },
    { meta: { long: 'x'.repeat(9_000) } },
  ])('cannot be made with %j', async (fields) => {
    const refused = await create(fields, rootToken);
    expect(refused.status).toBe(400);
    expect(refused.auth).toBeNull();
  });

  it('is never root, also where root asks for none', async () => {
    const refused = await ask(node, 'update', 'auth/token/create', { type: 'batch' });
    expect([refused.status, refused.errors]).toEqual([400, ['batch tokens cannot be root tokens']]);
  });

  it('keeps to the networks of its maker', async () => {
    await ask(node, 'update', 'auth/token/roles/near', { token_bound_cidrs: '10.0.0.0/8' });
    const made = await ask(
      node,
      'update',
      'auth/token/create/near',
      { type: 'batch', policies: ['user'] },
      parent,
    );
    const asked = (from: string) => ask(node, 'read', 'secret/data/there', {}, tokenOf(made), { from });
    expect((await asked('10.1.2.3')).status).toBe(200);
    expect((await asked('192.0.2.1')).status).toBe(403);
  });

  it('is told apart in the audit log without being shown there', async () => {
    const token = await batch();
    await reads(token);
    const line = place.auditLines().findLast(({ path }) => path === 'secret/data/there');
    const request = place
      .auditLines()
      .find(({ type, request_id: id }) => type === 'request' && id === line?.['request_id']);
    expect(request?.['auth']).toMatchObject({ accessor: '', type: 'batch', policies: ['default', 'user'] });
    const { client_token: used } = request?.['auth'] as { readonly client_token: string };
    const issued = place
      .auditLines()
      .findLast((one) => JSON.stringify(one).includes(used) && one['type'] === 'response');
    expect(issued).toMatchObject({ path: 'auth/token/create', auth: { client_token: used, accessor: '' } });
    expect(JSON.stringify(place.auditLines())).not.toContain(token.slice(4));
  });

  it('cannot begin a job, which would ask for it again later', async () => {
    await writePolicy(
      node,
      'mover',
      'path "*" { capabilities = ["create", "read", "update", "delete", "list"] }',
    );
    const mover = await makeToken(node, { policies: ['mover'] });
    const token = await batch({ policies: ['mover'] }, mover);
    const moved = await ask(
      node,
      'update',
      'sys/secrets/move',
      { from: 'secret/', to: 'secret/below/' },
      token,
    );
    expect(moved.status).toBe(400);
  });
});

describe('threat 18: a batch token', () => {
  it('ends with its parent, on every node, from the answer on', async () => {
    const second = await place.node();
    const token = await batch();
    expect(await reads(token, second)).toBe(200);
    expect((await ask(node, 'update', 'auth/token/revoke', { token: parent })).status).toBe(204);
    expect(await reads(token)).toBe(403);
    expect(await reads(token, second)).toBe(403);
    await finishDuties(node, place.clock);
    expect(await reads(token)).toBe(403);
  });

  it('ends with any ancestor, also when its parent ends by time', async () => {
    const middle = await makeToken(node, { ttl: '2h' }, parent);
    const token = await batch({}, middle);
    const other = await batch({ ttl: '9h' }, middle);
    await ask(node, 'update', 'auth/token/revoke', { token: parent });
    expect(await reads(token)).toBe(403);
    place.clock.jump(7_200);
    expect(await reads(other)).toBe(403);
  });

  it('of a parent with less time ends with the parent', async () => {
    const short = await makeToken(node, { ttl: 60 }, parent);
    const token = await batch({ ttl: '5h' }, short);
    place.clock.jump(60);
    expect(await reads(token)).toBe(403);
  });

  it('ends with its parent also where that leaves its other children', async () => {
    const child = await makeToken(node, {}, parent);
    const [ofParent, ofChild] = [await batch(), await batch({}, child)];
    expect((await ask(node, 'update', 'auth/token/revoke-orphan', { token: parent })).status).toBe(204);
    expect([await reads(ofParent), await reads(child), await reads(ofChild)]).toEqual([403, 200, 200]);
    await finishDuties(node, place.clock);
    expect([await reads(ofParent), await reads(child), await reads(ofChild)]).toEqual([403, 200, 200]);
    await ask(node, 'update', 'auth/token/revoke', { token: child });
    expect(await reads(ofChild)).toBe(403);
  });

  it('does not come back with another token under its parent’s text', async () => {
    const given = { id: 'text-that-is-given-twice', policies: ['user'], no_parent: true };
    const first = await makeToken(node, given);
    const token = await batch({}, first);
    expect(await reads(token)).toBe(200);
    await ask(node, 'update', 'auth/token/revoke', { token: first });
    await finishDuties(node, place.clock);
    const again = await makeToken(node, given);
    expect(await reads(again)).toBe(200);
    expect(await reads(token)).toBe(403);
  });

  it('without parent outlives its maker, and not its own time', async () => {
    const token = await batch({ no_parent: true, ttl: '20h' });
    await ask(node, 'update', 'auth/token/revoke', { token: parent });
    expect(await reads(token)).toBe(200);
    expect((await self(token)).data).toMatchObject({ orphan: true });
    place.clock.jump(20 * 3_600);
    expect(await reads(token)).toBe(403);
  });
});

describe('threat 18: a lease of a batch token', () => {
  it('ends with the parent', async () => {
    const token = await batch();
    expect((await ask(node, 'read', 'leased/creds/app', {}, token)).status).toBe(200);
    expect(outside.working).toHaveLength(1);
    await ask(node, 'update', 'auth/token/revoke', { token: parent });
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it.each([{}, { no_parent: true }])('ends no later than the token, renewed or not: %j', async (fields) => {
    const token = await batch({ ttl: 100, ...fields });
    place.clock.jump(40);
    const { lease } = await ask(node, 'read', 'leased/creds/app', {}, token);
    expect(lease?.duration).toBeLessThanOrEqual(60);
    place.clock.jump(50);
    const renewed = await ask(node, 'update', 'sys/leases/renew', {
      lease_id: lease?.id ?? '',
      increment: '1h',
    });
    expect(renewed.lease?.duration).toBeLessThanOrEqual(10);
    place.clock.jump(10);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
  });

  it('is not left behind by a request that was under way when the parent ended', async () => {
    const token = await batch();
    const asked = Array.from({ length: 8 }, () => ask(node, 'read', 'leased/creds/app', {}, token));
    await Promise.all([...asked, ask(node, 'update', 'auth/token/revoke', { token: parent })]);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });
});

describe('threat 25: a batch token’s text', () => {
  it('is refused with any character changed, added or left out', async () => {
    const token = await batch();
    const place62 = 'AB';
    for (let at = 4; at < token.length; at++) {
      const other = token[at] === 'A' ? place62[1] : place62[0];
      const changed = token.slice(0, at) + other + token.slice(at + 1);
      expect((await self(changed)).status, `at ${at}`).toBe(403);
    }
    for (const forged of [
      `${token}A`,
      `${token}=`,
      `${token}\n`,
      token.slice(0, -1),
      `hvs.${token.slice(4)}`,
    ]) {
      expect((await self(forged)).status).toBe(403);
    }
  });

  it.each([
    'hvb.',
    'hvb.AAAA',
    `hvb.${'A'.repeat(200)}`,
    `hvb.${Buffer.concat([Buffer.of(1, 0xff, 0xff, 0xff, 0xff), Buffer.alloc(100)]).toString('base64url')}`,
    `hvb.${'A'.repeat(20_000)}`,
  ])('that nobody sealed is refused', async (text) => {
    expect((await self(text)).status).toBe(403);
    expect((await ask(node, 'update', 'auth/token/lookup', { token: text })).errors).toEqual(['bad token']);
    expect((await ask(node, 'update', 'auth/token/revoke', { token: text })).status).toBe(204);
  });

  it('says nothing of what it holds', async () => {
    const token = await batch({ meta: { team: 'blue-whale' } });
    const bytes = Buffer.from(token.slice(4), 'base64url').toString('latin1');
    expect(bytes).not.toContain('blue-whale');
    expect(bytes).not.toContain('user');
  });

  it('of another store is refused', async () => {
    const other = await makePlace();
    try {
      const there = await other.node();
      await writePolicy(there, 'user', 'path "secret/*" { capabilities = ["read"] }');
      const token = tokenOf(
        await ask(there, 'update', 'auth/token/create', {
          type: 'batch',
          policies: ['user'],
          no_parent: true,
        }),
      );
      expect((await self(token, there)).status).toBe(200);
      expect((await self(token)).status).toBe(403);
    } finally {
      await other.remove();
    }
  });

  it('ends with the key of its term, on every node', async () => {
    const second = await place.node();
    const token = await batch({ no_parent: true, ttl: '768h' }, rootToken);
    expect([await reads(token), await reads(token, second)]).toEqual([200, 200]);
    await ask(node, 'update', 'sys/rotate');
    await finishJobs(node);
    place.clock.jump(31 * 86_400);
    expect(await reads(token)).toBe(200);
    await ask(node, 'update', 'sys/rotate');
    await finishJobs(node);
    expect([await reads(token), await reads(token, second)]).toEqual([403, 403]);
  });

  it('is kept wrapped like any other, without an accessor', async () => {
    const wrapped = await ask(
      node,
      'update',
      'auth/token/create',
      { type: 'batch', policies: ['user'] },
      parent,
      { wrapTtl: 60 },
    );
    expect(wrapped.wrap?.wrappedAccessor).toBeUndefined();
    const { text = '{}' } = await ask(node, 'update', 'sys/wrapping/unwrap', {}, wrapped.wrap?.token ?? '');
    const { auth } = JSON.parse(text) as { readonly auth: { readonly client_token: string } };
    expect(await reads(auth.client_token)).toBe(200);
  });

  it('opens after a rotation, on nodes that have not seen it yet too', async () => {
    const second = await place.node();
    const old = await batch();
    expect((await ask(node, 'update', 'sys/rotate')).status).toBeLessThan(300);
    const young = await batch();
    expect([await reads(young, second), await reads(old, second)]).toEqual([200, 200]);
    expect([await reads(young), await reads(old)]).toEqual([200, 200]);
  });
});
