import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, tokenOf, writePolicy } from '../../../test/fakes/client.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeAll(async () => {
  place = await makePlace({ silent: true });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
});
afterAll(() => place.remove());
beforeEach(async () => {
  await ask(node, 'delete', 'auth/approle/role/app');
  await ask(node, 'update', 'auth/approle/role/app', { secret_id_bound_cidrs: '10.0.0.0/8' });
});

const at = (field: string, role = 'app') => `auth/approle/role/${role}/${field}`;

/** Path, what is sent, what is shown of it, what is shown once it is deleted. */
const fields: readonly (readonly [string, JsonObject, JsonObject, JsonObject])[] = [
  [
    'policies',
    { token_policies: 'b,A' },
    { token_policies: ['a', 'b'], policies: ['a', 'b'] },
    { token_policies: [], policies: [] },
  ],
  [
    'policies',
    { policies: ['c'] },
    { token_policies: ['c'], policies: ['c'] },
    { token_policies: [], policies: [] },
  ],
  ['bind-secret-id', { bind_secret_id: 'false' }, { bind_secret_id: false }, { bind_secret_id: true }],
  ['secret-id-num-uses', { secret_id_num_uses: '7' }, { secret_id_num_uses: 7 }, { secret_id_num_uses: 0 }],
  ['secret-id-ttl', { secret_id_ttl: '10m' }, { secret_id_ttl: 600 }, { secret_id_ttl: 0 }],
  [
    'secret-id-bound-cidrs',
    { secret_id_bound_cidrs: ['192.0.2.0/24'] },
    { secret_id_bound_cidrs: ['192.0.2.0/24'] },
    { secret_id_bound_cidrs: null },
  ],
  [
    'bound-cidr-list',
    { bound_cidr_list: '192.0.2.0/24' },
    { bound_cidr_list: ['192.0.2.0/24'] },
    { bound_cidr_list: null },
  ],
  [
    'token-bound-cidrs',
    { token_bound_cidrs: '192.0.2.0/24' },
    { token_bound_cidrs: ['192.0.2.0/24'] },
    { token_bound_cidrs: [] },
  ],
  ['token-ttl', { token_ttl: '20m' }, { token_ttl: 1_200 }, { token_ttl: 0 }],
  ['token-max-ttl', { token_max_ttl: 7_200 }, { token_max_ttl: 7_200 }, { token_max_ttl: 0 }],
  ['token-num-uses', { token_num_uses: 3 }, { token_num_uses: 3 }, { token_num_uses: 0 }],
  ['period', { period: '1h' }, { token_period: 3_600, period: 3_600 }, { token_period: 0, period: 0 }],
  ['period', { token_period: 60 }, { token_period: 60, period: 60 }, { token_period: 0, period: 0 }],
  ['local-secret-ids', { local_secret_ids: false }, { local_secret_ids: false }, { local_secret_ids: false }],
];

describe.each(fields)('%s', (field, sent, shown, fallback) => {
  it(`takes ${JSON.stringify(sent)}, shows it, and goes back to its default`, async () => {
    expect((await ask(node, 'update', at(field), sent)).status).toBe(204);
    expect((await ask(node, 'read', at(field))).data).toEqual(shown);
    expect((await ask(node, 'delete', at(field))).status).toBe(204);
    expect((await ask(node, 'read', at(field))).data).toEqual(fallback);
  });

  it('changes nothing else of the role', async () => {
    const others = async () => {
      const { data } = await ask(node, 'read', 'auth/approle/role/app');
      return Object.fromEntries(
        Object.entries(data).filter(([name]) => !(name in shown) && !(name in sent) && !/cidr/.test(name)),
      );
    };
    const before = await others();
    await ask(node, 'update', at(field), sent);
    expect(await others()).toEqual(before);
  });

  it('of no role is not found, not made, and nothing to delete', async () => {
    expect((await ask(node, 'read', at(field, 'none'))).status).toBe(404);
    const { status, errors } = await ask(node, 'update', at(field, 'none'), sent);
    expect([status, ...errors]).toEqual([400, 'role "none" does not exist']);
    expect((await ask(node, 'delete', at(field, 'none'))).status).toBe(204);
    expect((await ask(node, 'read', 'auth/approle/role/none')).status).toBe(404);
  });

  it('is refused where nothing is sent', async () => {
    expect((await ask(node, 'update', at(field))).status).toBe(400);
  });
});

const refusals: readonly (readonly [string, string, JsonValue])[] = [
  ['policies', 'token_policies', 'root'],
  ['token-ttl', 'token_ttl', '-1'],
  ['token-num-uses', 'token_num_uses', -1],
  ['secret-id-num-uses', 'secret_id_num_uses', -1],
  ['token-bound-cidrs', 'token_bound_cidrs', 'home'],
  ['local-secret-ids', 'local_secret_ids', true],
];
it.each(refusals)('%s refuses %s %j', async (field, name, value) => {
  const before = (await ask(node, 'read', 'auth/approle/role/app')).data;
  expect((await ask(node, 'update', at(field), { [name]: value })).status).toBe(400);
  expect((await ask(node, 'read', 'auth/approle/role/app')).data).toEqual(before);
});

it('a role’s last constraint cannot be taken away', async () => {
  await ask(node, 'update', at('bind-secret-id'), { bind_secret_id: false });
  for (const field of ['secret-id-bound-cidrs', 'bound-cidr-list']) {
    expect((await ask(node, 'delete', at(field))).status).toBe(400);
  }
});

it('local_secret_ids is said at creation and kept', async () => {
  await ask(node, 'update', 'auth/approle/role/near', { local_secret_ids: true });
  expect((await ask(node, 'read', at('local-secret-ids', 'near'))).data).toEqual({ local_secret_ids: true });
  expect((await ask(node, 'update', 'auth/approle/role/near', { local_secret_ids: false })).status).toBe(400);
  expect((await ask(node, 'update', 'auth/approle/role/near', { local_secret_ids: true })).status).toBe(204);
});

it('threat 12: a rule against one field holds for every spelling of the role’s name', async () => {
  await writePolicy(
    node,
    'barred',
    'path "auth/approle/*" { capabilities = ["create", "read", "update", "delete"] }\n' +
      'path "auth/approle/role/app/policies" { capabilities = ["deny"] }',
  );
  const token = await makeToken(node, { policies: ['barred'] });
  expect((await ask(node, 'update', at('policies', 'APP'), { policies: 'a' }, token)).status).toBe(403);
  expect((await ask(node, 'update', at('token-ttl', 'APP'), { token_ttl: 60 }, token)).status).toBe(204);
});

it('what is set by itself is what the next login gets', async () => {
  await ask(node, 'delete', at('secret-id-bound-cidrs'));
  await ask(node, 'update', at('policies'), { policies: 'a' });
  await ask(node, 'update', at('token-ttl'), { token_ttl: 90 });
  const role_id = (await ask(node, 'read', at('role-id'))).data['role_id'] ?? '';
  const secret_id = (await ask(node, 'update', at('secret-id'))).data['secret_id'] ?? '';
  const answer = await ask(node, 'update', 'auth/approle/login', { role_id, secret_id }, null);
  expect(tokenOf(answer)).not.toBe('');
  expect(answer.auth).toMatchObject({ policies: ['a', 'default'], leaseDuration: 90 });
});
