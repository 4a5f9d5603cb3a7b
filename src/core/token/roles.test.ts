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
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let maker: string;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await writePolicy(
    node,
    'maker',
    'path "auth/token/create/*" { capabilities = ["update"] }\n' +
      'path "auth/token/renew-self" { capabilities = ["update"] }',
  );
  maker = await makeToken(node, { policies: ['maker', 'a'], ttl: '2000h' });
});
afterEach(() => place.remove());

const write = (name: string, fields: JsonObject = {}, token = rootToken) =>
  ask(node, 'update', `auth/token/roles/${name}`, fields, token);
const read = (name: string) => ask(node, 'read', `auth/token/roles/${name}`);
const create = (role: string, fields: JsonObject = {}, by = maker) =>
  ask(node, 'update', `auth/token/create/${role}`, fields, by);
const lookup = async (token: string) => (await ask(node, 'update', 'auth/token/lookup', { token })).data;
const renew = (token: string, fields: JsonObject = {}) =>
  ask(node, 'update', 'auth/token/renew', { token, ...fields });

describe('a token role', () => {
  it('is written, read, listed and deleted', async () => {
    expect((await read('ci')).status).toBe(404);
    expect((await ask(node, 'list', 'auth/token/roles/')).status).toBe(404);
    expect((await write('ci')).status).toBe(204);
    expect((await read('ci')).data).toEqual({
      name: 'ci',
      allowed_policies: [],
      allowed_policies_glob: [],
      disallowed_policies: [],
      disallowed_policies_glob: [],
      allowed_entity_aliases: [],
      orphan: false,
      renewable: true,
      path_suffix: '',
      token_explicit_max_ttl: 0,
      token_period: 0,
      token_no_default_policy: false,
      token_type: 'default-service',
      explicit_max_ttl: 0,
      period: 0,
    });
    await write('web');
    expect((await ask(node, 'list', 'auth/token/roles/')).data['keys']).toEqual(['ci', 'web']);
    expect((await ask(node, 'delete', 'auth/token/roles/ci')).status).toBe(204);
    expect((await ask(node, 'delete', 'auth/token/roles/ci')).status).toBe(204);
    expect((await read('ci')).status).toBe(404);
  });

  it('keeps what is not sent again, and shows old names where they were used', async () => {
    await write('ci', {
      allowed_policies: 'B, a,b',
      disallowed_policies: ['root', 'x'],
      allowed_policies_glob: 'team-*',
      disallowed_policies_glob: ['*-admin'],
      allowed_entity_aliases: ['Web-*'],
      orphan: 'true',
      renewable: false,
      path_suffix: 'v1.2',
      token_num_uses: '7',
      token_no_default_policy: true,
      period: '1h',
      explicit_max_ttl: 7_200,
      bound_cidrs: '10.0.0.0/8',
    });
    await write('ci', { token_type: 'service' });
    expect((await read('ci')).data).toMatchObject({
      allowed_policies: ['a', 'b'],
      disallowed_policies: ['root', 'x'],
      allowed_policies_glob: ['team-*'],
      disallowed_policies_glob: ['*-admin'],
      allowed_entity_aliases: ['web-*'],
      orphan: true,
      renewable: false,
      path_suffix: 'v1.2',
      token_num_uses: 7,
      token_no_default_policy: true,
      token_type: 'service',
      token_period: 3_600,
      period: 3_600,
      token_explicit_max_ttl: 7_200,
      explicit_max_ttl: 7_200,
      token_bound_cidrs: ['10.0.0.0/8'],
      bound_cidrs: ['10.0.0.0/8'],
    });
    await write('ci', { token_period: '2h', token_bound_cidrs: [] });
    const { data } = await read('ci');
    expect(data).toMatchObject({ token_period: 7_200, period: 0, explicit_max_ttl: 7_200 });
    expect(data).not.toHaveProperty('bound_cidrs');
  });

  it.each([
    { allowed_policies: 'root' },
    { allowed_policies: 'response-wrapping' },
    { allowed_policies: 'has space' },
    { allowed_policies_glob: 'a*b' },
    { disallowed_policies_glob: ['ä*'] },
    { path_suffix: '../x' },
    { path_suffix: 'a/b' },
    { path_suffix: '-ab-' },
    { token_bound_cidrs: 'home' },
    { token_num_uses: -1 },
    { token_period: 'soon' },
    { token_type: 'default' },
    { token_type: 'bulk' },
    { allowed_entity_aliases: ['x'.repeat(513)] },
    { token_type: 'batch' },
    { token_type: 'batch', orphan: true },
    { token_type: 'batch', orphan: true, renewable: false, token_period: '1h' },
    { token_type: 'batch', orphan: true, renewable: false, token_explicit_max_ttl: '1h' },
    { token_type: 'default-batch', token_num_uses: 1 },
  ])('is refused as %j, and nothing changes', async (fields) => {
    await write('ci', { allowed_policies: 'a' });
    const before = (await read('ci')).data;
    expect((await write('ci', fields)).status).toBe(400);
    expect((await write('new', fields)).status).toBe(400);
    expect((await read('ci')).data).toEqual(before);
    expect((await read('new')).status).toBe(404);
  });

  it.each(['has space', '-x', 'x'.repeat(129), 'ü'])('has no name like %j', async (name) => {
    expect((await write(name)).status).toBe(400);
    expect((await create(name)).status).toBe(400);
  });

  it('has a name in lower case, whose rules hold however it is spelt', async () => {
    await write('CI', { allowed_policies: 'b' });
    expect((await read('ci')).data['name']).toBe('ci');
    await writePolicy(
      node,
      'no-ci',
      'path "auth/token/create/*" { capabilities = ["update"] }\npath "auth/token/create/ci" { capabilities = ["deny"] }',
    );
    const other = await makeToken(node, { policies: ['no-ci'] });
    for (const name of ['ci', 'CI', 'cI']) expect((await create(name, {}, other)).status).toBe(403);
  });

  it('is created by create and changed by update', async () => {
    await writePolicy(node, 'changer', 'path "auth/token/roles/*" { capabilities = ["update"] }');
    const changer = await makeToken(node, { policies: ['changer'] });
    expect((await write('ci', {}, changer)).status).toBe(403);
    await write('ci');
    expect((await write('ci', { orphan: true }, changer)).status).toBe(204);
  });

  it('is not lost a change of, when two change it at once', async () => {
    await write('ci');
    await Promise.all([
      write('ci', { orphan: true }),
      write('ci', { renewable: false }),
      write('ci', { path_suffix: 'abc' }),
    ]);
    expect((await read('ci')).data).toMatchObject({ orphan: true, renewable: false, path_suffix: 'abc' });
  });
});

describe('a token made by a role', () => {
  it('says by which, and with what suffix', async () => {
    await write('CI', { path_suffix: 'v1' });
    const made = await create('ci', { ttl: '1h' });
    expect(made.status).toBe(200);
    expect(await lookup(tokenOf(made))).toMatchObject({
      role: 'ci',
      path: 'auth/token/create/ci/v1',
      orphan: false,
    });
    expect(await lookup(maker)).not.toHaveProperty('role');
    expect((await create('none')).errors).toEqual(['unknown role "none"']);
  });

  it('gets policies by the ordinary rules where the role has no lists', async () => {
    await write('plain');
    expect((await create('plain')).auth?.policies).toEqual(['a', 'default', 'maker']);
    expect((await create('plain', { policies: ['a'] })).auth?.policies).toEqual(['a', 'default']);
    expect((await create('plain', { policies: ['b'] })).errors).toEqual([
      'child policies must be subset of parent',
    ]);
    expect((await create('plain', { policies: ['b'] }, rootToken)).auth?.policies).toEqual(['b', 'default']);
  });

  it.each<[JsonObject, JsonObject, readonly string[] | RegExp]>([
    [{ allowed_policies: 'b,c' }, {}, ['b', 'c', 'default']],
    [{ allowed_policies: 'b,c' }, { policies: 'b' }, ['b', 'default']],
    [{ allowed_policies: 'b,c' }, { policies: 'a' }, /must be subset of the role's allowed policies/],
    [{ allowed_policies: 'b,c' }, { policies: 'b,a' }, /must be subset/],
    [{ allowed_policies: 'b' }, { policies: 'b', no_default_policy: true }, ['b']],
    [{ allowed_policies: 'b', token_no_default_policy: true }, {}, ['b']],
    [{ allowed_policies: 'b', token_no_default_policy: true }, { policies: 'default' }, /must be subset/],
    [{ allowed_policies: 'b', disallowed_policies: 'default' }, {}, ['b']],
    [{ allowed_policies: 'b,c', disallowed_policies: 'c' }, {}, /"c" is disallowed/],
    [{ allowed_policies: 'b,c', disallowed_policies: 'c' }, { policies: 'b' }, ['b', 'default']],
    [{ allowed_policies_glob: 'team-*' }, { policies: 'team-x' }, ['default', 'team-x']],
    [{ allowed_policies_glob: 'team-*' }, { policies: 'b' }, /must be subset/],
    [{ allowed_policies_glob: 'team-*' }, {}, ['default']],
    [{ allowed_policies_glob: '*-ro' }, { policies: 'x-ro' }, ['default', 'x-ro']],
    [{ allowed_policies: 'b', allowed_policies_glob: 't*' }, { policies: 'b,t1' }, ['b', 'default', 't1']],
    [{ disallowed_policies: 'x' }, {}, ['a', 'default', 'maker']],
    [{ disallowed_policies: 'a' }, {}, /"a" is disallowed/],
    [{ disallowed_policies: 'x' }, { policies: 'b' }, ['b', 'default']],
    [{ disallowed_policies_glob: '*-admin' }, { policies: 'db-admin' }, /"db-admin" is disallowed/],
    [{ disallowed_policies_glob: 'def*' }, { policies: 'b' }, ['b']],
    [{ disallowed_policies_glob: '*' }, { policies: 'b' }, /"b" is disallowed/],
    [{ allowed_policies_glob: '*' }, { policies: 'root' }, /"root" cannot be assigned/],
  ])('of %j asked as %j gets %s', async (role, asked, wanted) => {
    await write('r', role);
    const made = await create('r', asked);
    if (wanted instanceof RegExp) {
      expect(made.status).toBe(400);
      expect(made.errors.join()).toMatch(wanted);
    } else expect(made.auth?.policies).toEqual(wanted);
  });

  it('is an orphan as the role says, whatever is asked', async () => {
    await write('child', { orphan: false });
    await write('orphan', { orphan: true });
    const child = await create('child', { no_parent: true });
    const orphan = await create('orphan', { no_parent: false });
    expect([child.auth?.orphan, orphan.auth?.orphan]).toEqual([false, true]);
    await ask(node, 'update', 'auth/token/revoke', { token: maker });
    const self = (token: string) => ask(node, 'read', 'auth/token/lookup-self', {}, token);
    expect((await self(tokenOf(child))).status).toBe(403);
    expect((await self(tokenOf(orphan))).status).toBe(200);
  });

  it('is renewable only where both say so', async () => {
    await write('fixed', { renewable: false });
    await write('open');
    expect((await create('fixed', { renewable: true })).auth?.renewable).toBe(false);
    expect((await create('open', { renewable: false })).auth?.renewable).toBe(false);
    expect((await create('open')).auth?.renewable).toBe(true);
  });

  it.each([
    [0, undefined, 0],
    [5, undefined, 5],
    [5, 3, 3],
    [5, 9, 5],
    [0, 4, 4],
  ])('has the lesser number of uses: the role’s %s, asked %s', async (role, asked, wanted) => {
    await write('r', { token_num_uses: role });
    const made = await create('r', asked === undefined ? {} : { num_uses: asked });
    expect(made.auth?.numUses).toBe(wanted);
  });

  it('is bound to the role’s networks, else to its maker’s', async () => {
    await write('near', { token_bound_cidrs: '10.0.0.0/8' });
    await write('plain');
    expect(await lookup(tokenOf(await create('near')))).toMatchObject({ bound_cidrs: ['10.0.0.0/8'] });
    expect(await lookup(tokenOf(await create('plain')))).not.toHaveProperty('bound_cidrs');
    const from = { from: '10.1.1.1' };
    await write('makers', { token_bound_cidrs: '10.0.0.0/8', allowed_policies: 'maker' });
    const bound = tokenOf(await create('makers'));
    const made = await ask(node, 'update', 'auth/token/create/plain', {}, bound, from);
    expect(await lookup(tokenOf(made))).toMatchObject({ bound_cidrs: ['10.0.0.0/8'] });
  });

  it.each([
    ['default-service', undefined, 'service'],
    ['default-service', 'batch', 'batch'],
    ['default-batch', undefined, 'batch'],
    ['default-batch', 'service', 'service'],
    ['service', 'batch', 'service'],
    ['batch', 'service', 'batch'],
    ['batch', undefined, 'batch'],
  ])('of type %s, asked as %s, is a %s token', async (role, asked, wanted) => {
    const extra = role === 'batch' ? { orphan: true, renewable: false } : {};
    await write('r', { token_type: role, ...extra });
    const made = await create('r', asked === undefined ? {} : { type: asked });
    expect(made.auth?.tokenType).toBe(wanted);
    expect(tokenOf(made).slice(0, 4)).toBe(wanted === 'batch' ? 'hvb.' : 'hvs.');
    expect(await lookup(tokenOf(made))).toMatchObject({ role: 'r', type: wanted });
  });

  it('of the kind that is asked for keeps to the role’s limits all the same', async () => {
    await write('short', { token_explicit_max_ttl: '30m' });
    expect((await create('short', { type: 'batch' })).auth?.leaseDuration).toBe(1_800);
    expect((await create('short', { type: 'batch', ttl: '5h' })).auth?.leaseDuration).toBe(1_800);
    await write('counted', { token_num_uses: 2 });
    expect((await create('counted', { type: 'batch' })).status).toBe(400);
    await write('periodic', { token_period: '1h' });
    expect((await create('periodic', { type: 'batch', ttl: '2h' })).auth).toMatchObject({
      leaseDuration: 7_200,
      renewable: false,
    });
  });

  it('needs sudo for an id or a period of its own, and none for the role’s', async () => {
    await write('periodic', { token_period: '1h' });
    expect((await create('periodic', { period: '30m' })).status).toBe(400);
    expect((await create('periodic', { id: 'text-of-my-own' })).status).toBe(400);
    expect((await create('periodic')).auth?.leaseDuration).toBe(3_600);
    expect((await create('periodic', { period: '30m' }, rootToken)).auth?.leaseDuration).toBe(1_800);
    expect((await create('periodic', { period: '3h' }, rootToken)).auth?.leaseDuration).toBe(3_600);
  });

  it('takes an entity alias only where the role allows it, and is of that entity from then on', async () => {
    await write('named', { allowed_entity_aliases: ['web-*', 'ci'], allowed_policies: 'a' });
    const plain = await ask(node, 'update', 'auth/token/create', { entity_alias: 'ci' });
    expect(plain.errors).toEqual(["'entity_alias' is only allowed in combination with token role"]);
    expect((await create('named', { entity_alias: 'other' })).errors).toEqual([
      "invalid 'entity_alias' value",
    ]);
    expect((await create('named', { entity_alias: '' })).auth?.entityId).toBe('');
    expect((await create('named', { entity_alias: 'web-1', policies: 'b' })).status).toBe(400);
    expect((await ask(node, 'list', 'identity/entity/id/')).status).toBe(404);
    const made = await create('named', { entity_alias: 'web-1' });
    const again = await create('named', { entity_alias: 'web-1', type: 'batch' });
    const other = await create('named', { entity_alias: 'web-2' });
    const id = made.auth?.entityId ?? '';
    expect(id).not.toBe('');
    expect([again.auth?.entityId, other.auth?.entityId === id]).toEqual([id, false]);
    expect(await lookup(tokenOf(made))).toMatchObject({ entity_id: id });
    await ask(node, 'update', `identity/entity/id/${id}`, { disabled: true });
    for (const token of [tokenOf(made), tokenOf(again)]) {
      expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(403);
    }
    expect((await create('named', { entity_alias: 'web-1' })).status).toBe(403);
  });

  it('is not made by tokens that may make none', async () => {
    await write('r');
    const limited = await makeToken(node, { policies: ['maker'], num_uses: 3 });
    expect((await create('r', {}, limited)).errors).toEqual([
      'restricted use token cannot generate child tokens',
    ]);
    const other = await makeToken(node, { policies: ['a'] });
    expect((await create('r', {}, other)).status).toBe(403);
  });
});

describe('renewing a token made by a role', () => {
  it('goes by the role as it is then', async () => {
    await write('r', { token_period: '1h' });
    const token = tokenOf(await create('r'));
    await write('r', { token_period: '3h' });
    expect((await renew(token)).auth?.leaseDuration).toBe(10_800);
    expect(await lookup(token)).toMatchObject({ period: 10_800 });
    await write('r', { token_period: 0 });
    expect((await renew(token, { increment: '30m' })).auth?.leaseDuration).toBe(1_800);
    expect(await lookup(token)).not.toHaveProperty('period');
  });

  it('keeps to the lesser of the role’s longest life and what was asked', async () => {
    await write('r', { token_explicit_max_ttl: '10h' });
    const asked = tokenOf(await create('r', { ttl: '1h', explicit_max_ttl: '2h' }));
    const plain = tokenOf(await create('r', { ttl: '1h' }));
    expect((await renew(asked, { increment: '9h' })).auth?.leaseDuration).toBe(7_200);
    expect((await renew(plain, { increment: '90h' })).auth?.leaseDuration).toBe(36_000);
    await write('r', { token_explicit_max_ttl: '90m' });
    const less = await renew(plain, { increment: '9h' });
    expect(less.auth?.leaseDuration).toBe(5_400);
    expect(less.warnings.join()).toContain('capped');
    place.clock.jump(5_400);
    expect((await renew(plain)).status).toBe(403);
  });

  it('is refused without the role', async () => {
    await write('r');
    const token = tokenOf(await create('r', { ttl: '1h' }));
    await ask(node, 'delete', 'auth/token/roles/r');
    const refused = await renew(token);
    expect(refused.status).toBe(400);
    expect(refused.errors.join()).toContain('could not be found, not renewing');
    expect((await lookup(token))['ttl']).toBe(3_600);
  });
});

describe('threat 13: a token role', () => {
  it('gives whoever may use one role nothing of another', async () => {
    await write('mine', { allowed_policies: 'a' });
    await write('theirs', { allowed_policies: 'b' });
    await writePolicy(node, 'mine', 'path "auth/token/create/mine" { capabilities = ["update"] }');
    const token = await makeToken(node, { policies: ['mine'] });
    expect((await create('mine', {}, token)).auth?.policies).toEqual(['a', 'default']);
    for (const path of ['theirs', 'theirs/', 'mine/../theirs']) {
      const answer = await create(path, {}, token).catch(() => undefined);
      expect(answer?.auth ?? null).toBeNull();
    }
    expect((await ask(node, 'update', 'auth/token/create', { role: 'theirs' }, token)).status).toBe(403);
  });
});

describe('threat 12: another spelling of the path', () => {
  it('gives nobody the sudo that a rule for the path as it is handled does not', async () => {
    await write('plain');
    await writePolicy(node, 'boss', 'path "secret/*" { capabilities = ["read"] }');
    await writePolicy(
      node,
      'almost',
      'path "auth/token/*" { capabilities = ["update", "sudo"] }\n' +
        'path "auth/token/+" { capabilities = ["update"] }\n' +
        'path "auth/token/create/plain" { capabilities = ["update"] }',
    );
    const token = await makeToken(node, { policies: ['almost'] });
    const make = (path: string) =>
      ask(node, 'update', `auth/token/${path}`, { policies: ['boss'], period: '1h' }, token);
    for (const path of ['create', 'create/', 'create/plain', 'create/PLAIN', 'create/plain/']) {
      expect(await make(path), path).toMatchObject({ status: 400, auth: null });
    }
    await write('Other');
    expect((await make('create/Other')).auth?.policies).toEqual(['boss', 'default']);
  });
});
