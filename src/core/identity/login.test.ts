import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aliasedType } from '../../../test/fakes/aliased-method.ts';
import { ask, makePlace, type Place, rootToken, tokenOf, writePolicy } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';
import {
  decodeEntity,
  encodeIdentity,
  entityKey,
  type GroupRecord,
  groupKey,
  identityLimits,
  nobody,
} from './record.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace({ authMethods: [aliasedType] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/who', { type: 'aliased' });
});
afterEach(() => place.remove());

const login = (alias: string, more = {}, on = node) =>
  ask(on, 'update', 'auth/who/login', { alias, ...more }, null);
const self = (token: string, on = node) => ask(on, 'read', 'auth/token/lookup-self', {}, token);

async function change(id: string, change: object): Promise<void> {
  const store = node.state.core?.store;
  const sealed = await store?.read(entityKey(id));
  if (store === undefined || sealed === undefined) throw new Error('no entity');
  const record = { ...decodeEntity(sealed.open()), ...change };
  await store.commit([{ key: entityKey(id), value: encodeIdentity(record) }]);
}

/** More groups above an entity than can be looked through. */
async function crowd(entity: string): Promise<void> {
  const store = node.state.core?.store;
  const ids = Array.from({ length: identityLimits.groupsAbove + 1 }, () => randomUUID());
  for (let start = 0; start < ids.length; start += 48) {
    const writes = ids.slice(start, start + 48).map((id) => ({
      key: groupKey(id),
      value: encodeIdentity({
        ...{ id, name: id, kind: 'internal', policies: [], metadata: {}, joining: nobody, memberOf: [] },
        ...{ members: { entities: [entity], groups: [] }, alias: null, createdAt: 0, updatedAt: 0 },
      } as GroupRecord),
    }));
    await store?.commit(writes);
  }
  await change(entity, { memberOf: ids });
}

describe('a login', () => {
  it('finds its entity again, and names it in answer, look-up and audit log', async () => {
    const first = await login('ann');
    const entity = first.auth?.entityId ?? '';
    expect(entity).toMatch(/^[0-9a-f-]{36}$/);
    expect((await login('ann')).auth?.entityId).toBe(entity);
    expect((await login('bob')).auth?.entityId).not.toBe(entity);
    expect((await self(tokenOf(first))).data).toMatchObject({ entity_id: entity, policies: ['default'] });
    const lines = place.auditLines().filter(({ path }) => path === 'auth/token/lookup-self');
    expect(lines[0]).toMatchObject({ auth: { entity_id: entity } });
  });

  it('makes one entity of first logins at once', async () => {
    const other = await place.node();
    const logins = await Promise.all(
      Array.from({ length: 16 }, (_, index) => login('ann', {}, index % 2 === 0 ? node : other)),
    );
    expect(new Set(logins.map(({ auth }) => auth?.entityId)).size).toBe(1);
  });

  it('writes nothing to an entity that stays as it is', async () => {
    const { auth } = await login('ann', { groups: ['a'], about: { team: 'x' } });
    const read = () => node.state.core?.store.read(entityKey(auth?.entityId ?? ''));
    const before = (await read())?.revision;
    const epoch = node.state.core?.epoch();
    await login('ann', { groups: ['a'], about: { team: 'x' } });
    expect((await read())?.revision).toBe(before);
    expect(node.state.core?.epoch()).toBe(epoch);
    await login('ann', { about: { team: 'y' } });
    expect((await read())?.revision).not.toBe(before);
  });

  it('threat 09: is refused for an alias that only looks like another of its mount', async () => {
    const { auth } = await login('ann');
    for (const alias of ['Ann', 'ANN', 'ａｎｎ', 'an\u200Bn', 'an\u00ADn']) {
      const refused = await login(alias);
      expect(refused).toMatchObject({ status: 400, auth: null });
      expect(refused.errors.join()).toMatch(/looks like/);
    }
    for (const alias of [' ann', 'ann ', 'a\nnn', '\u200B', 'x'.repeat(513)]) {
      expect(await login(alias)).toMatchObject({ status: 400, auth: null });
    }
    expect((await login('ann')).auth?.entityId).toBe(auth?.entityId);
    expect((await login('anna')).auth?.entityId).not.toBe(auth?.entityId);
  });

  it('without an alias has no entity', async () => {
    const { auth } = await login('');
    expect(auth?.entityId).toBe('');
    expect((await self(auth?.clientToken ?? '')).data).toMatchObject({ entity_id: '' });
  });
});

describe('an entity', () => {
  it('adds its policies to its tokens at once, on every node, and takes them away at once', async () => {
    const other = await place.node();
    await writePolicy(node, 'reader', 'path "secret/data/*" { capabilities = ["read"] }');
    await ask(node, 'update', 'secret/data/a', { data: { a: 1 } });
    const { auth } = await login('ann');
    const token = auth?.clientToken ?? '';
    const read = (on: CofferNode) => ask(on, 'read', 'secret/data/a', {}, token);
    for (let round = 0; round < 3; round++) {
      expect([(await read(node)).status, (await read(other)).status]).toEqual([403, 403]);
      await change(auth?.entityId ?? '', { policies: ['reader'] });
      expect([(await read(node)).status, (await read(other)).status]).toEqual([200, 200]);
      expect((await self(token)).data).toMatchObject({
        policies: ['default'],
        identity_policies: ['reader'],
      });
      await change(auth?.entityId ?? '', { policies: [] });
    }
  });

  it('has its tokens and logins refused while it is disabled', async () => {
    const first = await login('ann');
    const id = first.auth?.entityId ?? '';
    const child = await ask(node, 'update', 'auth/token/create', {}, tokenOf(first));
    expect(child.status).toBe(403);
    await change(id, { disabled: true });
    expect((await self(tokenOf(first))).status).toBe(403);
    expect((await login('ann')).status).toBe(403);
    expect((await ask(node, 'update', 'auth/token/lookup', { token: tokenOf(first) })).status).toBe(403);
    await change(id, { disabled: false });
    expect((await self(tokenOf(first))).status).toBe(200);
    expect((await login('ann')).status).toBe(200);
  });

  it('threat 05: is refused, and not made anew, where its groups are too many to be looked through', async () => {
    const first = await login('ann');
    const id = first.auth?.entityId ?? '';
    await change(id, { disabled: true });
    await crowd(id);
    for (let round = 0; round < 2; round++) {
      const again = await login('ann', { about: { round: String(round) } });
      expect(again).toMatchObject({ status: 403, auth: null });
    }
    const auth = (await ask(node, 'read', 'sys/auth')).data['who/'] as { accessor: string };
    const taken = await ask(node, 'update', 'identity/entity-alias', {
      name: 'ann',
      mount_accessor: auth.accessor,
    });
    expect(taken.data['canonical_id']).toBe(id);
    await change(id, { memberOf: [], disabled: false });
    expect((await login('ann')).auth?.entityId).toBe(id);
  });

  it('threat 18: keeps nothing that a login at a mount brought once that mount is disabled', async () => {
    const other = await place.node();
    await ask(node, 'update', 'sys/auth/who2', { type: 'aliased' });
    const mounts = (await ask(node, 'read', 'sys/auth')).data as Record<string, { accessor: string }>;
    const group = await ask(node, 'update', 'identity/group', { type: 'external', policies: ['strong'] });
    const outer = await ask(node, 'update', 'identity/group', {
      policies: ['stronger'],
      member_group_ids: [String(group.data['id'])],
    });
    expect(outer.status).toBe(200);
    await ask(node, 'update', 'identity/group-alias', {
      name: 'admins',
      canonical_id: String(group.data['id']),
      mount_accessor: mounts['who/']?.accessor ?? '',
    });
    const { auth } = await login('ann', { groups: ['admins'] });
    await ask(node, 'update', 'identity/entity-alias', {
      name: 'ann',
      canonical_id: auth?.entityId ?? '',
      mount_accessor: mounts['who2/']?.accessor ?? '',
    });
    const second = () => ask(node, 'update', 'auth/who2/login', { alias: 'ann' }, null);
    const token = tokenOf(await second());
    const granted = async (on: CofferNode) => (await self(token, on)).data['identity_policies'];
    expect([await granted(node), await granted(other)]).toEqual([
      ['strong', 'stronger'],
      ['strong', 'stronger'],
    ]);
    await ask(node, 'delete', 'sys/auth/who');
    expect([await granted(other), await granted(node)]).toEqual([undefined, undefined]);
    expect((await second()).auth?.identityPolicies).toBeUndefined();
    const { data } = await ask(node, 'read', `identity/entity/id/${auth?.entityId}`);
    expect(data['group_ids']).toEqual([]);
  });

  it('never grants root, even where its record says so', async () => {
    const { auth } = await login('ann');
    await change(auth?.entityId ?? '', { policies: ['root', 'response-wrapping'] });
    expect((await ask(node, 'read', 'secret/data/a', {}, auth?.clientToken)).status).toBe(403);
    expect((await self(auth?.clientToken ?? '')).data['identity_policies']).toBeUndefined();
  });

  it('goes to tokens made by its tokens, and not to orphans', async () => {
    const maker = 'path "auth/token/create*" { capabilities = ["update", "sudo"] }';
    await writePolicy(node, 'maker', maker);
    const { auth } = await login('ann', { policies: ['maker'] });
    const make = (path: string) => ask(node, 'update', path, { policies: ['default'] }, auth?.clientToken);
    expect((await make('auth/token/create')).auth?.entityId).toBe(auth?.entityId);
    expect((await make('auth/token/create-orphan')).auth?.entityId).toBe('');
    expect((await ask(node, 'update', 'auth/token/create', {}, rootToken)).auth?.entityId).toBe('');
  });
});
