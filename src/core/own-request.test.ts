/** The server asks itself as somebody: with what that somebody may by now, and audited. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Asked, ask, makePlace, type Place, tokenOf, writePolicy } from '../../test/fakes/client.ts';
import { errands } from '../../test/fakes/errand-engine.ts';
import type { CofferNode } from '../main/node.ts';

let place: Place;
let node: CofferNode;
let token: string;
let entity: string;

beforeEach(async () => {
  place = await makePlace({ engines: [errands] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/errands', { type: 'errands' });
  await ask(node, 'update', 'sys/mounts/kv', { type: 'kv', options: { version: '1' } });
  await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
  await writePolicy(node, 'errands', 'path "errands/*" { capabilities = ["read", "update"] }');
  await writePolicy(
    node,
    'writes',
    'path "kv/team/*" { capabilities = ["create", "read", "update", "delete"] }',
  );
  await ask(node, 'update', 'auth/userpass/users/ann', {
    password: 'long enough',
    token_policies: ['errands'],
  });
  const login = await ask(node, 'update', 'auth/userpass/login/ann', { password: 'long enough' }, null);
  token = tokenOf(login);
  entity = login.auth?.entityId ?? '';
});
afterEach(() => place.remove());

const errand = (data: Record<string, unknown>): Promise<Asked> =>
  ask(node, 'update', 'errands/do', JSON.parse(JSON.stringify(data)), token);
const write = () => errand({ operation: 'update', path: 'kv/team/x', data: { a: 'b' } });
const read = () => errand({ path: 'kv/team/x' });

it('may what the entity and its groups may at that moment, and nothing that a login was granted', async () => {
  expect((await write()).status).toBe(403);
  await ask(node, 'update', 'identity/group', {
    name: 'payments',
    policies: ['writes'],
    member_entity_ids: [entity],
  });
  expect((await ask(node, 'read', 'errands/groups', {}, token)).data).toEqual({ names: ['payments'] });
  expect((await write()).status).toBe(200);
  expect((await read()).data).toEqual({ answer: { a: 'b' } });
  // What the login's own policies allow counts for the login alone.
  expect((await errand({ path: 'errands/groups' })).status).toBe(403);
  await ask(node, 'update', 'identity/group/name/payments', { member_entity_ids: [] });
  expect((await read()).status).toBe(403);
});

it('threat 11: is refused for an entity that is disabled, gone, or none', async () => {
  await ask(node, 'update', `identity/entity/id/${entity}`, { policies: ['writes'] });
  expect((await write()).status).toBe(200);
  for (const other of ['', 'nobody', '00000000-0000-4000-8000-000000000000']) {
    expect((await errand({ entity: other, path: 'kv/team/x' })).status).toBe(403);
  }
  const second = await ask(node, 'update', 'identity/entity', { name: 'bob', policies: ['writes'] });
  const bob = String(second.data['id']);
  expect((await errand({ entity: bob, path: 'kv/team/x' })).status).toBe(200);
  await ask(node, 'update', `identity/entity/id/${bob}`, { disabled: true });
  expect((await errand({ entity: bob, path: 'kv/team/x' })).status).toBe(403);
});

it('answers nothing for what is not there, and leaves lines of its own in the audit log', async () => {
  await ask(node, 'update', `identity/entity/id/${entity}`, { policies: ['writes'] });
  expect((await errand({ path: 'kv/team/none' })).data).toEqual({ answer: null });
  const lines = place.auditLines().map((line) => JSON.stringify(line));
  expect(lines.filter((line) => line.includes('kv/team/none')).length).toBeGreaterThanOrEqual(2);
  expect(lines.some((line) => line.includes('kv/team/none') && line.includes(entity))).toBe(true);
});
