import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ask,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  tokenOf,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import { CofferError } from '../../errors.ts';
import type { CofferNode } from '../../main/node.ts';
import { parseStorageKey } from '../../storage/storage.ts';
import { dueWrite } from '../due.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

beforeEach(async () => {
  outside = new Outside();
  place = await makePlace({ engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
});
afterEach(() => place.remove());

const status = async (token: string, at: CofferNode = node) =>
  (await ask(at, 'read', 'auth/token/lookup-self', {}, token)).status;
const revoke = (token: string, at: CofferNode = node) => ask(at, 'update', 'auth/token/revoke', { token });

/** A token with `width` children, each with `width` children of their own, and a lease each. */
async function grow(width: number): Promise<{ top: string; all: string[] }> {
  const top = await makeToken(node, { policies: ['root'], ttl: '1h' });
  const all = [top];
  for (let child = 0; child < width; child++) {
    const middle = await makeToken(node, { ttl: '1h' }, top);
    all.push(middle);
    for (let grandchild = 0; grandchild < width; grandchild++) {
      all.push(await makeToken(node, { ttl: '1h' }, middle));
    }
  }
  for (const token of all) await ask(node, 'read', 'leased/creds/app', {}, token);
  return { top, all };
}

describe('revoking a tree', () => {
  it('refuses every descendant from the answer on, before any clean-up, on every node', async () => {
    const second = await place.node();
    const { top, all } = await grow(3);
    for (const token of all) expect(await status(token, second)).toBe(200);
    expect((await revoke(top)).status).toBe(204);
    for (const token of all) {
      expect(await status(token)).toBe(403);
      expect(await status(token, second)).toBe(403);
    }
    expect(outside.working).toHaveLength(all.length);
  });

  it('refuses a descendant that a node has never seen before', async () => {
    const { top, all } = await grow(2);
    await revoke(top);
    const fresh = await place.node();
    for (const token of all) expect(await status(token, fresh)).toBe(403);
  });

  it('threat 18: ends no token that an entry made up calls a child', async () => {
    const top = await makeToken(node, { policies: ['root'], ttl: '1h' });
    const other = await makeToken(node, { policies: ['default'], ttl: '1h' });
    const [parent, victim] = [top, other].map((token) => node.state.core?.tokens.idOf(token) ?? '');
    const forged = parseStorageKey(`core/token/child/${parent}/0.${victim}`);
    await place.storage.commit([{ key: forged, value: Buffer.of(0) }]);
    await revoke(top);
    await finishDuties(node, place.clock);
    expect(await status(other)).toBe(200);
    expect(await place.storage.read(forged)).toBeUndefined();
  });

  it.each([
    ['of a living token', (id: string) => id],
    ['of a place below it', (id: string) => `${id}/leased/creds`],
    ['of no token at all', () => 'nobody'],
  ])('threat 18: ends nothing by an entry that was made up, %s', async (_, forge) => {
    const top = await makeToken(node, { policies: ['root'], ttl: '1h' });
    const child = await makeToken(node, { ttl: '1h' }, top);
    const { lease } = await ask(node, 'read', 'leased/creds/app', {}, top);
    for (const path of ['kept', 'leased/creds/kept'])
      await ask(node, 'update', `cubbyhole/${path}`, { a: 'b' }, top);
    const id = forge(node.state.core?.tokens.idOf(top) ?? '');
    const forged = dueWrite(place.clock.now(), 'token-tree', id).key;
    await place.storage.commit([{ key: forged, value: Buffer.of(0) }]);
    await finishDuties(node, place.clock);
    expect(await Promise.all([top, child].map((token) => status(token)))).toEqual([200, 200]);
    expect((await ask(node, 'read', 'cubbyhole/kept', {}, top)).data).toEqual({ a: 'b' });
    expect((await ask(node, 'read', 'cubbyhole/leased/creds/kept', {}, top)).status).toBe(200);
    expect((await ask(node, 'update', 'sys/leases/lookup', { lease_id: lease?.id ?? '' })).status).toBe(200);
    expect(outside.working).toHaveLength(1);
    expect(await place.storage.read(forged)).toBeUndefined();
  });

  it('leaves nothing behind once the duty has passed', async () => {
    const before = await keysOf(place.storage, 'core/');
    const { top, all } = await grow(4);
    const ids = all.map((token) => node.state.core?.tokens.idOf(token) ?? '');
    await revoke(top);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    const keys = await keysOf(place.storage);
    expect(keys.filter((key) => ids.some((id) => key.includes(id)) && !key.startsWith('due/'))).toEqual([]);
    expect(keys.filter((key) => key.startsWith('core/token/child/'))).toEqual([]);
    expect(keys.filter((key) => key.startsWith('core/lease/'))).toEqual([]);
    expect(keys.filter((key) => key.startsWith('core/') && !key.startsWith('core/duty'))).toEqual(
      before.filter((key) => !key.startsWith('core/duty')),
    );
  });

  it('leaves nothing in the index either once the ends of all those tokens have come', async () => {
    const { top } = await grow(2);
    await revoke(top);
    await finishDuties(node, place.clock);
    place.clock.jump(2_764_800);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'due/')).toEqual([]);
  });

  it('copes with more children and leases than fit one commit', async () => {
    const top = await makeToken(node, { policies: ['root'] });
    const children = await Promise.all(Array.from({ length: 45 }, () => makeToken(node, {}, top)));
    for (let lease = 0; lease < 33; lease++) await ask(node, 'read', 'leased/creds/app', {}, top);
    await revoke(top);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/token/child/')).toEqual([]);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
    for (const child of children.slice(0, 3)) expect(await status(child)).toBe(403);
  });

  it('in the middle leaves what is above and beside', async () => {
    const { top, all } = await grow(2);
    const middle = all[1] ?? '';
    await revoke(middle);
    expect(await Promise.all(all.map((token) => status(token)))).toEqual([200, 403, 403, 403, 200, 200, 200]);
    await finishDuties(node, place.clock);
    expect(await Promise.all(all.map((token) => status(token)))).toEqual([200, 403, 403, 403, 200, 200, 200]);
    expect(outside.working).toHaveLength(4);
    expect(await status(top)).toBe(200);
  });

  it('leaves orphans alone', async () => {
    const parent = await makeToken(node, { policies: ['root'] });
    const orphan = await makeToken(node, { no_parent: true, policies: ['a'] }, parent);
    await revoke(parent);
    await finishDuties(node, place.clock);
    expect(await status(orphan)).toBe(200);
  });

  it('goes on after a death at any of its commits, and leaves nothing', async () => {
    for (let death = 0; ; death++) {
      const { top } = await grow(2);
      const made = await ask(node, 'update', 'cubbyhole/own', { a: 'b' }, top);
      expect(made.status).toBe(204);
      await revoke(top);
      const { core } = node.state;
      if (core === undefined) throw new Error('sealed');
      const commit = core.store.commit.bind(core.store);
      let left = death;
      core.store.commit = (writes, expectations) =>
        left-- > 0 ? commit(writes, expectations) : Promise.reject(new CofferError('unavailable', 'it died'));
      await finishDuties(node, place.clock).catch(() => undefined);
      const survived = left >= 0;
      core.store.commit = commit;
      await node.state.drop();
      node = await place.node();
      // A lock that its holder could not give back is waited out.
      await finishDuties(node, place.clock);
      place.clock.advance(60);
      await finishDuties(node, place.clock);
      expect(outside.working).toEqual([]);
      expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
      expect(await keysOf(place.storage, 'core/token/child/')).toEqual([]);
      if (survived) return;
    }
  });

  it('goes on where a node left off, on another', async () => {
    const { top, all } = await grow(3);
    await revoke(top);
    await node.state.drop();
    const successor = await place.node();
    await finishDuties(successor, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
    expect(await status(all[5] ?? '', successor)).toBe(403);
  });
});

describe('a parent that ends by itself', () => {
  it('takes its children with it at that moment', async () => {
    const parent = await makeToken(node, { policies: ['root'], ttl: 60 });
    const child = await makeToken(node, { ttl: '5h' }, parent);
    const grandchild = await makeToken(node, { ttl: '5h' }, child);
    place.clock.jump(59);
    expect(await status(grandchild)).toBe(200);
    place.clock.jump(1);
    expect(await status(grandchild)).toBe(403);
    expect((await ask(node, 'update', 'auth/token/lookup', { token: grandchild })).status).toBe(403);
    expect((await ask(node, 'update', 'auth/token/renew', { token: grandchild })).status).toBe(403);
    await finishDuties(node, place.clock);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
  });
});

describe('an auth method that is disabled', () => {
  async function logIn(): Promise<string> {
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'sys/policies/acl/maker', {
      policy: 'path "*" { capabilities = ["create", "read", "update", "list", "delete", "sudo"] }',
    });
    await ask(node, 'update', 'auth/approle/role/app', { token_policies: ['maker'] });
    const roleId = (await ask(node, 'read', 'auth/approle/role/app/role-id')).data['role_id'] ?? '';
    const made = await ask(node, 'update', 'auth/approle/role/app/secret-id');
    const secretId = made.data['secret_id'] ?? '';
    const login = await ask(
      node,
      'update',
      'auth/approle/login',
      { role_id: roleId, secret_id: secretId },
      null,
    );
    return tokenOf(login);
  }

  it('takes its tokens and theirs with it at once, on every node', async () => {
    const second = await place.node();
    const token = await logIn();
    const child = await makeToken(node, {}, token);
    const grandchild = await makeToken(node, {}, child);
    for (const each of [token, child, grandchild]) expect(await status(each, second)).toBe(200);
    expect((await ask(node, 'delete', 'sys/auth/approle')).status).toBe(204);
    for (const each of [token, child, grandchild]) {
      expect(await status(each)).toBe(403);
      expect(await status(each, second)).toBe(403);
      expect((await ask(node, 'update', 'auth/token/lookup', { token: each })).status).toBe(403);
    }
  });

  it('leaves no token and no lease of theirs once the duty has passed', async () => {
    const token = await logIn();
    const child = await makeToken(node, {}, token);
    for (const each of [token, child]) await ask(node, 'read', 'leased/creds/app', {}, each);
    await ask(node, 'delete', 'sys/auth/approle');
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
    expect(await status(rootToken)).toBe(200);
  });
});

describe('what a token leaves', () => {
  it.each([4, 5, 6])(
    'goes in commits that the store takes, however much there is: %i children',
    async (children) => {
      await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
      await ask(node, 'update', 'auth/approle/role/app', { token_policies: 'app' });
      const text = 'path "*" { capabilities = ["create", "read", "update", "sudo"] }';
      await ask(node, 'update', 'sys/policies/acl/app', { policy: text });
      const { role_id } = (await ask(node, 'read', 'auth/approle/role/app/role-id')).data;
      const { secret_id } = (await ask(node, 'update', 'auth/approle/role/app/secret-id')).data;
      const login = { role_id: String(role_id), secret_id: String(secret_id) };
      const top = tokenOf(await ask(node, 'update', 'auth/approle/login', login, null));
      for (let n = 0; n < children; n++) {
        await makeToken(node, { id: `given-by-its-maker-${n}`, ttl: '1h' }, top);
      }
      for (let n = 0; n < 6; n++) await ask(node, 'read', 'leased/creds/app', {}, top);
      for (let n = 0; n < 8; n++) await ask(node, 'update', `cubbyhole/${n}`, { n }, top);
      expect(outside.working).toHaveLength(6);
      expect((await revoke(top)).status).toBe(204);
      await finishDuties(node, place.clock);
      expect(outside.working).toEqual([]);
      expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
      expect(await keysOf(place.storage, 'core/token/of/')).toEqual([]);
      expect(await keysOf(place.storage, 'core/token/ending/')).toEqual([]);
    },
  );

  it('brings no lease back that was ended meanwhile', async () => {
    const { core } = node.state;
    if (core === undefined) throw new Error('sealed');
    const token = await makeToken(node, { ttl: '1h', policies: ['root'] });
    const { lease } = await ask(node, 'read', 'leased/creds/app', {}, token);
    await revoke(token);
    const commit = core.store.commit.bind(core.store);
    let raced = false;
    core.store.commit = async (writes, expectations) => {
      const ends = writes.some(({ key, value }) => key.startsWith('core/lease/id/') && value !== null);
      if (ends && !raced) {
        raced = true;
        await ask(node, 'update', 'sys/leases/revoke', { lease_id: lease?.id ?? '' });
      }
      return commit(writes, expectations);
    };
    await finishDuties(node, place.clock);
    expect(raced).toBe(true);
    expect([...outside.revocations.values()]).toEqual([1]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });
});
