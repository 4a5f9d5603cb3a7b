import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, makeToken, type Place, tokenOf, writePolicy } from '../../../test/fakes/client.ts';
import { addDevice, Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
});
afterEach(() => place.remove());

const refused = { status: 400, errors: ['invalid account or code'], auth: null };
const plain = ({ status, errors, auth }: Awaited<ReturnType<typeof logIn>>) => ({ status, errors, auth });

describe('a login', () => {
  it('trades a code for a token that says who it is, for a quarter of an hour', async () => {
    const phone = await makeAccount(node, place.clock, 'bob', { token_policies: 'a', roles: ['Admin'] });
    const { auth, status } = await logIn(node, 'bob', phone.code(), { role: 'Admin' });
    expect(status).toBe(200);
    expect(auth).toMatchObject({
      metadata: { issuer: 'acme', account: 'bob', role: 'Admin' },
      tokenPolicies: ['a', 'default'],
      leaseDuration: 900,
      renewable: true,
    });
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, auth?.clientToken ?? null);
    expect(data).toMatchObject({ display_name: 'totp-acme/bob', path: 'auth/totp/login' });
    const entity = await ask(node, 'read', `identity/entity/id/${auth?.entityId}`);
    expect(entity.data['aliases']).toEqual([expect.objectContaining({ name: 'acme/bob' })]);
  });

  it('takes the lives of tokens from the account, then from the mount', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    await ask(node, 'update', 'auth/totp/config', { token_ttl: '5m' });
    const first = await logIn(node, 'bob', phone.code());
    expect(first.auth?.leaseDuration).toBe(300);
    const renewed = await ask(node, 'update', 'auth/token/renew-self', {}, tokenOf(first));
    expect(renewed.auth?.leaseDuration).toBe(300);
    await ask(node, 'update', 'auth/totp/accounts/acme/bob', { token_ttl: '2m', token_max_ttl: '3m' });
    place.clock.jump(30);
    expect((await logIn(node, 'bob', phone.code())).auth?.leaseDuration).toBe(120);
  });

  it('takes a code of each step once, and none of an earlier step after it', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const earlier = phone.code(-30);
    const code = phone.code();
    expect((await logIn(node, 'bob', code)).status).toBe(200);
    expect(plain(await logIn(node, 'bob', code))).toEqual(refused);
    expect(plain(await logIn(node, 'bob', earlier))).toEqual(refused);
    place.clock.jump(30);
    expect((await logIn(node, 'bob', phone.code())).status).toBe(200);
  });

  it('goes by the digits, the period and the algorithm of the URL', async () => {
    const odd = new Device(place.clock, { algorithm: 'SHA512', digits: 8, period: 60 });
    await makeAccount(node, place.clock, 'bob', {}, odd);
    expect(plain(await logIn(node, 'bob', odd.code().slice(2)))).toEqual(refused);
    expect((await logIn(node, 'bob', odd.code())).status).toBe(200);
    const other = new Device(place.clock, { algorithm: 'SHA256', digits: 6, period: 15 });
    await addDevice(node, 'acme/bob', 'watch', other);
    expect((await logIn(node, 'bob', other.code(15))).status).toBe(200);
  });

  it('takes codes of clocks that are off by a step, and by no more', async () => {
    // The test begins where a step begins: 45 seconds ahead is the next step, 45 seconds behind the last but one.
    const accepted = async (name: string, off: number) => {
      const phone = await makeAccount(node, place.clock, name);
      return (await logIn(node, name, phone.code(off))).status === 200;
    };
    expect(await accepted('a', 45)).toBe(true);
    expect(await accepted('b', -45)).toBe(false);
    place.clock.jump(15);
    expect(await accepted('c', 45)).toBe(false);
    expect(await accepted('d', -45)).toBe(true);
    expect(await accepted('e', 3_600)).toBe(false);
    expect(await accepted('f', -3_600)).toBe(false);
  });

  it('takes no code again when the server’s clock leaps back, and goes on when it is right again', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const code = phone.code();
    expect((await logIn(node, 'bob', code)).status).toBe(200);
    place.clock.set(-3_600);
    // What the server's clock calls now was used up long ago by its own account.
    expect(plain(await logIn(node, 'bob', phone.code()))).toEqual(refused);
    expect(plain(await logIn(node, 'bob', code))).toEqual(refused);
    place.clock.set(3_600);
    expect(plain(await logIn(node, 'bob', code))).toEqual(refused);
    place.clock.jump(30);
    expect((await logIn(node, 'bob', phone.code())).status).toBe(200);
  });

  it('names a role that the account has, exactly, or is refused', async () => {
    const phone = await makeAccount(node, place.clock, 'bob', { roles: ['AccountAdmin', 'path/Role'] });
    for (const role of ['accountadmin', 'AccountAdmin ', 'Account', 'AccountAdmin,path/Role', '*']) {
      expect(plain(await logIn(node, 'bob', phone.code(), { role }, '192.0.2.9')), role).toEqual(refused);
      place.clock.jump(1_000);
      await ask(node, 'update', `sys/locked-users/${await accessor()}/unlock/acme/bob`);
    }
    const without = await logIn(node, 'bob', phone.code());
    expect(without.auth?.metadata).toEqual({ issuer: 'acme', account: 'bob' });
    place.clock.jump(30);
    expect((await logIn(node, 'bob', phone.code(), { role: 'path/Role' })).auth?.metadata).toMatchObject({
      role: 'path/Role',
    });
  });

  it('is refused from elsewhere than the account’s networks', async () => {
    const phone = await makeAccount(node, place.clock, 'bob', { token_bound_cidrs: '192.0.2.0/24' });
    expect(plain(await logIn(node, 'bob', phone.code(), {}, '203.0.113.1'))).toEqual(refused);
    expect((await logIn(node, 'bob', phone.code(), {}, '192.0.2.1')).status).toBe(200);
  });
});

async function accessor(): Promise<string> {
  const mounts = (await ask(node, 'read', 'sys/auth')).data as Record<string, { accessor: string }>;
  return mounts['totp/']?.accessor ?? '';
}

describe('one policy for all roles', () => {
  const policy = 'path "secret/data/sts/{{token.metadata.role}}" { capabilities = ["create", "read"] }';

  it('gives a login what is of the role that it asked for, and nothing else', async () => {
    await writePolicy(node, 'sts', policy);
    const phone = await makeAccount(node, place.clock, 'bob', {
      token_policies: 'sts',
      roles: ['Admin', 'Reader'],
    });
    await ask(node, 'update', 'secret/data/sts/Admin', { data: { a: 1 } });
    const admin = tokenOf(await logIn(node, 'bob', phone.code(), { role: 'Admin' }));
    place.clock.jump(30);
    const reader = tokenOf(await logIn(node, 'bob', phone.code(), { role: 'Reader' }));
    place.clock.jump(30);
    const none = tokenOf(await logIn(node, 'bob', phone.code()));
    const status = async (token: string, path: string) => (await ask(node, 'read', path, {}, token)).status;
    for (let again = 0; again < 2; again++) {
      expect(await status(admin, 'secret/data/sts/Admin')).toBe(200);
      expect(await status(admin, 'secret/data/sts/Reader')).toBe(403);
      expect(await status(reader, 'secret/data/sts/Admin')).toBe(403);
      expect(await status(none, 'secret/data/sts/Admin')).toBe(403);
    }
    const asked = { path: 'secret/data/sts/Admin', operation: 'read' };
    const why = await ask(node, 'update', 'sys/policies/explain', { ...asked, token: admin });
    expect(why.data['decision']).toBe('allow');
    const not = await ask(node, 'update', 'sys/policies/explain', { ...asked, token: reader });
    expect(not.data['decision']).toBe('deny');
    const caps = await ask(node, 'update', 'sys/capabilities-self', { paths: [asked.path] }, admin);
    expect(caps.data['capabilities']).toEqual(expect.arrayContaining(['create', 'read']));
  });

  it('threat 05: is not filled by what a token’s maker says of it', async () => {
    await writePolicy(node, 'sts', policy);
    await writePolicy(node, 'maker', 'path "auth/token/create" { capabilities = ["update"] }');
    await ask(node, 'update', 'secret/data/sts/Admin', { data: { a: 1 } });
    const phone = await makeAccount(node, place.clock, 'bob', {
      token_policies: ['sts', 'maker'],
      roles: ['Reader'],
    });
    const own = tokenOf(await logIn(node, 'bob', phone.code(), { role: 'Reader' }));
    const meta = { role: 'Admin' };
    const child = await makeToken(node, { policies: ['sts'], meta }, own);
    expect((await ask(node, 'read', 'secret/data/sts/Admin', {}, child)).status).toBe(403);
    const tested = { policy, cases: [{ path: 'secret/data/sts/Admin', allow: true }] };
    expect((await ask(node, 'update', 'sys/policies/test', tested)).data['passed']).toBe(0);
    const filled = await ask(node, 'update', 'sys/policies/test', { ...tested, token_metadata: meta });
    expect(filled.data['passed']).toBe(1);
  });
});

describe('renewal', () => {
  const renewed = async (token: string) =>
    (await ask(node, 'update', 'auth/token/renew-self', {}, token)).status;

  it.each([
    ['the account is disabled', 'update', 'accounts/acme/bob', { disabled: true }],
    ['the account is deleted', 'delete', 'accounts/acme/bob', {}],
    ['the account lost the role', 'update', 'accounts/acme/bob', { roles: [] }],
    ['the device is disabled', 'update', 'accounts/acme/bob/devices/phone', { disabled: true }],
    ['the device is deleted', 'delete', 'accounts/acme/bob/devices/phone', {}],
  ] as const)('is refused once %s', async (_, operation, path, fields) => {
    const phone = await makeAccount(node, place.clock, 'bob', { roles: ['r'] });
    const token = tokenOf(await logIn(node, 'bob', phone.code(), { role: 'r' }));
    expect(await renewed(token)).toBe(200);
    expect((await ask(node, operation, `auth/totp/${path}`, fields)).status).toBe(204);
    expect(await renewed(token)).toBe(400);
  });

  it('is refused where an account of the same name was made anew', async () => {
    const phone = await makeAccount(node, place.clock, 'bob');
    const token = tokenOf(await logIn(node, 'bob', phone.code()));
    await ask(node, 'delete', 'auth/totp/accounts/acme/bob');
    await makeAccount(node, place.clock, 'bob', {}, phone);
    expect(await renewed(token)).toBe(400);
  });
});
