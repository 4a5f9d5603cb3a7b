import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aliasedType } from '../../../test/fakes/aliased-method.ts';
import { ask, keysOf, makePlace, makeToken, type Place, writePolicy } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace({ silent: true, authMethods: [aliasedType] });
  node = await place.node();
  for (const path of ['who', 'other']) await ask(node, 'update', `sys/auth/${path}`, { type: 'aliased' });
});
afterEach(() => place.remove());

const write = (path: string, data: JsonObject = {}) => ask(node, 'update', `identity/${path}`, data);
const read = (path: string) => ask(node, 'read', `identity/${path}`);
const remove = (path: string) => ask(node, 'delete', `identity/${path}`);
const login = (alias: string, more = {}, mount = 'who') =>
  ask(node, 'update', `auth/${mount}/login`, { alias, ...more }, null);
const self = (token: string) => ask(node, 'read', 'auth/token/lookup-self', {}, token);
const accessor = async (mount = 'who') =>
  String(((await ask(node, 'read', 'sys/auth')).data[`${mount}/`] as JsonObject)['accessor']);
const policiesOf = async (token: string) => (await self(token)).data['identity_policies'] ?? [];

async function make(path: string, data: JsonObject = {}): Promise<string> {
  const made = await write(path, data);
  expect(made.errors).toEqual([]);
  expect(made.status).toBe(200);
  return String(made.data['id']);
}

describe('entities', () => {
  it('are made, read, changed, listed and ended, by id and by name', async () => {
    const id = await make('entity', { name: 'Ann', policies: ['B', 'a'], metadata: { team: 'x' } });
    const facts = { id, name: 'Ann', policies: ['a', 'b'], metadata: { team: 'x' }, disabled: false };
    expect((await read(`entity/id/${id}`)).data).toMatchObject({ ...facts, aliases: [], group_ids: [] });
    expect((await read('entity/name/Ann')).data).toMatchObject(facts);
    expect(await write(`entity/id/${id}`, { name: 'Bea' })).toMatchObject({ status: 204 });
    expect(await read('entity/name/Ann')).toMatchObject({ status: 404 });
    expect((await read('entity/name/Bea')).data).toMatchObject({ id, policies: ['a', 'b'] });
    expect(await write('entity/name/Bea', { policies: 'c' })).toMatchObject({ status: 204 });
    const other = await make('entity/name/cy');
    expect((await ask(node, 'list', 'identity/entity/id')).data).toMatchObject({
      keys: [id, other].toSorted(),
      key_info: { [id]: { name: 'Bea', aliases: [] } },
    });
    expect((await ask(node, 'list', 'identity/entity/name')).data).toEqual({ keys: ['Bea', 'cy'] });
    expect((await ask(node, 'list', 'identity/entity/name', { after: 'Bea' })).data).toEqual({
      keys: ['cy'],
    });
    expect(await remove('entity/name/cy')).toMatchObject({ status: 204 });
    expect(await write('entity/batch-delete', { entity_ids: [id, 'none'] })).toMatchObject({ status: 204 });
    expect(await ask(node, 'list', 'identity/entity/id')).toMatchObject({ status: 404 });
    expect(await keysOf(place.storage, 'core/identity/')).toEqual([]);
  });

  it('threat 09: have names of their own, also apart from letters that look the same', async () => {
    await make('entity', { name: 'ann' });
    for (const name of ['Ann', 'ＡＮＮ', 'a\u200Bnn']) {
      expect(await write('entity', { name })).toMatchObject({ status: 400 });
      expect(await write(`entity/name/${name}`)).toMatchObject({ status: 400 });
    }
    expect(await read('entity/name/Ann')).toMatchObject({ status: 404 });
    const made = await Promise.all(Array.from({ length: 8 }, () => write('entity', { name: 'same' })));
    expect(made.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('are refused what they cannot be, with nothing changed', async () => {
    const bad: readonly JsonObject[] = [
      { policies: ['root'] },
      { policies: ['response-wrapping'] },
      { policies: ['a b'] },
      { policies: Array.from({ length: 129 }, (_, index) => `p${index}`) },
      { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, ''])) },
      { metadata: { k: 'x'.repeat(513) } },
      { metadata: { '': 'x' } },
      { name: 'x'.repeat(513) },
      { name: 'a\u0007' },
      { id: 'none', name: 'x' },
    ];
    for (const data of bad) expect(await write('entity', data)).toMatchObject({ status: 400 });
    expect(await keysOf(place.storage, 'core/identity/')).toEqual([]);
  });

  it('that are ended leave tokens that are refused, and logins of somebody new', async () => {
    const first = await login('ann', { groups: [] });
    const id = first.auth?.entityId ?? '';
    const group = await make('group', { name: 'g', member_entity_ids: [id] });
    await remove(`entity/id/${id}`);
    expect((await self(first.auth?.clientToken ?? '')).status).toBe(403);
    expect((await read(`group/id/${group}`)).data['member_entity_ids']).toEqual([]);
    const again = await login('ann');
    expect(again.status).toBe(200);
    expect(again.auth?.entityId).not.toBe(id);
  });
});

describe('aliases', () => {
  it('are made before anyone logs in, changed, moved and ended', async () => {
    const mount = await accessor();
    const entity = await make('entity', { name: 'ann' });
    const made = await write('entity-alias', { name: 'ann@x', canonical_id: entity, mount_accessor: mount });
    const id = String(made.data['id']);
    expect(made.data).toEqual({ id, canonical_id: entity });
    expect((await login('ann@x')).auth?.entityId).toBe(entity);
    expect((await read(`entity-alias/id/${id}`)).data).toMatchObject({
      ...{ name: 'ann@x', canonical_id: entity, mount_accessor: mount },
      ...{ mount_path: 'auth/who/', mount_type: 'aliased' },
    });
    expect(await write('entity-alias', { name: 'Ann@x', mount_accessor: mount })).toMatchObject({
      status: 400,
    });
    const second = { name: 'b', canonical_id: entity, mount_accessor: mount };
    expect(await write('entity-alias', second)).toMatchObject({ status: 400 });
    const other = await make('entity', { name: 'bob' });
    await write(`entity-alias/id/${id}`, { canonical_id: other, custom_metadata: { a: 'b' } });
    expect((await login('ann@x')).auth?.entityId).toBe(other);
    await write(`entity-alias/id/${id}`, { name: 'Ann@x' });
    expect((await login('Ann@x')).auth?.entityId).toBe(other);
    expect((await ask(node, 'list', 'identity/entity-alias/id')).data).toMatchObject({
      keys: [id],
      key_info: { [id]: { name: 'Ann@x', canonical_id: other, custom_metadata: { a: 'b' } } },
    });
    expect(await remove(`entity-alias/id/${id}`)).toMatchObject({ status: 204 });
    expect((await login('ann@x')).auth?.entityId).not.toBe(other);
    expect(await write('entity-alias', { name: 'x', mount_accessor: 'none' })).toMatchObject({ status: 400 });
    expect(await write('entity-alias', { name: 'x' })).toMatchObject({ status: 400 });
    const token = String(((await ask(node, 'read', 'sys/mounts')).data['secret/'] as JsonObject)['accessor']);
    expect(await write('entity-alias', { name: 'x', mount_accessor: token })).toMatchObject({ status: 400 });
  });
});

describe('merging', () => {
  it('makes one of several: aliases, policies, groups, tokens', async () => {
    const [one, two] = [await login('ann', {}, 'who'), await login('ann', {}, 'other')];
    const [from, to] = [one.auth?.entityId ?? '', two.auth?.entityId ?? ''];
    const group = await make('group', { name: 'g', policies: ['g'], member_entity_ids: [from] });
    await write(`entity/id/${from}`, { policies: ['f'] });
    expect(await write('entity/merge', { from_entity_ids: [from], to_entity_id: to })).toMatchObject({
      status: 204,
    });
    for (const { auth } of [one, two]) {
      expect((await self(auth?.clientToken ?? '')).data).toMatchObject({
        entity_id: to,
        identity_policies: ['f', 'g'],
      });
    }
    expect((await read(`group/id/${group}`)).data['member_entity_ids']).toEqual([to]);
    expect((await read(`entity/id/${to}`)).data).toMatchObject({
      merged_entity_ids: [from],
      policies: ['f'],
    });
    expect(await read(`entity/id/${from}`)).toMatchObject({ status: 404 });
    expect((await login('ann', {}, 'who')).auth?.entityId).toBe(to);
    const third = await make('entity', { name: 'third' });
    await write('entity/merge', { from_entity_ids: [to], to_entity_id: third });
    expect((await self(one.auth?.clientToken ?? '')).data['entity_id']).toBe(third);
    await remove(`entity/id/${third}`);
    expect((await self(one.auth?.clientToken ?? '')).status).toBe(403);
    expect((await keysOf(place.storage, 'core/identity/merged/')).length).toBe(0);
  });

  it('threat 09: is refused where aliases conflict, an entity is disabled or missing, and without sudo', async () => {
    const [from, to] = [(await login('ann')).auth?.entityId ?? '', (await login('bob')).auth?.entityId ?? ''];
    const merge = (data: JsonObject) =>
      write('entity/merge', { from_entity_ids: [from], to_entity_id: to, ...data });
    expect((await merge({})).errors.join()).toMatch(/conflicting/);
    expect((await merge({ force: true })).status).toBe(400);
    expect((await merge({ to_entity_id: from })).status).toBe(400);
    expect((await merge({ from_entity_ids: ['none'] })).status).toBe(400);
    await writePolicy(node, 'm', 'path "identity/entity/merge" { capabilities = ["update"] }');
    const token = await makeToken(node, { policies: ['m'] });
    const asked = { from_entity_ids: [from], to_entity_id: to };
    expect((await ask(node, 'update', 'identity/entity/merge', asked, token)).status).toBe(403);
    await write(`entity/id/${from}`, { disabled: true });
    const aliases = (await read(`entity/id/${to}`)).data['aliases'] as JsonObject[];
    const keep = { conflicting_alias_ids_to_keep: [String(aliases[0]?.['id'])] };
    expect((await merge(keep)).errors.join()).toMatch(/disabled/);
    await write(`entity/id/${from}`, { disabled: false });
    expect((await merge(keep)).status).toBe(204);
    expect((await login('bob')).auth?.entityId).toBe(to);
    expect([from, to]).not.toContain((await login('ann')).auth?.entityId);
  });
});

describe('groups', () => {
  it('grant their policies to members, through other groups too, at once', async () => {
    const { auth } = await login('ann');
    const [entity, token] = [auth?.entityId ?? '', auth?.clientToken ?? ''];
    const inner = await make('group', { name: 'inner', policies: ['in'], member_entity_ids: [entity] });
    const middle = await make('group', { name: 'middle', member_group_ids: [inner] });
    const outer = await make('group', { name: 'outer', policies: ['out'], member_group_ids: [middle] });
    expect(await policiesOf(token)).toEqual(['in', 'out']);
    expect((await read(`entity/id/${entity}`)).data).toMatchObject({
      direct_group_ids: [inner],
      inherited_group_ids: [middle, outer].toSorted(),
    });
    expect((await read(`group/id/${inner}`)).data).toMatchObject({
      parent_group_ids: [middle],
      type: 'internal',
    });
    await write(`group/id/${outer}`, { policies: ['else'] });
    expect(await policiesOf(token)).toEqual(['else', 'in']);
    await write(`group/id/${middle}`, { member_group_ids: [] });
    expect(await policiesOf(token)).toEqual(['in']);
    await write(`group/id/${inner}`, { member_entity_ids: [] });
    expect(await policiesOf(token)).toEqual([]);
    await write('group/name/inner', { member_entity_ids: [entity] });
    expect(await policiesOf(token)).toEqual(['in']);
    await remove('group/name/inner');
    expect(await policiesOf(token)).toEqual([]);
    expect((await ask(node, 'list', 'identity/group/name')).data).toEqual({ keys: ['middle', 'outer'] });
    expect((await ask(node, 'list', 'identity/group/id')).data['keys']).toEqual([middle, outer].toSorted());
  });

  it('are refused circles, unknown members, another type and members of external ones', async () => {
    const a = await make('group', { name: 'a' });
    const b = await make('group', { name: 'b', member_group_ids: [a] });
    const c = await make('group', { name: 'c', member_group_ids: [b] });
    for (const member of [a, b, c]) {
      expect((await write(`group/id/${a}`, { member_group_ids: [member] })).errors.join()).toMatch(/cyclic/);
    }
    const unknown = '00000000-0000-4000-8000-000000000000';
    expect((await write(`group/id/${a}`, { member_entity_ids: [unknown] })).status).toBe(400);
    expect((await write(`group/id/${a}`, { member_group_ids: [unknown] })).status).toBe(400);
    expect((await write(`group/id/${a}`, { type: 'external' })).status).toBe(400);
    expect((await write('group', { type: 'external', member_entity_ids: [] })).status).toBe(400);
    expect((await write('group', { type: 'both' })).status).toBe(400);
    expect((await write('group', { policies: ['root'] })).status).toBe(400);
    expect((await write('group', { id: unknown })).status).toBe(400);
    expect((await write('group', { name: 'A' })).status).toBe(400);
  });

  it('of many members change at once', async () => {
    const entities = await Promise.all(Array.from({ length: 60 }, () => make('entity')));
    const { auth } = await login('ann');
    const all = [...entities, auth?.entityId ?? ''];
    const group = await make('group', { name: 'all', policies: ['p'], member_entity_ids: all });
    expect(await policiesOf(auth?.clientToken ?? '')).toEqual(['p']);
    await write(`group/id/${group}`, { member_entity_ids: [] });
    expect(await policiesOf(auth?.clientToken ?? '')).toEqual([]);
    await write(`group/id/${group}`, { member_entity_ids: all });
    expect(await policiesOf(auth?.clientToken ?? '')).toEqual(['p']);
    await remove(`group/id/${group}`);
    expect((await read(`entity/id/${all[0]}`)).data['group_ids']).toEqual([]);
  });

  it('of an auth method hold who logged in with their names last, and nobody else', async () => {
    const mount = await accessor();
    const group = await make('group', { name: 'ops', type: 'external', policies: ['ops'] });
    const made = await write('group-alias', { name: 'Ops', mount_accessor: mount, canonical_id: group });
    const alias = String(made.data['id']);
    expect(made.data['canonical_id']).toBe(group);
    const ann = await login('ann', { groups: ['Ops', 'Unknown'] });
    expect(ann.auth).toMatchObject({
      policies: ['default', 'ops'],
      tokenPolicies: ['default'],
      identityPolicies: ['ops'],
    });
    const token = ann.auth?.clientToken ?? '';
    for (const [name, groups, on] of [
      ['bob', ['ops'], 'who'],
      ['cy', ['Ops'], 'other'],
      ['dan', [], 'who'],
    ] as const) {
      expect((await login(name, { groups }, on)).auth?.identityPolicies).toBeUndefined();
    }
    expect((await read(`group/id/${group}`)).data['member_entity_ids']).toEqual([ann.auth?.entityId]);
    await login('ann');
    expect(await policiesOf(token)).toEqual(['ops']);
    await login('ann', { groups: ['Other'] });
    expect(await policiesOf(token)).toEqual([]);
    await login('ann', { groups: ['Ops'] });
    await write(`group-alias/id/${alias}`, { name: 'Ops2' });
    expect(await policiesOf(token)).toEqual([]);
    await login('ann', { groups: ['Ops2'] });
    expect(await policiesOf(token)).toEqual(['ops']);
    expect((await read(`group-alias/id/${alias}`)).data).toMatchObject({ name: 'Ops2', canonical_id: group });
    expect((await ask(node, 'list', 'identity/group-alias/id')).data['keys']).toEqual([alias]);
    expect(await write('group-alias', { name: 'ops2', mount_accessor: mount })).toMatchObject({
      status: 400,
    });
    const internal = await make('group', { name: 'internal' });
    const wrong = { name: 'y', mount_accessor: mount, canonical_id: internal };
    expect(await write('group-alias', wrong)).toMatchObject({ status: 400 });
    await remove(`group-alias/id/${alias}`);
    expect(await policiesOf(token)).toEqual([]);
  });
});

it('look-ups find by id, name and alias, and answer nothing where there is nothing', async () => {
  const mount = await accessor();
  const { auth } = await login('ann');
  const entity = auth?.entityId ?? '';
  const group = await make('group', { name: 'g', type: 'external' });
  await write('group-alias', { name: 'G', mount_accessor: mount, canonical_id: group });
  const alias = ((await read(`entity/id/${entity}`)).data['aliases'] as JsonObject[])[0]?.['id'] ?? '';
  const name = (await read(`entity/id/${entity}`)).data['name'] ?? '';
  const by = { alias_mount_accessor: mount };
  for (const wish of [{ id: entity }, { name }, { alias_id: alias }, { alias_name: 'ann', ...by }]) {
    expect((await write('lookup/entity', wish)).data['id']).toBe(entity);
  }
  for (const wish of [{ id: group }, { name: 'g' }, { alias_name: 'G', ...by }]) {
    expect((await write('lookup/group', wish)).data['id']).toBe(group);
  }
  for (const wish of [{ id: 'x' }, { name: 'Ann' }, { alias_name: 'Ann', ...by }, { alias_id: 'x' }]) {
    expect(await write('lookup/entity', wish)).toMatchObject({ status: 204 });
    expect(await write('lookup/group', wish)).toMatchObject({ status: 204 });
  }
  for (const wish of [{}, { id: 'x', name: 'y' }, { alias_name: 'ann' }, by]) {
    expect(await write('lookup/entity', wish)).toMatchObject({ status: 400 });
  }
});
