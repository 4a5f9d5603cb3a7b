import { afterAll, beforeAll, expect, it } from 'vitest';
import { countedUserpass } from '../../../test/fakes/cheap-userpass.ts';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
const names = Array.from({ length: 7 }, (_, at) => `name-${at}`);
const mounts = ['people', 'staff'];
const accessors: string[] = [];
let all: string[];

beforeAll(async () => {
  place = await makePlace({ silent: true, authMethods: [countedUserpass().type] });
  node = await place.node();
  for (const mount of mounts) {
    await ask(node, 'update', `sys/auth/${mount}`, {
      type: 'userpass',
      config: { user_lockout_config: { lockout_threshold: 1 } },
    });
    accessors.push(String((await ask(node, 'read', `sys/auth/${mount}`)).data['accessor']));
    for (const name of [...names, 'innocent']) {
      await ask(node, 'update', `auth/${mount}/users/${name}`, { password: 'a long enough password' });
      if (name === 'innocent') continue;
      await ask(node, 'update', `auth/${mount}/login/${name}`, { password: 'wrong' }, null);
    }
  }
  all = accessors.flatMap((accessor) => names.map((name) => `${accessor}/${name}`)).toSorted();
});
afterAll(() => place.remove());

const list = (fields: JsonObject = {}) => ask(node, 'list', 'sys/locked-users', fields);

it('is sorted where it is whole', async () => {
  expect((await list()).data['keys']).toEqual(all);
  expect((await list({ mount_accessor: accessors[0] ?? '' })).data['keys']).toEqual(
    all.filter((key) => key.startsWith(`${accessors[0]}/`)),
  );
});

it.each([1, 3, 5, 14, 100])('comes in pieces of %i, each name in one of them', async (limit) => {
  const seen: string[] = [];
  for (let after = ''; ; after = seen.at(-1) ?? '') {
    const { status, data } = await list({ limit, after });
    if (status === 404) break;
    const piece = data['keys'] as string[];
    expect(piece.length).toBeLessThanOrEqual(limit);
    seen.push(...piece);
  }
  expect(seen.toSorted()).toEqual(all);
});

it('counts by auth method what it shows', async () => {
  const { data } = await ask(node, 'read', 'sys/locked-users');
  expect(data).toMatchObject({ total: 14, by_namespace: [{ counts: 14 }] });
  const piece = await ask(node, 'read', 'sys/locked-users', { limit: 3 });
  expect(piece.data).toMatchObject({ total: 3 });
});

it.each(['no/such', 'x', `${'a'.repeat(900)}/b`])(
  'goes on behind %s, which is nobody’s name',
  async (after) => {
    expect([200, 404]).toContain((await list({ after })).status);
  },
);

it('refuses what no name can be', async () => {
  expect((await list({ after: `${'a'.repeat(2_000)}` })).status).toBe(400);
});
