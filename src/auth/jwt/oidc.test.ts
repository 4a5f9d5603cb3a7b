import { get, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Asked,
  ask,
  auditText,
  finishDuties,
  keysOf,
  makePlace,
  type Place,
  storedText,
  tokenOf,
} from '../../../test/fakes/client.ts';
import { OidcProvider } from '../../../test/fakes/oidc-provider.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { outgoing } from '../../outgoing/https.ts';
import { jwtMethodWith } from './jwt.ts';

const redirect = 'http://localhost:8250/oidc/callback';
const nonce = 'the nonce of this client';

let place: Place;
let node: CofferNode;
let provider: OidcProvider;
let method: WatchedMethod;

beforeEach(async () => {
  method = watched(jwtMethodWith('oidc', outgoing));
  place = await makePlace({ authMethods: [method.type] });
  node = await place.node();
  provider = await new OidcProvider({ now: () => place.clock.now() }).open();
  await ask(node, 'update', 'sys/auth/oidc', { type: 'oidc' });
  await configure();
  await writeRole();
});
afterEach(async () => {
  await provider.close();
  await place.remove();
});

async function configure(fields: JsonObject = {}): Promise<void> {
  const { status } = await ask(node, 'update', 'auth/oidc/config', {
    oidc_discovery_url: provider.issuer,
    oidc_client_id: provider.clientId,
    oidc_client_secret: provider.clientSecret,
    default_role: 'people',
    ...fields,
  });
  expect(status).toBe(204);
}

async function writeRole(fields: JsonObject = {}): Promise<void> {
  const { status, errors } = await ask(node, 'update', 'auth/oidc/role/people', {
    user_claim: 'email',
    allowed_redirect_uris: redirect,
    oidc_scopes: ['email', 'groups'],
    token_policies: 'people',
    ...fields,
  });
  expect([status, errors]).toEqual([204, []]);
}

async function begin(fields: JsonObject = {}): Promise<string> {
  const sent = { role: 'people', redirect_uri: redirect, client_nonce: nonce, ...fields };
  const answer = await ask(node, 'update', 'auth/oidc/oidc/auth_url', sent, null);
  expect([answer.status, answer.errors]).toEqual([200, []]);
  return String(answer.data['auth_url']);
}

/** What the browser brings back: it follows the URL, and the provider sends it on. */
async function browse(url: string): Promise<JsonObject> {
  const location = await new Promise<string>((resolve, reject) => {
    get(url, (response) => {
      response.resume();
      resolve(response.headers.location ?? '');
    }).on('error', reject);
  });
  const { searchParams } = new URL(location);
  return Object.fromEntries(searchParams);
}

function complete(back: JsonObject, how: 'read' | 'update' = 'read', on = node): Promise<Asked> {
  return ask(on, how, 'auth/oidc/oidc/callback', { client_nonce: nonce, ...back }, null);
}

async function refusal(answer: Asked): Promise<string> {
  expect([answer.status, answer.errors, answer.auth]).toEqual([400, ['invalid role or token'], null]);
  return method.reason();
}

describe('a login by browser', () => {
  it('goes to the provider with all that it needs, and nothing secret', async () => {
    await writeRole({ max_age: '10m' });
    const url = new URL(await begin());
    expect(`${url.origin}${url.pathname}`).toBe(`${provider.issuer}/authorize`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'coffer',
      redirect_uri: redirect,
      scope: 'openid email groups',
      max_age: '600',
      state: expect.stringMatching(/^[\w-]+\.[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(url.toString()).not.toContain(encodeURIComponent(nonce));
  });

  it.each(['read', 'update'] as const)('ends with a token for whom the provider names (%s)', async (how) => {
    provider.person = { ...provider.person, groups: ['b', 'a'] };
    await writeRole({ groups_claim: 'groups', claim_mappings: { email: 'mail' } });
    const answer = await complete(await browse(await begin()), how);
    expect(answer.auth).toMatchObject({
      policies: ['default', 'people'],
      metadata: { role: 'people', mail: 'ann@example.com' },
      renewable: true,
    });
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(answer));
    expect(data['display_name']).toBe('oidc-ann@example.com');
  });

  it('works with the default role, and without a nonce of the client’s, as hvac does it', async () => {
    const url = await begin({ role: '', client_nonce: '' });
    expect((await complete({ ...(await browse(url)), client_nonce: '' })).status).toBe(200);
  });

  it('may end on another node than it began', async () => {
    const back = await browse(await begin());
    expect((await complete(back, 'read', await place.node())).status).toBe(200);
    expect(await refusal(await complete(back))).toMatch(/used up/);
  });

  it('asks userinfo for what the ID token does not say, and only then', async () => {
    await complete(await browse(await begin()));
    expect(provider.count('/userinfo')).toBe(0);
    await writeRole({ groups_claim: 'groups' });
    provider.more = { groups: ['a'], email: 'root@example.com' };
    const answer = await complete(await browse(await begin()));
    expect(answer.status).toBe(200);
    expect(provider.count('/userinfo')).toBe(1);
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(answer));
    expect(data['display_name']).toBe('oidc-ann@example.com');
    provider.more = { groups: ['a'], sub: 'u-2' };
    expect(await refusal(await complete(await browse(await begin())))).toMatch(/somebody else/);
  });

  it('takes no line end for a part of the client’s secret', async () => {
    await configure({ oidc_client_secret: `${provider.clientSecret}\n` });
    expect((await complete(await browse(await begin()))).status).toBe(200);
  });

  it('proves the client in the body where the provider wants it so', async () => {
    provider.document = { token_endpoint_auth_methods_supported: ['client_secret_post'] };
    await configure();
    await complete(await browse(await begin()));
    expect(provider.credentials).toEqual([]);
  });

  it('tells identity who it is and which groups the provider names, each once', async () => {
    provider.person = { ...provider.person, groups: ['b', 'a', 'b'] };
    await writeRole({ groups_claim: 'groups' });
    await complete(await browse(await begin()));
    expect(method.principal()).toMatchObject({ alias: 'ann@example.com', groupAliases: ['a', 'b'] });
    provider.person = { ...provider.person, groups: [] };
    await complete(await browse(await begin()));
    expect(method.principal()).toMatchObject({ groupAliases: [] });
    await writeRole({ groups_claim: '', claim_mappings: { email: 'mail' } });
    await complete(await browse(await begin()));
    expect(method.principal()?.groupAliases).toBeUndefined();
    expect(method.principal()?.aliasMetadata).toEqual({ mail: 'ann@example.com' });
  });

  it('counts by the role as it is when the token is made, and needs no second code for that', async () => {
    let changed = false;
    const storage = new Proxy(place.storage, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== 'commit') return typeof value === 'function' ? value.bind(target) : value;
        return async (...sent: Parameters<typeof target.commit>) => {
          if (!changed && sent[1]?.some(({ key }) => key.endsWith('/role/people')) === true) {
            changed = true;
            await writeRole({ token_policies: 'changed' });
          }
          return target.commit(...sent);
        };
      },
    });
    const second = await place.node(storage);
    const answer = await complete(await browse(await begin()), 'read', second);
    expect(changed).toBe(true);
    expect(answer.auth?.policies).toEqual(['changed', 'default']);
    expect(provider.count('/token')).toBe(1);
  });

  it('is refused when the role was deleted meanwhile', async () => {
    const back = await browse(await begin());
    await ask(node, 'delete', 'auth/oidc/role/people');
    expect(await refusal(await complete(back))).toMatch(/no such role/);
  });

  it('threat 16: leaves no code, state, nonce or secret in the audit log, and none in clear in the store', async () => {
    const back = await browse(await begin());
    await complete(back);
    const audited = auditText(place.auditDirectory);
    const stored = await storedText(place.storage);
    for (const secret of [String(back['code']), String(back['state']), nonce, provider.clientSecret]) {
      expect(audited).not.toContain(secret);
      expect(stored).not.toContain(secret);
    }
  });
});

describe('threat 23: a login that somebody else began, or ends', () => {
  it('redirects only to where the role says, to the letter', async () => {
    for (const uri of [
      'http://localhost:8250/oidc/callback/',
      'http://localhost:8250/oidc/callback?x=1',
      'http://localhost:8251/oidc/callback',
      'http://LOCALHOST:8250/oidc/callback',
      'http://localhost:8250/oidc/callback@evil.example',
      'https://evil.example/oidc/callback',
      '',
    ]) {
      expect(await begin({ redirect_uri: uri }), uri).toBe('');
    }
    expect(await begin({ role: 'nobody' })).toBe('');
    expect(await begin({ role: '../people' })).toBe('');
  });

  it('needs the nonce that the client kept to itself', async () => {
    const back = await browse(await begin());
    for (const wrong of ['', 'another', `${nonce} `]) {
      expect(await refusal(await complete({ ...back, client_nonce: wrong }))).toMatch(/client_nonce/);
    }
    expect((await complete(back)).status).toBe(200);
  });

  it('takes no state that the mount did not make, or not for this', async () => {
    const back = await browse(await begin());
    const state = String(back['state']);
    const [body = '', tag = ''] = state.split('.');
    const told = JSON.parse(Buffer.from(body, 'base64url').toString()) as unknown[];
    const bent = Buffer.from(JSON.stringify(told.with(1, 'admin'))).toString('base64url');
    for (const wrong of [
      'x',
      '.',
      `${body}.`,
      `.${tag}`,
      `${bent}.${tag}`,
      `${body}.${tag.slice(1)}`,
      `${state}.x`,
      `${state}=`,
      'x'.repeat(10_000),
    ]) {
      expect(await refusal(await complete({ ...back, state: wrong })), wrong.slice(0, 40)).toMatch(
        /state is/,
      );
    }
    await ask(node, 'update', 'sys/auth/other', { type: 'oidc' });
    await ask(node, 'update', 'auth/other/config', {
      oidc_discovery_url: provider.issuer,
      oidc_client_id: provider.clientId,
      oidc_client_secret: provider.clientSecret,
    });
    const elsewhere = { client_nonce: nonce, ...back };
    expect(await refusal(await ask(node, 'read', 'auth/other/oidc/callback', elsewhere, null))).toMatch(
      /state is/,
    );
    expect((await complete(back)).status).toBe(200);
  });

  it('takes a state once, also when many bring it at once, and forgets it when nobody can bring it any more', async () => {
    const before = (await keysOf(place.storage)).length;
    const back = await browse(await begin());
    expect((await keysOf(place.storage)).length).toBe(before);
    const answers = await Promise.all(Array.from({ length: 8 }, () => complete(back)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await keysOf(place.storage)).some((key) => key.includes('used-state/'))).toBe(true);
    place.clock.jump(301);
    await finishDuties(node, place.clock);
    expect((await keysOf(place.storage)).some((key) => key.includes('used-state/'))).toBe(false);
    expect(await refusal(await complete(back))).toMatch(/too old/);
  });

  it('takes a state for five minutes', async () => {
    const back = await browse(await begin());
    place.clock.jump(300);
    expect(await refusal(await complete(back))).toMatch(/too old/);
  });

  it('binds the code to the login that asked for it: nonce and PKCE', async () => {
    const mine = await browse(await begin());
    const theirs = await browse(await begin());
    expect(await refusal(await complete({ ...mine, code: theirs['code'] ?? '' }))).toMatch(
      /did not take the code/,
    );
    provider.bend = (claims) => ({ ...claims, nonce: 'another' });
    expect(await refusal(await complete(await browse(await begin())))).toMatch(/of another login/);
  });

  it('passes on no words of the provider’s, and takes an error for a refusal', async () => {
    const back = await browse(await begin());
    const told = {
      state: back['state'] ?? '',
      error: 'access_denied',
      error_description: '<script>alert(1)</script>',
    };
    expect(await refusal(await complete(told))).toMatch(/sent no code/);
    expect((await complete(back)).status).toBe(200);
  });

  it('threat 15: leaves nothing in the store for whom the provider does not vouch', async () => {
    const before = await keysOf(place.storage);
    const back = await browse(await begin());
    for (const wrong of [{ code: 'x' }, { code: '' }, { client_nonce: 'x' }, { error: 'x', code: '' }]) {
      await refusal(await complete({ ...back, ...wrong }));
    }
    provider.bend = (claims) => ({ ...claims, aud: 'other' });
    await refusal(await complete(back));
    expect(await keysOf(place.storage)).toEqual(before);
  });

  it('takes no code of another provider’s that says so', async () => {
    const back = await browse(await begin());
    expect(await refusal(await complete({ ...back, iss: 'https://evil.example' }))).toMatch(
      /another provider/,
    );
  });
});

describe('threat 24: an ID token', () => {
  it.each<[string, (claims: JsonObject) => JsonObject, RegExp]>([
    ['for another client', (claims) => ({ ...claims, aud: 'other' }), /another client/],
    [
      'for several, of which we are one and nobody is named',
      (claims) => ({ ...claims, aud: ['coffer', 'x'] }),
      /made for another/,
    ],
    ['made for another client', (claims) => ({ ...claims, azp: 'other' }), /made for another/],
    ['of another issuer', (claims) => ({ ...claims, iss: 'https://evil.example' }), /another issuer/],
    ['without subject', (claims) => ({ ...claims, sub: 7 }), /no subject/],
    ['without nonce', (claims) => ({ ...claims, nonce: null }), /another login/],
    ['that is too old', (claims) => ({ ...claims, exp: 1 }), /has expired/],
    ['without end', (claims) => ({ ...claims, exp: undefined }) as unknown as JsonObject, /names no end/],
  ])('is refused %s', async (_what, bend, reason) => {
    provider.bend = bend;
    expect(await refusal(await complete(await browse(await begin())))).toMatch(reason);
  });

  it('is refused when the person logged in at the provider too long ago, or nobody says when', async () => {
    await writeRole({ max_age: '10m' });
    expect(await refusal(await complete(await browse(await begin())))).toMatch(/too long ago/);
    const now = Math.floor(place.clock.now() / 1_000);
    provider.person = { ...provider.person, auth_time: now - 700 };
    expect(await refusal(await complete(await browse(await begin())))).toMatch(/too long ago/);
    provider.person = { ...provider.person, auth_time: now - 500 };
    expect((await complete(await browse(await begin()))).status).toBe(200);
  });

  it('is refused with an algorithm that was not agreed on', async () => {
    provider.rotate('key-2', true, 'ES256');
    expect(await refusal(await complete(await browse(await begin())))).toMatch(/algorithm/);
    await configure({ jwt_supported_algs: 'ES256' });
    expect((await complete(await browse(await begin()))).status).toBe(200);
  });
});

describe('a provider that fails', () => {
  it.each<[string, string, number]>([
    ['/token', 'breaks down', 500],
    ['/token', 'refuses', 400],
  ])('at %s (%s) is told from a refusal', async (path, _how, status) => {
    const back = await browse(await begin());
    provider.instead.set(path, (response) => response.writeHead(status).end('{}'));
    expect((await complete(back)).status).toBe(status === 500 ? 503 : 400);
  });

  it('by redirecting, or with too much, is not followed and not taken', async () => {
    for (const answer of [
      (response: ServerResponse) => void response.writeHead(307, { Location: '/token2' }).end(),
      (response: ServerResponse) => void response.writeHead(200).end('x'.repeat(200_000)),
    ]) {
      const back = await browse(await begin());
      provider.instead.set('/token', answer);
      expect((await complete(back)).status).toBe(503);
      provider.instead.clear();
    }
    expect(provider.count('/token2')).toBe(0);
  });

  it('says nothing of use: no ID token, no JSON', async () => {
    for (const body of ['{}', '[]', 'x', '{"id_token":7}', '{"id_token":"x","id_token":"y"}']) {
      const back = await browse(await begin());
      provider.instead.set('/token', (response) => response.writeHead(200).end(body));
      await refusal(await complete(back));
      provider.instead.clear();
    }
  });
});
