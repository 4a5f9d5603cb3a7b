import { afterEach, beforeEach, expect, it } from 'vitest';
import { aliasedType } from '../../../test/fakes/aliased-method.ts';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let nodes: readonly CofferNode[];
beforeEach(async () => {
  place = await makePlace({ silent: true, authMethods: [aliasedType] });
  nodes = [await place.node(), await place.node()];
  await ask(on(0), 'update', 'sys/auth/who', { type: 'aliased' });
});
afterEach(() => place.remove());

function on(index: number): CofferNode {
  const node = nodes[index % nodes.length];
  if (node === undefined) throw new Error('no node');
  return node;
}

it('of changes of a large group at once the last one counts for all of its members', async () => {
  const logins = await Promise.all(
    Array.from({ length: 48 }, (_, index) =>
      ask(on(index), 'update', 'auth/who/login', { alias: `p${index}` }, null),
    ),
  );
  const ids = logins.map(({ auth }) => auth?.entityId ?? '');
  const made = await ask(on(0), 'update', 'identity/group', { policies: ['p'] });
  const path = `identity/group/id/${String(made.data['id'])}`;
  const sets = [ids, [], ids.slice(0, 24), ids.slice(24), ids.slice(10, 40), [ids[0] ?? '']];
  for (let round = 0; round < 4; round++) {
    const answers = await Promise.all(
      sets.map((members, index) => ask(on(index + round), 'update', path, { member_entity_ids: members })),
    );
    expect(answers.map(({ status }) => status)).toEqual(sets.map(() => 204));
    const members = (await ask(on(round), 'read', path)).data['member_entity_ids'] as readonly string[];
    const granted = await Promise.all(
      logins.map(({ auth }, index) =>
        ask(on(index), 'read', 'auth/token/lookup-self', {}, auth?.clientToken),
      ),
    );
    const holders = ids.filter((_, index) => granted[index]?.data['identity_policies'] !== undefined);
    expect(holders.toSorted()).toEqual(members);
  }
});

it('of groups put into each other at once none comes to be below itself', async () => {
  const groups = await Promise.all(
    Array.from({ length: 4 }, (_, index) =>
      ask(on(index), 'update', 'identity/group', { policies: [`g${index}`] }),
    ),
  );
  const ids = groups.map(({ data }) => String(data['id']));
  const put = (outer: number, inner: number) =>
    ask(on(outer), 'update', `identity/group/id/${ids[outer]}`, { member_group_ids: [ids[inner] ?? ''] });
  const answers = await Promise.all([put(0, 1), put(1, 2), put(2, 3), put(3, 0)]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 204, 204, 400]);
});

it('of names and aliases taken at once one is', async () => {
  const auth = (await ask(on(0), 'read', 'sys/auth')).data['who/'] as { accessor: string };
  for (const [path, fields] of [
    ['identity/group', { name: 'same' }],
    ['identity/entity-alias', { name: 'same', mount_accessor: auth.accessor }],
    ['identity/group-alias', { name: 'same', mount_accessor: auth.accessor }],
  ] as const) {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => ask(on(index), 'update', path, fields)),
    );
    const made = new Set(answers.flatMap(({ data }) => (data['id'] === undefined ? [] : [data['id']])));
    expect(made.size, path).toBe(1);
  }
});
