import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, finishDuties, keysOf, makePlace, type Place } from '../../../test/fakes/client.ts';
import { faultyStorage } from '../../../test/fault/storage-fault.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
});
afterEach(() => place.remove());

const at = (path: string) => `auth/approle/role/${path}`;
const set = (path: string, fields: JsonObject = {}) => ask(node, 'update', at(path), fields);
const get = (path: string) => ask(node, 'read', at(path));
const outcome = ({ status, errors }: Asked) => [status, ...errors];
const secretIdOf = async (role: string, fields: JsonObject = {}) =>
  (await set(`${role}/secret-id`, fields)).data as { secret_id: string; secret_id_accessor: string };

const defaults = {
  bind_secret_id: true,
  local_secret_ids: false,
  secret_id_bound_cidrs: null,
  secret_id_num_uses: 0,
  secret_id_ttl: 0,
  token_bound_cidrs: [],
  token_explicit_max_ttl: 0,
  token_max_ttl: 0,
  token_no_default_policy: false,
  token_num_uses: 0,
  token_period: 0,
  token_policies: [],
  token_ttl: 0,
  token_type: 'default',
};

describe('a role', () => {
  it('is made of an empty body, with defaults', async () => {
    expect(outcome(await set('app'))).toEqual([204]);
    expect((await get('app')).data).toEqual(defaults);
    expect(String((await get('app/role-id')).data['role_id'])).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('shows what was set, times as seconds, and keeps what is not sent again', async () => {
    await set('app', {
      policies: 'b,A',
      token_ttl: '20m',
      token_max_ttl: '1h',
      period: '10m',
      secret_id_num_uses: '7',
      secret_id_ttl: 3_600,
      bound_cidr_list: ['10.0.0.0/8', '2001:db8::/32'],
      token_bound_cidrs: '192.0.2.0/24',
      token_num_uses: 3,
    });
    await set('app', { token_ttl: '30m' });
    expect((await get('app')).data).toEqual({
      ...defaults,
      token_policies: ['a', 'b'],
      token_ttl: 1_800,
      token_max_ttl: 3_600,
      token_period: 600,
      secret_id_num_uses: 7,
      secret_id_ttl: 3_600,
      secret_id_bound_cidrs: ['10.0.0.0/8', '2001:db8::/32'],
      token_bound_cidrs: ['192.0.2.0/24'],
      token_num_uses: 3,
      // Beside the new names, as long as these are what was used.
      policies: ['a', 'b'],
      period: 600,
      bound_cidr_list: ['10.0.0.0/8', '2001:db8::/32'],
    });
    await set('app', { token_policies: 'c', token_period: 0, secret_id_bound_cidrs: [] });
    for (const old of ['policies', 'period', 'bound_cidr_list']) {
      expect((await get('app')).data).not.toHaveProperty(old);
    }
  });

  it('has a name in lower case', async () => {
    await set('MyApp', { token_ttl: 60 });
    await set('myapp', { token_max_ttl: 120 });
    expect((await get('MYAPP')).data).toMatchObject({ token_ttl: 60, token_max_ttl: 120 });
    expect((await ask(node, 'list', 'auth/approle/role/')).data).toEqual({ keys: ['myapp'] });
  });

  it.each([' app', 'app ', '-app', '.app', 'äpp', 'app\u200b', 'ａpp', 'a'.repeat(129), 'a,b', 'a*'])(
    'is not called %j',
    async (name) => {
      expect((await set(name)).status).toBe(400);
      expect((await ask(node, 'list', 'auth/approle/role/')).status).toBe(404);
    },
  );

  it.each([
    [{ bind_secret_id: false }],
    [{ token_ttl: '2h', token_max_ttl: '1h' }],
    [{ token_num_uses: -1 }],
    [{ secret_id_num_uses: -1 }],
    [{ secret_id_bound_cidrs: '10.0.0.0/99' }],
    [{ token_bound_cidrs: ['home'] }],
    [{ token_type: 'batch', token_num_uses: 2 }],
    [{ token_type: 'default-batch', token_period: '1h' }],
    [{ token_type: 'bulk' }],
    [{ token_policies: 'root' }],
    [{ policies: ['a', 'response-wrapping'] }],
    [{ role_id: '' }],
    [{ role_id: 'has space' }],
    [{ token_ttl: 'soon' }],
  ])('is refused as %j, and nothing changes', async (fields) => {
    await set('app', { token_policies: 'a' });
    const before = (await get('app')).data;
    expect((await set('app', fields)).status).toBe(400);
    expect((await set('new', fields)).status).toBe(400);
    expect((await get('app')).data).toEqual(before);
    expect((await get('new')).status).toBe(404);
  });

  it('may do without secret ids where it is bound to networks', async () => {
    expect(
      outcome(await set('app', { bind_secret_id: false, secret_id_bound_cidrs: '192.0.2.0/24' })),
    ).toEqual([204]);
    expect((await set('app/secret-id')).status).toBe(400);
  });

  it('is deleted with its secret ids, which do not come back with a role of its name', async () => {
    await set('app', { role_id: 'the-role' });
    const { secret_id, secret_id_accessor } = await secretIdOf('app');
    const made = await ask(node, 'update', 'auth/approle/login', { role_id: 'the-role', secret_id }, null);
    expect(outcome(await ask(node, 'delete', at('app')))).toEqual([204]);
    expect(outcome(await ask(node, 'delete', at('app')))).toEqual([204]);
    expect(outcome(await get('app'))).toEqual([404]);
    await set('app', { role_id: 'the-role' });
    const again = await ask(node, 'update', 'auth/approle/login', { role_id: 'the-role', secret_id }, null);
    expect(outcome(again)).toEqual([400, 'invalid role or secret ID']);
    expect((await set('app/secret-id-accessor/lookup', { secret_id_accessor })).status).toBe(404);
    expect((await ask(node, 'list', at('app/secret-id/'))).status).toBe(404);
    const renewed = await ask(node, 'update', 'auth/token/renew-self', {}, made.auth?.clientToken);
    expect(renewed.status).toBe(400);
    await finishDuties(node, place.clock);
    expect((await keysOf(place.storage, 'mount/')).filter((key) => /secret-id|accessor/.test(key))).toEqual(
      [],
    );
  });

  it('takes its secret ids with it even if the node dies in the middle', async () => {
    await set('app', { role_id: 'the-role' });
    const { secret_id } = await secretIdOf('app');
    let commits = -1;
    const storage = faultyStorage(place.storage, (_count, operation) =>
      commits >= 0 && operation === 'commit' && ++commits > 1 ? { kind: 'before' } : undefined,
    );
    const dying = await place.node(storage);
    commits = 0;
    await ask(dying, 'delete', at('app'));
    await set('app', { role_id: 'the-role' });
    const login = await ask(node, 'update', 'auth/approle/login', { role_id: 'the-role', secret_id }, null);
    expect(login.status).toBe(400);
    await finishDuties(node, place.clock);
    expect((await keysOf(place.storage, 'mount/')).filter((key) => /secret-id/.test(key))).toEqual([]);
  });
});

describe('a role id', () => {
  it('may be chosen, with the role or later, and belongs to one role', async () => {
    await set('one', { role_id: 'chosen' });
    expect((await get('one/role-id')).data).toEqual({ role_id: 'chosen' });
    expect(outcome(await set('two', { role_id: 'chosen' }))).toEqual([400, 'role_id is already in use']);
    expect((await get('two')).status).toBe(404);
    await set('two');
    expect((await set('two/role-id', { role_id: 'chosen' })).status).toBe(400);
    expect(outcome(await set('one/role-id', { role_id: 'other' }))).toEqual([204]);
    expect(outcome(await set('two/role-id', { role_id: 'chosen' }))).toEqual([204]);
    expect((await set('nothing/role-id', { role_id: 'x' })).status).toBe(400);
    expect((await get('nothing/role-id')).status).toBe(404);
  });

  it('asked for by many roles at once goes to one', async () => {
    const asked = await Promise.all(
      Array.from({ length: 12 }, (_, i) => set(`role-${i}`, { role_id: 'wanted' })),
    );
    expect(asked.filter(({ status }) => status === 204)).toHaveLength(1);
    expect((await ask(node, 'list', 'auth/approle/role/')).data['keys']).toHaveLength(1);
  });

  it('that was replaced opens nothing any more', async () => {
    await set('app', { role_id: 'old-id' });
    const { secret_id } = await secretIdOf('app');
    await set('app/role-id', { role_id: 'new-id' });
    const login = (role_id: string) =>
      ask(node, 'update', 'auth/approle/login', { role_id, secret_id }, null);
    expect((await login('old-id')).status).toBe(400);
    expect((await login('new-id')).status).toBe(200);
  });
});

describe('a secret id', () => {
  beforeEach(async () => {
    await set('app', { role_id: 'the-role' });
  });

  it('is shown once, looked up by itself and by its accessor', async () => {
    const made = await set('app/secret-id', {
      metadata: '{"team":"blue","n":"1"}',
      cidr_list: '192.0.2.0/24',
      token_bound_cidrs: ['192.0.2.1'],
      num_uses: 4,
      ttl: '1h',
    });
    const { secret_id, secret_id_accessor } = made.data;
    expect(made.data).toMatchObject({ secret_id_num_uses: 4, secret_id_ttl: 3_600 });
    const shown = {
      cidr_list: ['192.0.2.0/24'],
      creation_time: '2026-11-22T01:36:00.000000000Z',
      expiration_time: '2026-11-22T02:36:00.000000000Z',
      last_updated_time: '2026-11-22T01:36:00.000000000Z',
      metadata: { team: 'blue', n: '1' },
      secret_id_accessor,
      secret_id_num_uses: 4,
      secret_id_ttl: 3_600,
      token_bound_cidrs: ['192.0.2.1'],
    };
    expect((await set('app/secret-id/lookup', { secret_id: secret_id ?? '' })).data).toEqual(shown);
    expect(
      (await set('app/secret-id-accessor/lookup', { secret_id_accessor: secret_id_accessor ?? '' })).data,
    ).toEqual(shown);
    expect((await ask(node, 'list', at('app/secret-id/'))).data).toEqual({ keys: [secret_id_accessor] });
  });

  it('may be of the caller’s choosing, once', async () => {
    const secret_id = 'chosen-by-the-caller';
    expect((await set('app/custom-secret-id', { secret_id })).data).toMatchObject({ secret_id });
    expect((await set('app/custom-secret-id', { secret_id })).status).toBe(400);
    for (const bad of ['', 'short', 'has space in the middle', 'x'.repeat(201)]) {
      expect((await set('app/custom-secret-id', { secret_id: bad })).status).toBe(400);
    }
    const many = await Promise.all(
      Array.from({ length: 12 }, () => set('app/custom-secret-id', { secret_id: 'wanted-by-very-many' })),
    );
    expect(many.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await ask(node, 'list', at('app/secret-id/'))).data['keys']).toHaveLength(2);
  });

  it('that is unknown is 204 by itself and 404 by accessor', async () => {
    expect(outcome(await set('app/secret-id/lookup', { secret_id: 'unknown' }))).toEqual([204]);
    expect(outcome(await set('app/secret-id/destroy', { secret_id: 'unknown' }))).toEqual([204]);
    for (const secret_id_accessor of ['unknown', '../secret-id', '11111111-2222-4333-8444-555555555555']) {
      expect((await set('app/secret-id-accessor/lookup', { secret_id_accessor })).status).toBe(404);
      expect((await set('app/secret-id-accessor/destroy', { secret_id_accessor })).status).toBe(404);
    }
    for (const path of ['secret-id', 'custom-secret-id', 'secret-id/lookup', 'secret-id/destroy']) {
      const refused = await set(`nothing/${path}`, { secret_id: 'of-no-role-at-all' });
      expect(outcome(refused)).toEqual([400, 'role "nothing" does not exist']);
    }
  });

  it.each([
    [{ num_uses: -1 }],
    [{ ttl: '-1h' }],
    [{ metadata: 'not json' }],
    [{ metadata: '{"a":{}}' }],
    [{ cidr_list: 'home' }],
  ])('is refused with %j', async (fields) => {
    expect((await set('app/secret-id', fields)).status).toBe(400);
    expect((await ask(node, 'list', at('app/secret-id/'))).status).toBe(404);
  });

  it('has the role’s limits, and may only be narrower', async () => {
    await set('app', { secret_id_num_uses: 3, secret_id_ttl: '1h' });
    expect((await set('app/secret-id')).data).toMatchObject({ secret_id_num_uses: 3, secret_id_ttl: 3_600 });
    expect((await set('app/secret-id', { num_uses: 2, ttl: 60 })).status).toBe(200);
    for (const fields of [{ num_uses: 0 }, { num_uses: 4 }, { ttl: 0 }, { ttl: 3_601 }]) {
      expect((await set('app/secret-id', fields)).status).toBe(400);
    }
  });

  it('is destroyed by itself and by its accessor, with both ways of asking', async () => {
    for (const operation of ['update', 'delete'] as const) {
      const one = await secretIdOf('app');
      const two = await secretIdOf('app');
      await ask(node, operation, at('app/secret-id/destroy'), { secret_id: one.secret_id });
      await ask(node, operation, at('app/secret-id-accessor/destroy'), {
        secret_id_accessor: two.secret_id_accessor,
      });
      expect((await ask(node, 'list', at('app/secret-id/'))).status).toBe(404);
    }
    expect((await keysOf(place.storage, 'mount/')).filter((key) => /secret-id|accessor/.test(key))).toEqual(
      [],
    );
  });

  it('ends by its TTL, and the duty removes it', async () => {
    const { secret_id } = await secretIdOf('app', { ttl: 60 });
    const login = () => ask(node, 'update', 'auth/approle/login', { role_id: 'the-role', secret_id }, null);
    place.clock.jump(59);
    expect((await login()).status).toBe(200);
    place.clock.jump(1);
    expect(outcome(await login())).toEqual([400, 'invalid role or secret ID']);
    await finishDuties(node, place.clock);
    expect((await keysOf(place.storage, 'mount/')).filter((key) => /secret-id|accessor/.test(key))).toEqual(
      [],
    );
  });

  it('is made while the role is written by others, without a conflict being told', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i % 2 === 0 ? set('app', { token_ttl: i + 1 }) : set('app/secret-id'),
      ),
    );
    expect(answers.filter(({ status }) => status >= 400)).toEqual([]);
    expect((await ask(node, 'list', at('app/secret-id/'))).data['keys']).toHaveLength(10);
  });
});

describe('threat 13: another role’s ids', () => {
  it('are not found, and nothing happens to them', async () => {
    await set('mine', { role_id: 'my-role' });
    await set('theirs', { role_id: 'their-role' });
    const { secret_id, secret_id_accessor } = await secretIdOf('theirs');
    for (const verb of ['lookup', 'destroy']) {
      expect((await set(`mine/secret-id-accessor/${verb}`, { secret_id_accessor })).status).toBe(404);
      expect((await set(`mine/secret-id/${verb}`, { secret_id })).status).toBe(204);
    }
    await ask(node, 'delete', at('mine/secret-id-accessor/destroy'), { secret_id_accessor });
    await ask(node, 'delete', at('mine/secret-id/destroy'), { secret_id });
    expect(
      (await ask(node, 'update', 'auth/approle/login', { role_id: 'my-role', secret_id }, null)).status,
    ).toBe(400);
    expect((await set('theirs/secret-id/lookup', { secret_id })).status).toBe(200);
    const login = await ask(node, 'update', 'auth/approle/login', { role_id: 'their-role', secret_id }, null);
    expect(login.status).toBe(200);
  });

  it('of another mount of the same method are not found either', async () => {
    await ask(node, 'update', 'sys/auth/other', { type: 'approle' });
    await set('app', { role_id: 'same-id' });
    await ask(node, 'update', 'auth/other/role/app', { role_id: 'same-id' });
    const { secret_id, secret_id_accessor } = await secretIdOf('app');
    const other = 'auth/other/role/app/secret-id-accessor';
    expect((await ask(node, 'update', `${other}/destroy`, { secret_id_accessor })).status).toBe(404);
    const login = await ask(node, 'update', 'auth/other/login', { role_id: 'same-id', secret_id }, null);
    expect(login.status).toBe(400);
  });
});
