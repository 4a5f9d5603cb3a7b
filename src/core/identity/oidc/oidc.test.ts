import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aliasedType } from '../../../../test/fakes/aliased-method.ts';
import {
  ask,
  finishDuties,
  makePlace,
  type Place,
  rootToken,
  writePolicy,
} from '../../../../test/fakes/client.ts';
import type { JsonObject } from '../../../json.ts';
import type { CofferNode } from '../../../main/node.ts';

let place: Place;
let node: CofferNode;
let caller = '';
beforeEach(async () => {
  place = await makePlace({ authMethods: [aliasedType] });
  node = await place.node();
  await ask(node, 'update', 'sys/auth/who', { type: 'aliased' });
  await writePolicy(node, 'signs', 'path "identity/oidc/token/*" { capabilities = ["read"] }');
  caller = await login('ann');
});
afterEach(() => place.remove());

async function login(alias: string): Promise<string> {
  const { auth } = await ask(node, 'update', 'auth/who/login', { alias, policies: ['signs'] }, null);
  return auth?.clientToken ?? '';
}
const write = (path: string, data: JsonObject = {}) => ask(node, 'update', `identity/oidc/${path}`, data);
const read = (path: string, token: string | null = rootToken) =>
  ask(node, 'read', `identity/oidc/${path}`, {}, token);
const publicKeys = async () => (await read('.well-known/keys', null)).data as unknown as JSONWebKeySet;
const active = async (token: string, more = {}) =>
  (await write('introspect', { token, ...more })).data['active'];

async function keyAndRole(key: JsonObject = {}, role: JsonObject = {}): Promise<void> {
  expect(await write('key/k', { allowed_client_ids: '*', ...key })).toMatchObject({ status: 204 });
  expect(await write('role/r', { key: 'k', client_id: 'app', ...role })).toMatchObject({ status: 204 });
}

async function tokenOf(bearer = caller): Promise<string> {
  const made = await read('token/r', bearer);
  expect(made.errors).toEqual([]);
  return String(made.data['token']);
}

describe('an identity token', () => {
  it.each(['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'RS512'])(
    'signed by %s is verified by what is published',
    async (algorithm) => {
      await keyAndRole({ algorithm });
      await write('config', { issuer: 'https://coffer.example:8200' });
      const issuer = 'https://coffer.example:8200/v1/identity/oidc';
      const { payload, protectedHeader } = await jwtVerify(
        await tokenOf(),
        createLocalJWKSet(await publicKeys()),
        {
          issuer,
          audience: 'app',
          currentDate: new Date(place.clock.now()),
        },
      );
      const { entity_id: sub } = (await ask(node, 'read', 'auth/token/lookup-self', {}, caller)).data;
      expect(payload).toMatchObject({ sub, aud: 'app', iss: issuer, namespace: 'root' });
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(86_400);
      expect(protectedHeader).toMatchObject({ alg: algorithm, typ: 'JWT' });
      expect((await read('.well-known/openid-configuration', null)).data).toMatchObject({
        issuer,
        jwks_uri: `${issuer}/.well-known/keys`,
      });
      for (const key of (await publicKeys()).keys) expect(Object.keys(key)).not.toContain('d');
    },
  );

  it('holds claims by template, and nothing that a value could slip in', async () => {
    const { entity_id: id } = (await ask(node, 'read', 'auth/token/lookup-self', {}, caller)).data;
    await ask(node, 'update', `identity/entity/id/${String(id)}`, { metadata: { color: 'x","sub":"root' } });
    await ask(node, 'update', 'identity/group', { name: 'ops', member_entity_ids: [String(id)] });
    const template =
      '{"color": {{identity.entity.metadata.color}}, "none": {{identity.entity.metadata.none}}, "groups": {{identity.entity.groups.names}}, "nbf": {{time.now}}}';
    await keyAndRole({}, { template: Buffer.from(template).toString('base64') });
    const claims = JSON.parse(
      Buffer.from((await tokenOf()).split('.')[1] ?? '', 'base64url').toString(),
    ) as JsonObject;
    expect(claims).toMatchObject({ color: 'x","sub":"root', none: '', groups: ['ops'], sub: id });
    for (const wrong of [
      '{"sub": "x"}',
      '{"a": "{{identity.entity.id}}"}',
      '[]',
      '{',
      '{"a": {{time.then}}}',
      '{"exp": 1}',
    ]) {
      expect(await write('role/r', { template: wrong }), wrong).toMatchObject({ status: 400 });
    }
  });

  it('is made only of an entity, by a role whose key allows it', async () => {
    await keyAndRole({ allowed_client_ids: ['other'] });
    expect(await read('token/r', caller)).toMatchObject({ status: 400 });
    await write('key/k', { allowed_client_ids: ['app'] });
    expect(await read('token/r', caller)).toMatchObject({ status: 200 });
    expect(await read('token/r')).toMatchObject({ status: 400 });
    expect(await read('token/none', caller)).toMatchObject({ status: 400 });
    expect(await ask(node, 'delete', 'identity/oidc/key/k')).toMatchObject({ status: 400 });
    expect(await write('role/r', { ttl: '25h' })).toMatchObject({ status: 400 });
    expect(await write('role/x', { key: 'none' })).toMatchObject({ status: 400 });
    expect(await write('key/x', { algorithm: 'HS256' })).toMatchObject({ status: 400 });
    expect(await write('key/x', { algorithm: 'none' })).toMatchObject({ status: 400 });
    expect(await write('key/x', { rotation_period: '1s' })).toMatchObject({ status: 400 });
    expect(await write('key/k', { algorithm: 'ES256' })).toMatchObject({ status: 400 });
    for (const issuer of ['ftp://x', 'https://x/path', 'https://user@x', 'x']) {
      expect(await write('config', { issuer })).toMatchObject({ status: 400 });
    }
  });

  it('threat 24: counts only with its own signature, in time, for its audience, while its entity may be used', async () => {
    await keyAndRole({ algorithm: 'RS256', rotation_period: '1h', verification_ttl: '2h' }, { ttl: '1h' });
    await write('key/other', { algorithm: 'RS256' });
    const token = await tokenOf();
    const [head = '', body = '', signature = ''] = token.split('.');
    expect(await active(token)).toBe(true);
    expect(await active(token, { client_id: 'app' })).toBe(true);
    expect(await active(token, { client_id: 'another' })).toBe(false);
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as JsonObject;
    const other = (await publicKeys()).keys.find((key) => key.kid !== kid)?.kid;
    const header = (members: JsonObject) => Buffer.from(JSON.stringify(members)).toString('base64url');
    for (const forged of [
      `${header({ alg: 'none', kid: kid ?? '' })}.${body}.`,
      `${header({ alg: 'HS256', kid: kid ?? '' })}.${body}.${signature}`,
      `${header({ alg: 'RS256', kid: other ?? '' })}.${body}.${signature}`,
      `${header({ alg: 'RS256' })}.${body}.${signature}`,
      `${head}.${header({ sub: 'x' })}.${signature}`,
      `${head}.${body}.`,
      `${head}.${body}`,
      '',
      'x'.repeat(10_000),
    ]) {
      expect([false, undefined]).toContain(await active(forged));
    }
    const id = String((await ask(node, 'read', 'auth/token/lookup-self', {}, caller)).data['entity_id']);
    await ask(node, 'update', `identity/entity/id/${id}`, { disabled: true });
    expect(await active(token)).toBe(false);
    await ask(node, 'update', `identity/entity/id/${id}`, { disabled: false });
    expect(await active(token)).toBe(true);
    place.clock.jump(3_601);
    expect(await active(token)).toBe(false);
  });
});

describe('keys', () => {
  it('rotate by themselves, verify for as long as they should, and go', async () => {
    await keyAndRole({ algorithm: 'ES256', rotation_period: '1h', verification_ttl: '3h' }, { ttl: '3h' });
    const token = await tokenOf();
    const kid = (await publicKeys()).keys[0]?.kid;
    place.clock.jump(3_600);
    await finishDuties(node, place.clock);
    const kids = (await publicKeys()).keys.map((key) => key.kid);
    expect(kids).toHaveLength(2);
    expect(kids).toContain(kid);
    expect(await active(token)).toBe(true);
    const header = JSON.parse(
      Buffer.from((await tokenOf()).split('.')[0] ?? '', 'base64url').toString(),
    ) as JsonObject;
    expect(header['kid']).not.toBe(kid);
    for (let hour = 0; hour < 4; hour++) {
      place.clock.jump(3_600);
      await finishDuties(node, place.clock);
    }
    expect((await publicKeys()).keys.map((key) => key.kid)).not.toContain(kid);
    expect((await publicKeys()).keys.length).toBeLessThanOrEqual(5);
  });

  it('rotate by hand, and their private halves never show', async () => {
    await keyAndRole({ algorithm: 'ES256' });
    expect(await write('key/k/rotate', { verification_ttl: '10m' })).toMatchObject({ status: 204 });
    expect((await publicKeys()).keys).toHaveLength(2);
    expect((await read('key/k')).data).toEqual({
      ...{ algorithm: 'ES256', allowed_client_ids: ['*'] },
      ...{ rotation_period: 86_400, verification_ttl: 86_400 },
    });
    expect((await ask(node, 'list', 'identity/oidc/key')).data).toEqual({ keys: ['k'] });
    expect((await ask(node, 'list', 'identity/oidc/role')).data).toEqual({ keys: ['r'] });
    await ask(node, 'delete', 'identity/oidc/role/r');
    expect(await ask(node, 'delete', 'identity/oidc/key/k')).toMatchObject({ status: 204 });
    expect((await publicKeys()).keys).toEqual([]);
  });
});
