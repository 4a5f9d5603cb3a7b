import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto';
import { exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, makePlace, type Place } from '../../../test/fakes/client.ts';
import { makeSigningKey, OidcProvider, type SigningKey } from '../../../test/fakes/oidc-provider.ts';
import { type WatchedMethod, watched } from '../../../test/fakes/watched-method.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { outgoing } from '../../outgoing/https.ts';
import { jwtMethodWith } from './jwt.ts';

let place: Place;
let node: CofferNode;
let provider: OidcProvider;
let method: WatchedMethod;
const ec = makeSigningKey('key-ec', 'ES256');
const stranger = makeSigningKey('key-1');

beforeAll(async () => {
  method = watched(jwtMethodWith('jwt', outgoing));
  place = await makePlace({ silent: true, authMethods: [method.type] });
  node = await place.node();
  provider = await new OidcProvider({ now: () => place.clock.now() }).open();
  provider.keys = [...provider.keys, ec];
  await ask(node, 'update', 'sys/auth/jwt', { type: 'jwt' });
  await ask(node, 'update', 'auth/jwt/config', { oidc_discovery_url: provider.issuer, default_role: 'app' });
  await ask(node, 'update', 'auth/jwt/role/app', {
    role_type: 'jwt',
    user_claim: 'sub',
    bound_audiences: 'coffer,other',
    bound_claims: { team: ['red', 'blue'], admin: true },
    groups_claim: 'groups',
    token_policies: 'app',
  });
});
afterAll(async () => {
  await provider.close();
  await place.remove();
});

const claims: JsonObject = { sub: 'ann', aud: 'coffer', team: 'red', admin: true, groups: ['a', 'b'] };

function part(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return Buffer.from(text).toString('base64url');
}

function now(): number {
  return Math.floor(place.clock.now() / 1_000);
}

function key(): SigningKey {
  const [first] = provider.keys;
  if (first === undefined) throw new Error('there is no key');
  return first;
}

/** Signed by the provider's own key, whatever stands in it. Objects are made JSON, texts are taken as they are. */
function forged(header: unknown, payload: unknown = good(), by: KeyObject = key().privateKey): string {
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${signBytes('sha256', Buffer.from(input), by).toString('base64url')}`;
}

function good(more: Readonly<Record<string, unknown>> = {}): JsonObject {
  const all = { iss: provider.issuer, iat: now(), exp: now() + 300, ...claims, ...more };
  return JSON.parse(JSON.stringify(all)) as JsonObject;
}

function head(more: JsonObject = {}): JsonObject {
  return { alg: 'RS256', kid: 'key-1', ...more };
}

/** With the key that anybody can read as the secret of an HMAC. */
function hmacWithPublicKey(algorithm: 'HS256' | 'RS256', format: 'pem' | 'der'): string {
  const publicKey = createPublicKey(key().privateKey);
  const secret =
    format === 'pem'
      ? publicKey.export({ type: 'spki', format })
      : publicKey.export({ type: 'spki', format });
  const input = `${part({ alg: algorithm, kid: 'key-1' })}.${part(good())}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function withSignature(header: JsonObject, signature: Buffer): string {
  return `${part(header)}.${part(good())}.${signature.toString('base64url')}`;
}

type Hostile = readonly [what: string, token: () => string | Promise<string>, reason: RegExp];

const algorithm = /algorithm is not one/;
const signature = /signature does not match|no known key/;

const hostile: readonly Hostile[] = [
  [
    'algorithm none, without signature',
    () => `${part({ alg: 'none' })}.${part(good())}.`,
    /not a signed JWT/,
  ],
  ['algorithm none, with a signature', () => forged({ alg: 'none', kid: 'key-1' }), algorithm],
  ['algorithm NonE', () => forged({ alg: 'NonE' }), algorithm],
  ['no algorithm', () => forged({ kid: 'key-1' }), algorithm],
  ['a list of algorithms', () => forged({ alg: ['RS256', 'none'], kid: 'key-1' }), algorithm],
  ['an algorithm with a blank', () => forged({ alg: ' RS256', kid: 'key-1' }), algorithm],
  ['an algorithm that is a name of every object', () => forged({ alg: 'constructor' }), algorithm],
  ['HMAC with the public key in PEM', () => hmacWithPublicKey('HS256', 'pem'), algorithm],
  ['HMAC with the public key in DER', () => hmacWithPublicKey('HS256', 'der'), algorithm],
  ['an HMAC that is called RS256', () => hmacWithPublicKey('RS256', 'pem'), signature],
  ['RS256 that is called ES256', () => forged({ alg: 'ES256', kid: 'key-1' }), signature],
  ['RS256 that is called PS256', () => forged({ alg: 'PS256', kid: 'key-1' }), signature],
  ['RS256 that is called RS512', () => forged({ alg: 'RS512', kid: 'key-1' }), signature],
  [
    'ES256 by the key id of an RSA key',
    () => forged({ alg: 'ES256', kid: 'key-1' }, good(), ec.privateKey),
    signature,
  ],
  [
    'an ECDSA signature of zeros',
    () => withSignature({ alg: 'ES256', kid: 'key-ec' }, Buffer.alloc(64)),
    signature,
  ],
  [
    'an ECDSA signature in DER',
    () => forged({ alg: 'ES256', kid: 'key-ec' }, good(), ec.privateKey),
    signature,
  ],
  ['an RSA signature of zeros', () => withSignature(head(), Buffer.alloc(256)), signature],
  ['a signature of one byte', () => withSignature(head(), Buffer.from([1])), signature],
  ['somebody else’s key under the same id', () => forged(head(), good(), stranger.privateKey), signature],
  ['a key id that is a path', () => forged(head({ kid: '../../../dev/null' })), /no known key/],
  ['a key id that is SQL', () => forged(head({ kid: "x' UNION SELECT 'secret" })), /no known key/],
  ['a key id that is a URL', () => forged(head({ kid: 'https://evil.example/k' })), /no known key/],
  ['a key id that is a name of every object', () => forged(head({ kid: '__proto__' })), /no known key/],
  ['a key id that is a number', () => forged(head({ kid: 1 })), /key id is not a text/],
  ['a key id that is an object', () => forged(head({ kid: {} })), /key id is not a text/],
  ['a key id of 600 characters', () => forged(head({ kid: 'k'.repeat(600) })), /key id is not a text/],
  [
    'jku',
    () => forged(head({ kid: 'theirs', jku: 'https://evil.example/keys' }), good(), stranger.privateKey),
    /no known key/,
  ],
  [
    'x5u',
    () => forged(head({ kid: 'theirs', x5u: 'https://evil.example/c' }), good(), stranger.privateKey),
    /no known key/,
  ],
  [
    'a key of its own',
    async () =>
      forged(
        head({ kid: 'theirs', jwk: (await exportJWK(stranger.publicKey)) as JsonObject }),
        good(),
        stranger.privateKey,
      ),
    /no known key/,
  ],
  [
    'a key of its own under the known id',
    async () =>
      forged(head({ jwk: (await exportJWK(stranger.publicKey)) as JsonObject }), good(), stranger.privateKey),
    signature,
  ],
  [
    'a key of its own, and no id',
    async () =>
      forged(
        { alg: 'RS256', jwk: (await exportJWK(stranger.publicKey)) as JsonObject },
        good(),
        stranger.privateKey,
      ),
    signature,
  ],
  [
    'a certificate chain of its own',
    () => forged(head({ x5c: ['MIIB'] }), good(), stranger.privateKey),
    signature,
  ],
  ['a critical extension', () => forged(head({ crit: ['exp'], exp: 1 })), /asks for "crit"/],
  ['no critical extension, said at length', () => forged(head({ crit: [] })), /asks for "crit"/],
  ['a payload that is not encoded', () => forged(head({ b64: false })), /asks for "b64"/],
  ['compression', () => forged(head({ zip: 'DEF' })), /asks for "zip"/],
  ['a JWT in a JWT', () => forged(head({ cty: 'JWT' }), forged(head())), /payload is not JSON/],
  ['a JWT in a JWT, with claims', () => forged(head({ cty: 'JWT' })), /asks for "cty"/],
  ['an encrypted token', () => 'eyJhbGciOiJSU0EtT0FFUCJ9.AAAA.AAAA.AAAA.AAAA', /not a signed JWT/],
  ['a logout token', () => forged(head({ typ: 'logout+jwt' })), /another type/],
  ['a type that is no text', () => forged(head({ typ: ['JWT'] })), /another type/],
  ['a header with a name twice', () => forged('{"alg":"RS256","alg":"RS256","kid":"key-1"}'), /name twice/],
  [
    'a header with a name twice, once escaped',
    () => forged('{"alg":"none","\\u0061lg":"RS256","kid":"key-1"}'),
    /name twice/,
  ],
  [
    'claims with a name twice',
    () => forged(head(), JSON.stringify(good()).replace('{', '{"sub":"root",')),
    /name twice/,
  ],
  [
    'a name twice further in',
    () => forged(head(), JSON.stringify(good({ a: 1 })).replace('"a":1', '"a":{"b":1,"b":2}')),
    /name twice/,
  ],
  ['claims that are a list', () => forged(head(), [good()]), /payload is not an object/],
  ['claims that are null', () => forged(head(), 'null'), /payload is not an object/],
  ['a header that is a text', () => forged('"RS256"'), /header is not an object/],
  ['a header that is not JSON', () => forged('{alg:RS256}'), /header is not JSON/],
  [
    'a byte order mark before the claims',
    () => forged(head(), `\ufeff${JSON.stringify(good())}`),
    /payload is not JSON/,
  ],
  [
    'bytes that are no UTF-8',
    () => {
      const input = `${part(head())}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}`;
      return `${input}.${signBytes('sha256', Buffer.from(input), key().privateKey).toString('base64url')}`;
    },
    /payload is not JSON/,
  ],
  [
    'claims nested a thousand times',
    () => forged(head(), `{"a":${'['.repeat(1_000)}${']'.repeat(1_000)}}`),
    /too deep/,
  ],
  ['half a megabyte', () => forged(head(), good({ a: 'x'.repeat(400_000) })), /more than 32768 characters/],
  [
    'a header of five thousand characters',
    () => forged(head({ a: 'x'.repeat(5_000) })),
    /header is too long/,
  ],
  ['two parts', () => forged(head()).split('.').slice(0, 2).join('.'), /not a signed JWT/],
  ['four parts', () => `${forged(head())}.AAAA`, /not a signed JWT/],
  ['nothing but dots', () => '..', /not a signed JWT/],
  ['padding', () => forged(head()).replace(/$/, '=='), /not base64url/],
  ['a line end behind', () => `${forged(head())}\n`, /not base64url/],
  ['a blank before', () => ` ${forged(head())}`, /not base64url/],
  [
    'base64 of the other alphabet',
    () =>
      forged(head(), good({ a: '???>>>' }))
        .replace(/\.[^.]+\./, (body) => body.replaceAll('_', '/').replace(/^/, ''))
        .replace(/^([^.]+)\.([^.]+)/, '$1.$2/'),
    /not base64url/,
  ],
  ['no issuer', () => forged(head(), good({ iss: undefined })), /another issuer/],
  ['another issuer', () => forged(head(), good({ iss: 'https://evil.example' })), /another issuer/],
  [
    'the issuer with a slash more',
    () => forged(head(), good({ iss: `${provider.issuer}/` })),
    /another issuer/,
  ],
  ['a list of issuers', () => forged(head(), good({ iss: [provider.issuer] })), /another issuer/],
  ['another audience', () => forged(head(), good({ aud: 'elsewhere' })), /another audience/],
  ['no audience', () => forged(head(), good({ aud: undefined })), /another audience/],
  ['an empty list of audiences', () => forged(head(), good({ aud: [] })), /another audience/],
  ['audiences in one text', () => forged(head(), good({ aud: 'coffer,other' })), /another audience/],
  ['an audience in other letters', () => forged(head(), good({ aud: 'Coffer' })), /another audience/],
  [
    'an audience within another',
    () => forged(head(), good({ aud: 'coffer.evil.example' })),
    /another audience/,
  ],
  ['an audience that is an object', () => forged(head(), good({ aud: { coffer: true } })), /"aud" is not/],
  [
    'audiences of which one is a list',
    () => forged(head(), good({ aud: ['coffer', ['x']] })),
    /"aud" is not/,
  ],
  [
    'a token that has expired',
    () => forged(head(), good({ iat: now() - 900, exp: now() - 61 })),
    /has expired/,
  ],
  ['a token of tomorrow', () => forged(head(), good({ nbf: now() + 61 })), /not good yet/],
  [
    'a token issued tomorrow',
    () => forged(head(), good({ iat: now() + 61, nbf: now() - 1 })),
    /issued in the future/,
  ],
  [
    'a token that names no time',
    () => forged(head(), good({ iat: undefined, exp: undefined })),
    /names no time/,
  ],
  [
    'a token without end, issued long ago',
    () => forged(head(), good({ iat: now() - 3_600, exp: undefined })),
    /has expired/,
  ],
  ['an end that is a text', () => forged(head(), good({ exp: String(now() + 300) })), /"exp" is not a time/],
  ['an end that is null', () => forged(head(), good({ exp: null })), /"exp" is not a time/],
  [
    'an end beyond all numbers',
    () => forged(head(), JSON.stringify(good({ exp: 7 })).replace('"exp":7', '"exp":1e400')),
    /"exp" is not a time/,
  ],
  ['an end before the beginning of time', () => forged(head(), good({ exp: -1 })), /"exp" is not a time/],
  ['a beginning that is a list', () => forged(head(), good({ nbf: [0] })), /"nbf" is not a time/],
  ['no user', () => forged(head(), good({ sub: undefined })), /user claim/],
  ['a user that is a number', () => forged(head(), good({ sub: 1 })), /user claim/],
  ['a user that is a list', () => forged(head(), good({ sub: ['ann'] })), /user claim/],
  ['a user that is an object', () => forged(head(), good({ sub: { toString: 'ann' } })), /user claim/],
  ['an empty user', () => forged(head(), good({ sub: '' })), /user claim/],
  ['a user with a blank behind', () => forged(head(), good({ sub: 'ann ' })), /user claim/],
  ['a user with a zero-width space', () => forged(head(), good({ sub: 'an\u200bn' })), /user claim/],
  ['a user written backwards', () => forged(head(), good({ sub: '\u202enna' })), /user claim/],
  ['a user with NUL', () => forged(head(), good({ sub: 'ann\u0000' })), /user claim/],
  [
    'a user with half a character',
    () => forged(head(), JSON.stringify(good({ sub: 'X' })).replace('"X"', '"ann\\ud800"')),
    /user claim/,
  ],
  ['a user of a thousand characters', () => forged(head(), good({ sub: 'a'.repeat(1_000) })), /user claim/],
  [
    'a bound claim that is missing',
    () => forged(head(), good({ team: undefined })),
    /bound claim is missing/,
  ],
  [
    'a bound claim of another value',
    () => forged(head(), good({ team: 'green' })),
    /bound claim has another/,
  ],
  [
    'a bound claim within a list within a list',
    () => forged(head(), good({ team: [['red']] })),
    /bound claim has another/,
  ],
  ['a bound claim that is a glob', () => forged(head(), good({ team: '*' })), /bound claim has another/],
  [
    'a bound claim that is true as a text',
    () => forged(head(), good({ admin: 'true' })),
    /bound claim has another/,
  ],
  [
    'a bound claim that is true as a number',
    () => forged(head(), good({ admin: 1 })),
    /bound claim has another/,
  ],
  ['no groups', () => forged(head(), good({ groups: undefined })), /groups claim/],
  ['groups that are objects', () => forged(head(), good({ groups: [{ name: 'a' }] })), /groups claim/],
  ['groups of which one is a number', () => forged(head(), good({ groups: ['a', 1] })), /groups claim/],
];

describe('threat 24: a hostile JWT', () => {
  it('is told from one that is right', async () => {
    for (const token of [forged(head()), forged({ alg: 'RS256' }), await provider.sign(claims)]) {
      const answer = await ask(node, 'update', 'auth/jwt/login', { role: 'app', jwt: token }, null);
      expect(answer.auth?.policies).toEqual(['app', 'default']);
    }
    const answer = await ask(
      node,
      'update',
      'auth/jwt/login',
      { jwt: forged(head(), good({ aud: ['x', 'other'] })) },
      null,
    );
    expect(answer.auth?.metadata).toEqual({ role: 'app' });
  });

  it.each(hostile)('is refused as all others are: %s', async (_what, token, reason) => {
    place.clock.jump(60);
    const answer = await ask(node, 'update', 'auth/jwt/login', { role: 'app', jwt: await token() }, null);
    expect([answer.status, answer.errors, answer.auth]).toEqual([400, ['invalid role or token'], null]);
    expect(method.reason()).toMatch(reason);
  });

  it('makes nobody ask anywhere but at the provider, and there not often', () => {
    const paths = new Set(provider.asked);
    expect([...paths].toSorted()).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('tells nothing of roles either', async () => {
    const right = forged(head());
    for (const [role, reason] of [
      ['nobody', /no such role/],
      ['../app', /no such role/],
      ['APP\u0000', /no such role/],
    ] as const) {
      const answer = await ask(node, 'update', 'auth/jwt/login', { role, jwt: right }, null);
      expect([answer.status, answer.errors]).toEqual([400, ['invalid role or token']]);
      expect(method.reason()).toMatch(reason);
      const wrong = await ask(node, 'update', 'auth/jwt/login', { role, jwt: `${right}x` }, null);
      expect([wrong.status, wrong.errors]).toEqual([400, ['invalid role or token']]);
    }
  });
});

describe('threat 24: keys that are not believed', () => {
  it.each([
    ['an HMAC key', { kty: 'oct', k: 'c2VjcmV0', kid: 'x' }],
    [
      'a private key',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
    ],
    ['a key for encryption', () => ({ ...ec.publicKey.export({ format: 'jwk' }), use: 'enc' })],
    ['a key that may not verify', () => ({ ...ec.publicKey.export({ format: 'jwk' }), key_ops: ['sign'] })],
    ['a key that says it is for HMACs', () => ({ ...ec.publicKey.export({ format: 'jwk' }), alg: 'HS256' })],
    [
      'a short RSA key',
      () => generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' }),
    ],
    [
      'a curve that nobody asked for',
      () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }),
    ],
    ['a point that is not on its curve', { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }],
  ])('%s', async (_what, jwk) => {
    const keys = [typeof jwk === 'function' ? jwk() : jwk];
    provider.instead.set('/keys', (response) => {
      response.end(JSON.stringify({ keys }));
    });
    const answer = await ask(node, 'update', 'auth/jwt/config', { jwks_url: provider.jwksUrl });
    provider.instead.clear();
    expect(answer.status).toBe(400);
    expect(answer.errors.join()).toMatch(/error checking jwks URL: the key set has no public key/);
  });
});
