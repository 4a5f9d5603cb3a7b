import { afterEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  finishDuties,
  keysOf,
  makePlace,
  makeToken,
  type Place,
  rootToken,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { leasedType, Outside } from '../../../test/fakes/leased-engine.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let outside: Outside;

async function open(lmdb: boolean): Promise<void> {
  outside = new Outside();
  place = await makePlace({ lmdb, engines: [leasedType(outside)] });
  node = await place.node();
  await ask(node, 'update', 'sys/mounts/leased', { type: 'leased' });
  await ask(node, 'update', 'secret/data/there', { data: { a: 1 } });
  await writePolicy(
    node,
    'user',
    'path "secret/*" { capabilities = ["create", "read", "update", "delete", "list", "patch"] }\n' +
      'path "leased/*" { capabilities = ["read"] }\n' +
      'path "auth/token/create" { capabilities = ["update"] }',
  );
}
afterEach(() => place.remove());

const limited = (uses: number) => makeToken(node, { policies: ['user'], num_uses: uses });

async function usesLeft(token: string): Promise<unknown> {
  const found = await ask(node, 'update', 'auth/token/lookup', { token });
  return found.status === 200 ? found.data['num_uses'] : found.status;
}

const kinds: readonly [string, number, (token: string, index: number) => Promise<Asked>][] = [
  ['reads', 200, (token) => ask(node, 'read', 'secret/data/there', {}, token)],
  ['reads of nothing', 404, (token) => ask(node, 'read', 'secret/data/missing', {}, token)],
  ['writes', 200, (token, i) => ask(node, 'update', `secret/data/w${i}`, { data: { i } }, token)],
  ['writes of one secret', 200, (token, i) => ask(node, 'update', 'secret/data/w', { data: { i } }, token)],
  ['lists', 200, (token) => ask(node, 'list', 'secret/metadata/', {}, token)],
  ['deletions of nothing', 204, (token) => ask(node, 'delete', 'secret/data/missing', {}, token)],
  ['bad input', 400, (token) => ask(node, 'update', 'secret/data/x', { data: 'not an object' }, token)],
  [
    'conflicts',
    400,
    (token) => ask(node, 'update', 'secret/data/there', { data: {}, options: { cas: 7 } }, token),
  ],
  ['unsupported operations', 405, (token) => ask(node, 'patch', 'secret/delete/there', {}, token)],
  ['a write without a name', 400, (token) => ask(node, 'update', 'secret/data', { data: {} }, token)],
];

describe.each([false, true])('of 50 calls at once with a token for four (LMDB: %s)', (lmdb) => {
  it.each(kinds)('exactly four are answered: %s', async (_kind, wanted, call) => {
    await open(lmdb);
    const token = await limited(4);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => call(token, index)));
    expect(answers.filter(({ status }) => status === wanted)).toHaveLength(4);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(46);
    expect((await ask(node, 'read', 'auth/token/lookup-self', {}, token)).status).toBe(403);
  });

  it('exactly four take effect: each write that is answered is there, and no other', async () => {
    await open(lmdb);
    const token = await limited(4);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask(node, 'update', `secret/data/w/${i}`, { data: { i } }, token)),
    );
    const written = answers.flatMap(({ status }, index) => (status === 200 ? [`${index}`] : []));
    expect(written).toHaveLength(4);
    const { data } = await ask(node, 'list', 'secret/metadata/w/');
    expect(data['keys']).toEqual(written.toSorted());
  });

  it('exactly four are spent over two nodes', async () => {
    await open(lmdb);
    const second = await place.node();
    const token = await limited(4);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        ask(i % 2 === 0 ? node : second, 'read', 'secret/data/there', {}, token),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
  });
});

describe('a use', () => {
  it.each([
    ['a denied request', 'read', 'sys/mounts', {}, 403],
    ['a request to no mount', 'read', 'nowhere/x', {}, 403],
    ['bad input', 'update', 'secret/data/x', { data: 3 }, 400],
    ['a name that cannot be', 'update', 'secret/data/', { data: {} }, 400],
    ['an unsupported operation', 'patch', 'secret/delete/x', {}, 405],
    ['a deletion', 'delete', 'secret/data/there', {}, 204],
    ['looking itself up', 'read', 'auth/token/lookup-self', {}, 200],
    ['a failed token create', 'update', 'auth/token/create', {}, 400],
    ['asking what it may do', 'update', 'sys/capabilities-self', { paths: ['secret/x'] }, 200],
    ['help', 'help', 'secret/data/there', {}, 200],
    ['a write by another name of it', 'update', 'cubbyhole/x', { a: 1 }, 204],
    ['a denied login of the token itself', 'update', 'auth/token/revoke-orphan', { token: 'x' }, 403],
  ] as const)('is spent by %s', async (_what, operation, path, data, status) => {
    await open(false);
    const token = await limited(3);
    expect((await ask(node, operation, path, data, token)).status).toBe(status);
    expect(await usesLeft(token)).toBe(2);
  });

  it.each([
    ['the preflight of kv commands', 'read', 'sys/internal/ui/mounts/secret/x', 200],
    ['a denied preflight', 'read', 'sys/internal/ui/mounts/nowhere/x', 403],
    ['the list of visible mounts', 'read', 'sys/internal/ui/mounts', 200],
    ['seal status', 'read', 'sys/seal-status', 200],
    ['health', 'read', 'sys/health', 200],
    ['leader', 'read', 'sys/leader', 200],
    ['the question whether there is a store', 'read', 'sys/init', 200],
    ['a second init', 'update', 'sys/init', 400],
    ['the description of the API', 'read', 'sys/internal/specs/openapi', 200],
    ['looking a wrapping token up', 'update', 'sys/wrapping/lookup', 400],
    ['a login of a user', 'update', 'auth/userpass/login/ann', 400],
    ['an unseal key', 'update', 'sys/unseal', 400],
    ['a failed login', 'update', 'auth/approle/login', 400],
  ] as const)('is not spent by %s', async (_what, operation, path, status) => {
    await open(false);
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'sys/auth/userpass', { type: 'userpass' });
    const token = await limited(3);
    expect((await ask(node, operation, path, {}, token)).status).toBe(status);
    expect(await usesLeft(token)).toBe(3);
  });

  it('is counted down before the eyes of the token, the asking one included', async () => {
    await open(false);
    const token = await limited(4);
    const seen: unknown[] = [];
    for (let round = 0; round < 5; round++) {
      const { status, data } = await ask(node, 'read', 'auth/token/lookup-self', {}, token);
      seen.push(status === 200 ? data['num_uses'] : status);
    }
    expect(seen).toEqual([3, 2, 1, 0, 403]);
  });

  it('cannot make tokens, with or without one left', async () => {
    await open(false);
    const token = await limited(2);
    for (let round = 0; round < 2; round++) {
      const refused = await ask(node, 'update', 'auth/token/create', {}, token);
      expect(refused.errors).toEqual(['restricted use token cannot generate child tokens']);
    }
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
  });

  it('may renew and revoke the token itself', async () => {
    await open(false);
    const token = await limited(3);
    const renewed = await ask(node, 'update', 'auth/token/renew-self', { increment: 600 }, token);
    expect(renewed.auth).toMatchObject({ leaseDuration: 600, numUses: 2 });
    expect(await usesLeft(token)).toBe(2);
    expect((await ask(node, 'update', 'auth/token/revoke-self', {}, token)).status).toBe(204);
    expect(await usesLeft(token)).toBe(403);
  });
});

describe('the number of uses', () => {
  it('is shown to others without being spent', async () => {
    await open(false);
    const token = await limited(2);
    const accessor = (await ask(node, 'update', 'auth/token/lookup', { token })).data['accessor'] ?? '';
    await ask(node, 'update', 'sys/capabilities', { token, paths: ['secret/x'] });
    await ask(node, 'update', 'sys/capabilities-accessor', { accessor, paths: ['secret/x'] });
    await ask(node, 'update', 'auth/token/renew', { token });
    await ask(node, 'update', 'auth/token/renew-accessor', { accessor });
    expect(await usesLeft(token)).toBe(2);
  });

  it('of 0 is no limit', async () => {
    await open(false);
    const token = await limited(0);
    for (let round = 0; round < 5; round++) {
      expect((await ask(node, 'read', 'secret/data/there', {}, token)).status).toBe(200);
    }
    expect(await usesLeft(token)).toBe(0);
  });

  it('is not that of a second token with the same maker', async () => {
    await open(false);
    const [one, other] = [await limited(1), await limited(1)];
    expect((await ask(node, 'read', 'secret/data/there', {}, one)).status).toBe(200);
    expect((await ask(node, 'read', 'secret/data/there', {}, one)).status).toBe(403);
    expect((await ask(node, 'read', 'secret/data/there', {}, other)).status).toBe(200);
  });

  it('is spent by a request that arrives with it, and not with a login that it comes along with', async () => {
    await open(false);
    await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
    await ask(node, 'update', 'auth/approle/role/app', {
      bind_secret_id: false,
      secret_id_bound_cidrs: '0.0.0.0/0',
    });
    const role_id = (await ask(node, 'read', 'auth/approle/role/app/role-id')).data['role_id'] ?? '';
    const token = await limited(1);
    const login = await ask(node, 'update', 'auth/approle/login', { role_id }, token);
    expect(login.auth?.tokenType).toBe('service');
    expect(await usesLeft(token)).toBe(1);
  });
});

describe('the last use', () => {
  it('is answered, and then the token is gone from the store with its leases', async () => {
    await open(false);
    const token = await limited(2);
    const leased = await ask(node, 'read', 'leased/creds/app', {}, token);
    expect(leased.status).toBe(200);
    expect((await ask(node, 'read', 'secret/data/there', {}, token)).data).toMatchObject({ data: { a: 1 } });
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/token/id/')).toHaveLength(1);
    expect(await keysOf(place.storage, 'core/token/accessor/')).toHaveLength(1);
  });

  it('hands out nothing leased: the credential is ended before the answer', async () => {
    await open(false);
    const token = await limited(1);
    const refused = await ask(node, 'read', 'leased/creds/app', {}, token);
    expect(refused.status).toBe(400);
    expect(refused.errors).toEqual([
      'Secret cannot be returned; token had one use left, so leased credentials were immediately revoked.',
    ]);
    expect(outside.made).toHaveLength(1);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('leaves a credential that could not be ended at once to the duty', async () => {
    await open(false);
    const token = await limited(1);
    outside.failures = 1;
    expect((await ask(node, 'read', 'leased/creds/app', {}, token)).status).toBeGreaterThanOrEqual(400);
    expect(outside.working).toHaveLength(1);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });

  it('makes no credential outside when another request took it', async () => {
    await open(false);
    const token = await limited(3);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask(node, 'read', 'leased/creds/app', {}, token)),
    );
    expect(outside.made).toHaveLength(3);
    // The token ended with the third use: what was leased before lives on only until the duty passes.
    const leased = answers.filter(({ status }) => status === 200);
    expect(outside.working).toHaveLength(leased.length);
    expect(leased.length).toBeLessThan(3);
    await finishDuties(node, place.clock);
    expect(outside.working).toEqual([]);
    expect(await keysOf(place.storage, 'core/lease/')).toEqual([]);
  });
});

it('a token without a limit is never written by being used', async () => {
  await open(false);
  const token = await makeToken(node, { policies: ['user'] });
  const id = node.state.core?.tokens.idOf(token) ?? '';
  const [key] = await keysOf(place.storage, `core/token/id/${id}`);
  const before = await place.storage.range(key ?? '', { limit: 1 });
  await ask(node, 'read', 'secret/data/there', {}, token);
  await ask(node, 'read', 'sys/mounts', {}, token);
  const after = await place.storage.range(key ?? '', { limit: 1 });
  expect(after.items[0]?.revision).toBe(before.items[0]?.revision);
  expect((await ask(node, 'read', 'auth/token/lookup-self', {}, rootToken)).data['num_uses']).toBe(0);
});
