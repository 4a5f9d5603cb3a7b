import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import {
  type Asked,
  ask,
  auditText,
  makePlace,
  type Place,
  storedText,
  tokenOf,
  writePolicy,
} from '../../../test/fakes/client.ts';
import { makeSigningKey, OidcProvider } from '../../../test/fakes/oidc-provider.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';

let place: Place;
let node: CofferNode;
let provider: OidcProvider;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
  provider = await new OidcProvider({ now: () => place.clock.now() }).open();
  await ask(node, 'update', 'sys/auth/jwt', { type: 'jwt' });
});
afterEach(async () => {
  await provider.close();
  await place.remove();
});

function configure(fields: JsonObject = { jwks_url: provider.jwksUrl }): Promise<Asked> {
  return ask(node, 'update', 'auth/jwt/config', fields);
}

function writeRole(fields: JsonObject = {}, name = 'app'): Promise<Asked> {
  const usual = { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['coffer'], token_policies: 'app' };
  return ask(node, 'update', `auth/jwt/role/${name}`, { ...usual, ...fields });
}

async function logIn(claims: JsonObject = {}, role = 'app', from?: string): Promise<Asked> {
  const jwt = await provider.sign({ sub: 'ann', aud: 'coffer', ...claims });
  const place = from === undefined ? {} : { from };
  return ask(node, 'update', 'auth/jwt/login', { role, jwt }, null, place);
}

describe('the configuration', () => {
  it('is shown as it was set, without the client’s secret', async () => {
    const sent = {
      oidc_discovery_url: provider.issuer,
      oidc_client_id: 'coffer',
      oidc_client_secret: 'a-client-secret',
      oidc_response_mode: 'form_post',
      oidc_response_types: 'code',
      jwt_supported_algs: 'RS256,ES256',
      default_role: 'App',
      bound_issuer: 'someone',
      provider_config: {},
      namespace_in_state: true,
    };
    expect((await configure(sent)).status).toBe(204);
    expect((await ask(node, 'read', 'auth/jwt/config')).data).toEqual({
      oidc_discovery_url: provider.issuer,
      oidc_discovery_ca_pem: '',
      oidc_client_id: 'coffer',
      oidc_response_mode: 'form_post',
      oidc_response_types: ['code'],
      jwks_url: '',
      jwks_ca_pem: '',
      jwt_validation_pubkeys: [],
      bound_issuer: 'someone',
      jwt_supported_algs: ['RS256', 'ES256'],
      default_role: 'app',
      provider_config: {},
      namespace_in_state: true,
    });
    expect(await storedText(place.storage)).not.toContain('a-client-secret');
    expect(auditText(place.auditDirectory)).not.toContain('a-client-secret');
  });

  it('is a whole one: what is not sent again is not set any more', async () => {
    await configure({ jwks_url: provider.jwksUrl, bound_issuer: 'someone' });
    await configure();
    expect((await ask(node, 'read', 'auth/jwt/config')).data).toMatchObject({ bound_issuer: '' });
  });

  const pem = () => makeSigningKey('x', 'ES256').publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const privatePem = () =>
    makeSigningKey('x', 'ES256').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  it.each<[string, () => JsonObject, RegExp]>([
    ['nothing', () => ({}), /exactly one of/],
    [
      'two sources',
      () => ({ jwks_url: provider.jwksUrl, jwt_validation_pubkeys: [pem()] }),
      /exactly one of/,
    ],
    ['a key that is none', () => ({ jwt_validation_pubkeys: ['x'] }), /not a public key or certificate/],
    ['two keys in one text', () => ({ jwt_validation_pubkeys: [pem() + pem()] }), /several keys/],
    ['a private key', () => ({ jwt_validation_pubkeys: [privatePem()] }), /this is a private key/],
    ['plain http to elsewhere', () => ({ jwks_url: 'http://idp.example.com/keys' }), /must begin with https/],
    ['another scheme', () => ({ jwks_url: 'file:///etc/passwd' }), /must begin with https/],
    ['a URL with a password', () => ({ jwks_url: 'https://a:b@idp.example.com' }), /user name or password/],
    ['no URL', () => ({ oidc_discovery_url: 'idp' }), /is not a URL/],
    ['a metadata service', () => ({ jwks_url: 'https://169.254.169.254/keys' }), /never asked/],
    [
      'an authority that is none',
      () => ({ jwks_url: provider.jwksUrl, jwks_ca_pem: 'x' }),
      /not a list of certificates/,
    ],
    [
      'an authority without URL',
      () => ({ jwt_validation_pubkeys: [pem()], jwks_ca_pem: pem() }),
      /goes with jwks_url/,
    ],
    [
      'half a client',
      () => ({ oidc_discovery_url: provider.issuer, oidc_client_id: 'c' }),
      /both 'oidc_client_id'/,
    ],
    [
      'tokens from the browser',
      () => ({ oidc_discovery_url: provider.issuer, oidc_response_types: 'id_token' }),
      /oidc_response_types/,
    ],
    [
      'another response mode',
      () => ({ oidc_discovery_url: provider.issuer, oidc_response_mode: 'fragment' }),
      /oidc_response_mode/,
    ],
    [
      'HMACs',
      () => ({ jwks_url: provider.jwksUrl, jwt_supported_algs: 'HS256' }),
      /"HS256" is not an algorithm/,
    ],
    [
      'algorithm none',
      () => ({ jwks_url: provider.jwksUrl, jwt_supported_algs: 'none' }),
      /"none" is not an algorithm/,
    ],
    [
      'a provider of its own kind',
      () => ({ jwks_url: provider.jwksUrl, provider_config: { provider: 'azure' } }),
      /provider_config is not offered/,
    ],
    [
      'a default role that is no name',
      () => ({ jwks_url: provider.jwksUrl, default_role: '../x' }),
      /role name/,
    ],
  ])('is refused with %s, and nothing is stored', async (_what, sent, words) => {
    const answer = await configure(sent());
    expect(answer.status).toBe(400);
    expect(answer.errors.join()).toMatch(words);
    expect((await ask(node, 'read', 'auth/jwt/config')).status).toBe(404);
  });

  it('is tried out before it is stored', async () => {
    for (const [path, words] of [
      ['/.well-known/openid-configuration', /error checking oidc discovery URL/],
      ['/keys', /error checking oidc discovery URL/],
    ] as const) {
      provider.instead.set(path, (response) => response.writeHead(500).end());
      const answer = await configure({ oidc_discovery_url: provider.issuer });
      expect([answer.status, words.test(answer.errors.join())]).toEqual([400, true]);
      provider.instead.clear();
    }
    expect((await ask(node, 'read', 'auth/jwt/config')).status).toBe(404);
  });

  it('takes no document of another issuer, and none that points elsewhere by bad URLs', async () => {
    for (const document of [
      { issuer: 'https://other.example' },
      { jwks_uri: 'http://other.example/k' },
      { jwks_uri: 7 },
    ]) {
      provider.document = document as JsonObject;
      expect((await configure({ oidc_discovery_url: provider.issuer })).status).toBe(400);
    }
  });
});

describe('roles', () => {
  it('are written, changed in part, shown, listed and deleted', async () => {
    const sent = {
      bound_claims: { team: ['red', 'blue'], level: 3 },
      bound_claims_type: 'string',
      claim_mappings: { email: 'mail', '/a/b': 'deep' },
      groups_claim: 'groups',
      clock_skew_leeway: '2m',
      expiration_leeway: -1,
      not_before_leeway: '-5s',
      ttl: '20m',
      max_ttl: 3600,
    };
    expect((await writeRole(sent, 'App')).status).toBe(204);
    expect((await ask(node, 'update', 'auth/jwt/role/app', { bound_subject: 'ann' })).status).toBe(204);
    expect((await ask(node, 'read', 'auth/jwt/role/APP')).data).toEqual({
      role_type: 'jwt',
      user_claim: 'sub',
      user_claim_json_pointer: false,
      bound_audiences: ['coffer'],
      bound_subject: 'ann',
      bound_claims: { team: ['red', 'blue'], level: 3 },
      bound_claims_type: 'string',
      groups_claim: 'groups',
      claim_mappings: { email: 'mail', '/a/b': 'deep' },
      allowed_redirect_uris: [],
      oidc_scopes: [],
      clock_skew_leeway: 120,
      expiration_leeway: -1,
      not_before_leeway: -1,
      max_age: 0,
      verbose_oidc_logging: false,
      token_bound_cidrs: [],
      token_explicit_max_ttl: 0,
      token_max_ttl: 3_600,
      token_no_default_policy: false,
      token_num_uses: 0,
      token_period: 0,
      token_policies: ['app'],
      token_ttl: 1_200,
      token_type: 'default',
      ttl: 1_200,
      max_ttl: 3_600,
    });
    expect((await ask(node, 'list', 'auth/jwt/role/')).data).toEqual({ keys: ['app'] });
    expect((await ask(node, 'delete', 'auth/jwt/role/app')).status).toBe(204);
    expect((await ask(node, 'read', 'auth/jwt/role/app')).status).toBe(404);
    expect((await ask(node, 'delete', 'auth/jwt/role/app')).status).toBe(204);
  });

  it('are among those who can', async () => {
    await writePolicy(node, 'app', 'path "secret/data/db" { capabilities = ["read"] }');
    await writeRole();
    const asked = { path: 'secret/data/db', operation: 'read' };
    const { data } = await ask(node, 'update', 'sys/policies/who-can', asked);
    expect(data['roles']).toMatchObject([{ mount: 'auth/jwt/', type: 'jwt', name: 'app' }]);
  });

  it.each<[string, JsonObject, RegExp]>([
    ['without user claim', { user_claim: '' }, /a user claim must be defined/],
    ['without a bound', { bound_audiences: [] }, /must have at least one bound constraint/],
    ['of a third type', { role_type: 'saml' }, /role_type is one of/],
    ['for browsers that may go nowhere', { role_type: 'oidc' }, /'allowed_redirect_uris' must be set/],
    [
      'for browsers that may go anywhere',
      { role_type: 'oidc', allowed_redirect_uris: 'https://*' },
      /redirect URI/,
    ],
    [
      'for browsers that may go to no URL',
      { role_type: 'oidc', allowed_redirect_uris: '/callback' },
      /redirect URI/,
    ],
    ['that logs claims', { verbose_oidc_logging: true }, /verbose_oidc_logging/],
    ['with a bound that is an object', { bound_claims: { a: { b: 1 } } }, /a bound claim has/],
    [
      'with a glob that is a number',
      { bound_claims: { a: 1 }, bound_claims_type: 'glob' },
      /glob have texts/,
    ],
    ['with another way to compare', { bound_claims_type: 'regex' }, /bound_claims_type/],
    ['that maps to "role"', { claim_mappings: { a: 'role' } }, /reserved/],
    ['that maps two claims to one name', { claim_mappings: { a: 'x', b: 'x' } }, /a metadata key of its own/],
    ['with a leeway of a year', { clock_skew_leeway: '8760h' }, /clock_skew_leeway/],
    ['with a pointer that is none', { user_claim_json_pointer: true }, /begins with "\/"/],
    ['with the policy root', { token_policies: 'root' }, /root/],
  ])('are refused %s', async (_what, fields, words) => {
    const answer = await writeRole(fields);
    expect(answer.status).toBe(400);
    expect(answer.errors.join()).toMatch(words);
    expect((await ask(node, 'read', 'auth/jwt/role/app')).status).toBe(404);
  });
});

describe('a login', () => {
  beforeEach(async () => {
    await configure();
    await writeRole();
  });

  it('answers a token for whom the claims name', async () => {
    await writeRole({
      claim_mappings: { email: 'mail', '/org/unit': 'unit', level: 'level', none: 'none' },
      token_ttl: '20m',
    });
    const answer = await logIn({ email: 'ann@example.com', org: { unit: 'red' }, level: 3 });
    expect(answer.auth).toMatchObject({
      policies: ['app', 'default'],
      metadata: { role: 'app', mail: 'ann@example.com', unit: 'red', level: '3' },
      leaseDuration: 1_200,
      renewable: true,
    });
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(answer));
    expect(data).toMatchObject({ display_name: 'jwt-ann', path: 'auth/jwt/login', orphan: true });
  });

  it('takes the default role where none is named', async () => {
    await configure({ jwks_url: provider.jwksUrl, default_role: 'app' });
    expect((await logIn({}, '')).status).toBe(200);
    await configure();
    expect((await logIn({}, '')).errors).toEqual(['missing role']);
  });

  it('takes keys and certificates from the configuration, of every kind', async () => {
    for (const algorithm of ['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']) {
      provider.keys = [makeSigningKey('any', algorithm)];
      const publicKey = provider.keys[0]?.publicKey.export({ type: 'spki', format: 'pem' }).toString() ?? '';
      const other = new X509Certificate(makeCertificate('other').der).toString();
      await configure({ jwt_validation_pubkeys: [other, publicKey] });
      expect((await logIn()).status, algorithm).toBe(200);
      await configure({ jwt_validation_pubkeys: [other] });
      expect((await logIn()).status, algorithm).toBe(400);
    }
  });

  it('takes only the algorithms that the configuration says', async () => {
    await configure({ jwks_url: provider.jwksUrl, jwt_supported_algs: 'ES256' });
    expect((await logIn()).status).toBe(400);
  });

  it('finds the user by a JSON pointer, where the role says so', async () => {
    await writeRole({ user_claim: '/who/0/~1id', user_claim_json_pointer: true });
    const answer = await logIn({ who: [{ '/id': 'ann-7' }] });
    const { data } = await ask(node, 'read', 'auth/token/lookup-self', {}, tokenOf(answer));
    expect(data['display_name']).toBe('jwt-ann-7');
    expect((await logIn({ who: { '0': [] } })).status).toBe(400);
  });

  it('compares bound claims as texts, or by globs where the role says so', async () => {
    await writeRole({ bound_claims: { ref: 'refs/*' } });
    expect((await logIn({ ref: 'refs/heads/main' })).status).toBe(400);
    await writeRole({ bound_claims: { ref: 'refs/*/main' }, bound_claims_type: 'glob' });
    expect((await logIn({ ref: 'refs/heads/main' })).status).toBe(200);
    expect((await logIn({ ref: ['x', 'refs/heads/main'] })).status).toBe(200);
    expect((await logIn({ ref: 'refs/heads/other' })).status).toBe(400);
    expect((await logIn({ ref: 7 })).status).toBe(400);
  });

  it('gives the leeways that the role has', async () => {
    const now = Math.floor(place.clock.now() / 1_000);
    expect((await logIn({ exp: now - 59 })).status).toBe(200);
    await writeRole({ clock_skew_leeway: -1 });
    expect((await logIn({ exp: now - 59 })).status).toBe(400);
    expect((await logIn({ exp: now + 1 })).status).toBe(200);
    await writeRole({ clock_skew_leeway: '10m' });
    expect((await logIn({ exp: now - 599 })).status).toBe(200);
  });

  it('comes from the role’s networks only, and so do its tokens', async () => {
    await writeRole({ token_bound_cidrs: '192.0.2.0/28' });
    expect((await logIn({}, 'app', '192.0.2.99')).status).toBe(400);
    expect((await logIn({}, 'app', '192.0.2.3')).status).toBe(200);
  });

  it('is not by a role for browsers', async () => {
    await writeRole({ role_type: 'oidc', allowed_redirect_uris: 'http://localhost:8250/oidc/callback' });
    expect((await logIn()).errors).toEqual(['invalid role or token']);
  });

  it('is refused in words of its own before anything is configured, and without a token', async () => {
    await ask(node, 'update', 'sys/auth/other', { type: 'jwt' });
    const unset = await ask(node, 'update', 'auth/other/login', { role: 'a', jwt: 'x' }, null);
    expect(unset.errors).toEqual(['the method is not configured yet']);
    const empty = await ask(node, 'update', 'auth/jwt/login', { role: 'app' }, null);
    expect(empty.errors).toEqual(['missing jwt']);
  });

  it('threat 18: cannot be renewed once the role is gone, or is another by the same name', async () => {
    const token = tokenOf(await logIn());
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(200);
    await ask(node, 'delete', 'auth/jwt/role/app');
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(400);
    await writeRole();
    expect((await ask(node, 'update', 'auth/token/renew-self', {}, token)).status).toBe(400);
  });

  it('threat 16: leaves no token of the issuer in the audit log or the store', async () => {
    const jwt = await provider.sign({ sub: 'ann', aud: 'coffer' });
    await ask(node, 'update', 'auth/jwt/login', { role: 'app', jwt }, null);
    await ask(node, 'update', 'auth/jwt/login', { role: 'nobody', jwt }, null);
    for (const text of [auditText(place.auditDirectory), await storedText(place.storage)]) {
      for (const piece of jwt.split('.').slice(1)) expect(text).not.toContain(piece);
    }
  });
});

describe('the keys of an issuer', () => {
  beforeEach(async () => {
    await configure();
    await writeRole();
    await logIn();
  });

  it('are fetched anew when they have been kept for ten minutes, and not before', async () => {
    const before = provider.count('/keys');
    for (let count = 0; count < 5; count++) await logIn();
    expect(provider.count('/keys')).toBe(before);
    place.clock.jump(601);
    await logIn();
    expect(provider.count('/keys')).toBe(before + 1);
  });

  it('are fetched anew for a key that is new, so that rotation is no outage', async () => {
    place.clock.jump(31);
    provider.rotate('key-2');
    expect((await logIn()).status).toBe(200);
    provider.rotate('key-3', false, 'ES256');
    place.clock.jump(31);
    expect((await logIn()).status).toBe(200);
  });

  it('threat 24: are not believed any more once the issuer has taken them back, ten minutes later at most', async () => {
    const [old] = provider.keys;
    provider.rotate('key-2', false);
    place.clock.jump(601);
    if (old !== undefined) provider.keys = [old];
    const forged = await provider.sign({ sub: 'ann', aud: 'coffer' });
    provider.rotate('key-2', false);
    expect((await ask(node, 'update', 'auth/jwt/login', { role: 'app', jwt: forged }, null)).status).toBe(
      400,
    );
  });

  it('threat 15: are asked for once in half a minute at most, whatever keys strangers name, and once for all at once', async () => {
    place.clock.jump(31);
    const before = provider.count('/keys');
    const strangers = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        provider.sign({ sub: 'ann', aud: 'coffer' }, { kid: `k-${index}` }),
      ),
    );
    const answers = await Promise.all(
      strangers.map((jwt, index) =>
        ask(node, 'update', 'auth/jwt/login', { role: 'app', jwt }, null, { from: `198.51.100.${index}` }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
    expect(provider.count('/keys')).toBe(before + 1);
    expect((await logIn()).status).toBe(200);
  });

  it('that cannot be had are an outage and no refusal; what is kept goes on meanwhile', async () => {
    provider.instead.set('/keys', (response) => response.writeHead(503).end());
    expect((await logIn()).status).toBe(200);
    place.clock.jump(601);
    const answer = await logIn();
    expect([answer.status, answer.errors]).toEqual([503, ['the key set was answered with status 503']]);
    provider.instead.clear();
    expect((await logIn()).status).toBe(503);
    place.clock.jump(3);
    expect((await logIn()).status).toBe(200);
  });

  it('are another’s as soon as the configuration is, on every node', async () => {
    const second = await place.node();
    const other = await new OidcProvider({ now: () => place.clock.now() }).open();
    try {
      other.keys = [makeSigningKey('key-1')];
      await ask(second, 'update', 'auth/jwt/config', { jwks_url: other.jwksUrl });
      expect((await logIn()).status).toBe(400);
    } finally {
      await other.close();
    }
  });
});
