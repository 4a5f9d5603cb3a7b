import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  makePlace,
  makeToken,
  type Place,
  writePolicy,
} from '../../../test/fakes/client.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  const all = '{ capabilities = ["create", "read", "update", "delete", "list", "sudo"] }';
  await writePolicy(node, 'maker', `path "auth/token/*" ${all}`);
});
afterEach(() => place.remove());

const id = 'text-of-the-token-that-is-made-twice';
const lookup = (token: string) => ask(node, 'read', 'auth/token/lookup-self', {}, token);

describe('threat 28: a token made anew under a text that another maker’s token had', () => {
  it('never lends its maker the rights of the first one', async () => {
    const maker = await makeToken(node, { policies: ['maker'], no_parent: true });
    await makeToken(node, { id, policies: ['default'] });
    // The node knows the first token, and that root made it.
    expect((await lookup(id)).status).toBe(200);
    expect((await ask(node, 'update', 'auth/token/revoke', { token: id }, maker)).status).toBe(204);
    await finishDuties(node, place.clock);
    await makeToken(node, { id, policies: ['default'] }, maker);
    expect((await lookup(id)).status).toBe(200);
    expect((await lookup(maker)).data['policies']).toEqual(['default', 'maker']);
    expect((await ask(node, 'read', 'sys/mounts', {}, maker)).status).toBe(403);
  });

  it('lives and ends with the maker it has now', async () => {
    const first = await makeToken(node, { policies: ['root'], ttl: '1h' });
    const second = await makeToken(node, { policies: ['root'], ttl: '1h' });
    const other = await place.node();
    await makeToken(node, { id, ttl: '1h' }, first);
    expect((await ask(other, 'read', 'auth/token/lookup-self', {}, id)).status).toBe(200);
    await ask(node, 'update', 'auth/token/revoke', { token: id });
    await finishDuties(node, place.clock);
    await makeToken(node, { id, ttl: '1h' }, second);
    await ask(node, 'update', 'auth/token/revoke', { token: first });
    expect((await ask(other, 'read', 'auth/token/lookup-self', {}, id)).status).toBe(200);
    await ask(node, 'update', 'auth/token/revoke', { token: second });
    expect((await ask(other, 'read', 'auth/token/lookup-self', {}, id)).status).toBe(403);
  });
});

describe('threat 18: what a token with a given text leaves', () => {
  it('is gone before another one can be made under that text', async () => {
    await makeToken(node, { id });
    await ask(node, 'update', 'cubbyhole/x', { a: 'of the first one' }, id);
    await ask(node, 'update', 'auth/token/revoke', { token: id });
    const early = await ask(node, 'update', 'auth/token/create', { id });
    expect([early.status, ...early.errors]).toEqual([400, 'cannot create a token with a duplicate ID']);
    await finishDuties(node, place.clock);
    await makeToken(node, { id });
    expect((await ask(node, 'read', 'cubbyhole/x', {}, id)).status).toBe(404);
  });

  it('takes nothing of the second one with it', async () => {
    await makeToken(node, { id, num_uses: 1 });
    expect((await lookup(id)).status).toBe(200);
    await finishDuties(node, place.clock);
    await makeToken(node, { id });
    const child = await makeToken(node, { policies: ['default'] }, id);
    await ask(node, 'update', 'cubbyhole/x', { a: 'of the second one' }, id);
    await finishDuties(node, place.clock);
    expect((await lookup(child)).status).toBe(200);
    expect((await ask(node, 'read', 'cubbyhole/x', {}, id)).data).toEqual({ a: 'of the second one' });
  });
});

describe('threat 18: a token bound to networks', () => {
  it('makes only tokens that are bound to them too', async () => {
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'auth/approle/role/app', {
      policies: 'maker',
      token_bound_cidrs: '10.0.0.0/8',
    });
    const { data: role } = await ask(node, 'read', 'auth/approle/role/app/role-id');
    const { data: made } = await ask(node, 'update', 'auth/approle/role/app/secret-id');
    const fields = { role_id: role['role_id'] ?? '', secret_id: made['secret_id'] ?? '' };
    const login = await ask(node, 'update', 'auth/approle/login', fields, null);
    const bound = login.auth?.clientToken ?? '';
    const inside = { from: '10.1.2.3' };
    for (const path of ['auth/token/create', 'auth/token/create-orphan']) {
      const child = await ask(node, 'update', path, {}, bound, inside);
      const token = child.auth?.clientToken ?? '';
      expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token, inside)).status).toBe(200);
      expect((await lookup(token)).status).toBe(403);
    }
  });
});
