import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import { Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
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
  });
});
