import { createHmac, generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BuiltinPlace, clientFields, type Registered } from '../../../test/fakes/builtin-place.ts';
import { ask } from '../../../test/fakes/client.ts';
import type { JsonObject } from '../../json.ts';

let at: BuiltinPlace;
let shop: Registered;
let token = '';
beforeAll(async () => {
  at = await BuiltinPlace.open();
  shop = await at.register('shop');
  token = await tokenFrom(at, shop);
});
afterAll(() => at[Symbol.asyncDispose]());

async function tokenFrom(of: BuiltinPlace, registered: Registered): Promise<string> {
  const wish = { grant_type: 'client_credentials', ...clientFields(registered) };
  const { data } = await ask(of.node, 'update', 'service-users/oauth2/access_token', wish, null);
  return String(data['access_token']);
}

async function told(text: string): Promise<JsonObject> {
  const sent = { token: text, ...clientFields(shop) };
  return (await ask(at.node, 'update', 'service-users/oauth2/introspect', sent, null)).data;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

it('threat 24: a token is good as it was signed, and in no other form', async () => {
  expect((await told(token))['active']).toBe(true);
  const [header = '', claims = '', signature = ''] = token.split('.');
  const { kid } = decodeProtectedHeader(token);
  const { data } = await ask(at.node, 'read', 'service-users/oauth2/keys', {}, null);
  const published = JSON.stringify((data['keys'] as readonly JsonObject[])[0]);
  const strange = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const signed = (alg: string, more: object = {}) =>
    new SignJWT(decodeJwt(token))
      .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }), ...more })
      .sign(strange);
  const hmac = (head: string) =>
    createHmac('sha256', published).update(`${head}.${claims}`).digest('base64url');
  const hs256 = encode({ alg: 'HS256', kid });
  const hostile: Readonly<Record<string, string>> = {
    'no signature': `${header}.${claims}.`,
    'the algorithm none': `${encode({ alg: 'none', kid })}.${claims}.`,
    'the algorithm none, and a signature': `${encode({ alg: 'none', kid })}.${claims}.${signature}`,
    'an HMAC by the public key': `${hs256}.${claims}.${hmac(hs256)}`,
    'another key': await signed('ES256'),
    'another key, which it brings along': await signed('ES256', { jwk: JSON.parse(published) as object }),
    'a key id that is a path': await signed('ES256', { kid: '../oauth2/keys' }),
    'a key id that is a name of the language': await signed('ES256', { kid: '__proto__' }),
    'other claims': `${header}.${encode({ ...decodeJwt(token), exp: 9_999_999_999 })}.${signature}`,
    'a signature in ASN.1': `${header}.${claims}.${Buffer.concat([Buffer.from('3045', 'hex'), Buffer.from(signature, 'base64url')]).toString('base64url')}`,
    'a signature of nothing but zeros': `${header}.${claims}.${Buffer.alloc(64).toString('base64url')}`,
    padding: `${token}=`,
    'a blank in front': ` ${token}`,
    'four parts': `${token}.${signature}`,
    encrypted: `${header}.${claims}.${signature}.${signature}.${signature}`,
    'very long': `${header}.${'A'.repeat(40_000)}.${signature}`,
  };
  for (const [what, text] of Object.entries(hostile))
    expect(await told(text), what).toEqual({ active: false });
});

it('threat 24: any other letter in any place makes it no token', async () => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let place = 0; place < token.length; place += 7) {
    const letter = token.charAt(place);
    const other = letters.charAt((letters.indexOf(letter) + 1 + (place % 62)) % 64);
    const changed = token.slice(0, place) + other + token.slice(place + 1);
    if (changed !== token) expect(await told(changed), `at ${place}`).toEqual({ active: false });
  }
});

it('threat 24: a token of another mount, with a user of the same name, is none of this one', async () => {
  await using elsewhere = await BuiltinPlace.open();
  const twin = await elsewhere.register('shop');
  expect(await told(await tokenFrom(elsewhere, twin))).toEqual({ active: false });
});

it('threat 24: a token of identity is none of these, whoever made it', async () => {
  const { node } = at;
  await ask(node, 'update', 'identity/oidc/key/k', { algorithm: 'ES256', allowed_client_ids: '*' });
  await ask(node, 'update', 'identity/oidc/role/r', {
    key: 'k',
    template: '{"sid": {{identity.entity.name}}}',
  });
  await ask(node, 'update', 'sys/auth/approle', { type: 'approle' });
  await ask(node, 'update', 'auth/approle/role/r', { role_id: 'r', token_policies: ['p'] });
  await ask(node, 'update', 'sys/policies/acl/p', {
    policy: 'path "identity/oidc/token/r" { capabilities = ["read"] }',
  });
  const { data } = await ask(node, 'update', 'auth/approle/role/r/secret-id', {});
  const login = await ask(
    node,
    'update',
    'auth/approle/login',
    { role_id: 'r', secret_id: data['secret_id'] ?? '' },
    null,
  );
  const made = await ask(node, 'read', 'identity/oidc/token/r', {}, login.auth?.clientToken ?? '');
  expect(String(made.data['token']).split('.')).toHaveLength(3);
  expect(await told(String(made.data['token']))).toEqual({ active: false });
});

it('threat 24: keys rotate by hand, and a stolen one verifies nothing from then on', async () => {
  const rotate = (data: JsonObject = {}, caller?: string) =>
    ask(at.node, 'update', 'service-users/oauth2/keys/rotate', data, caller);
  const kids = async () => {
    const { data } = await ask(at.node, 'read', 'service-users/oauth2/keys', {}, null);
    return (data['keys'] as readonly JsonObject[]).map((key) => key['kid']);
  };
  expect((await rotate({}, 'nobody')).status).toBe(403);
  const [current, next] = await kids();
  const held = await tokenFrom(at, shop);
  expect((await rotate()).status).toBe(204);
  expect(await kids()).toEqual([next, expect.any(String), current]);
  expect((await told(held))['active']).toBe(true);
  for (let i = 0; i < 39; i++) await rotate();
  expect((await rotate()).errors.join()).toContain('still verify');
  expect((await rotate({ emergency: true })).status).toBe(204);
  const after = await kids();
  expect([after.length, after.includes(next)]).toEqual([2, false]);
  expect(await told(held)).toEqual({ active: false });
  expect((await told(await tokenFrom(at, shop)))['active']).toBe(true);
});
