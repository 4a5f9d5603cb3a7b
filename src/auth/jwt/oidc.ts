/** Logins by browser: the URL to go to, and what comes back from there (OpenID Connect Core 1.0 §3.1, with PKCE of RFC 7636). */
import { timingSafeEqual } from 'node:crypto';
import {
  type Call,
  type Endpoint,
  endpoint,
  type Fields,
  type FieldValues,
  type Principal,
} from '../../core/endpoint.ts';
import { audiencesOf } from '../../crypto/jwt/audience.ts';
import { checkLifetime, numericDate } from '../../crypto/jwt/lifetime.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { ReadRole } from '../role-records.ts';
import { missingClaims } from './claims.ts';
import { type JwtConfig, needConfig, type ReadConfig, roleNameOf } from './config.ts';
import { type JwtRooms, principalOf, roleFor, uniform } from './login.ts';
import { exchangeCode, type Provider, readUserinfo, type Tokens } from './provider.ts';
import { type JwtRole, leewaysOf } from './role.ts';
import {
  challengeOf,
  checkUnused,
  clientNonceDigest,
  makeState,
  nonceOf,
  parseState,
  stateLife,
  useState,
  verifierOf,
} from './state.ts';
import { idTokenAlgorithmsOf } from './trust.ts';

export function oidcEndpoints(rooms: JwtRooms): readonly Endpoint[] {
  return [authUrlEndpoint(rooms), callbackEndpoint(rooms)];
}

function authUrlEndpoint(rooms: JwtRooms): Endpoint {
  return endpoint({
    pattern: 'oidc/auth_url',
    help: 'Begins a login by browser.',
    fields: {
      role: { type: 'string', help: 'The role; the configuration’s default role when absent.' },
      redirect_uri: { type: 'string', help: 'Where the browser is sent to afterwards.', required: true },
      client_nonce: {
        type: 'string',
        help: 'Text of the client’s own; whoever completes the login must know it.',
        sensitive: true,
      },
    },
    operations: {
      update: {
        summary: 'Get a URL to log in at',
        login: true,
        response: {
          auth_url: { type: 'string', help: 'Empty where the role does not allow that.', sensitive: true },
        },
        handle: async (call) => {
          const { role, redirect_uri: redirectUri, client_nonce: clientNonce } = call.fields;
          return { data: { auth_url: await authUrl(rooms, call, role, redirectUri, clientNonce) } };
        },
      },
    },
  });
}

const longestNonce = 512;

/** Empty for a role and redirect URI that do not go together, as in Vault: which of them it is, is not told. */
async function authUrl(
  { environment, trust }: JwtRooms,
  call: Call,
  asked: string | undefined,
  redirectUri: string,
  clientNonce: string | undefined,
): Promise<string> {
  const read = await needClient(call);
  if ((clientNonce ?? '').length > longestNonce) {
    throw new CofferError('invalid_request', `client_nonce has at most ${longestNonce} characters`);
  }
  const name = roleNameOf(asked, read.config);
  const found = await roleFor(call, name, 'oidc').catch(ifRefused);
  if (found === undefined || !found.role.redirectUris.includes(redirectUri)) return '';
  const provider = await trust.provider(read);
  const state = makeState(environment, environment.random, {
    role: found.role.name,
    redirectUri,
    clientNonce: clientNonceDigest(environment, clientNonce),
    expiresAt: call.clock.now() + stateLife,
  });
  const url = new URL(provider.authorizationEndpoint);
  for (const [member, value] of requestParameters(read.config, found.role, redirectUri)) {
    url.searchParams.set(member, value);
  }
  url.searchParams.set('state', state);
  url.searchParams.set('nonce', nonceOf(environment, state));
  url.searchParams.set('code_challenge', challengeOf(verifierOf(environment, state)));
  url.searchParams.set('code_challenge_method', 'S256');
  return url.toString();
}

function ifRefused(error: unknown): undefined {
  if (error instanceof CofferError && error.code === 'invalid_request') return undefined;
  throw error;
}

function requestParameters(
  config: JwtConfig,
  role: JwtRole,
  redirectUri: string,
): readonly [string, string][] {
  const scopes = ['openid', ...role.scopes.filter((scope) => scope !== 'openid')];
  return [
    ['response_type', 'code'],
    ['client_id', config.clientId],
    ['redirect_uri', redirectUri],
    ['scope', scopes.join(' ')],
    ...(config.responseMode === 'form_post' ? [['response_mode', 'form_post'] as [string, string]] : []),
    ...(role.maxAge > 0 ? [['max_age', String(role.maxAge)] as [string, string]] : []),
  ];
}

async function needClient(call: Call): Promise<ReadConfig> {
  const read = await needConfig(call.view);
  if (read.config.clientId !== '') return read;
  throw new CofferError(
    'invalid_request',
    'logins by browser are not configured: there is no oidc_client_id',
  );
}

const callbackFields = {
  state: { type: 'string', help: 'As it came back.', sensitive: true },
  code: { type: 'string', help: 'The code that came with it.', sensitive: true },
  client_nonce: { type: 'string', help: 'The same as when the URL was asked for.', sensitive: true },
  error: { type: 'string', help: 'What the provider sends in place of a code.' },
  error_description: { type: 'string', help: 'Its words for that; they are not passed on.', sensitive: true },
  iss: { type: 'string', help: 'The provider’s name, where it sends one along.' },
} as const satisfies Fields;

type Callback = FieldValues<typeof callbackFields>;

function callbackEndpoint(rooms: JwtRooms): Endpoint {
  const done: Done = new WeakMap();
  const handle = async (call: Call<typeof callbackFields>) => ({ login: await complete(rooms, done, call) });
  const summary = 'Complete a login by browser';
  return endpoint({
    pattern: 'oidc/callback',
    help: 'Takes what the provider sent the browser back with, and answers a token.',
    fields: callbackFields,
    operations: {
      // The code is used up and records are written, whichever method brings it: both are Vault's.
      read: { summary, login: true, response: {}, handle },
      update: { summary, login: true, handle },
    },
  });
}

/** What came of one request's code: when its commit meets a conflict, the code cannot be traded again. */
type Done = WeakMap<Call, { readonly claims: JsonObject; readonly role: string }>;

async function complete(rooms: JwtRooms, done: Done, call: Call<typeof callbackFields>): Promise<Principal> {
  const read = await needClient(call);
  if ((call.fields.state ?? '') === '') throw new CofferError('invalid_request', 'missing state');
  return uniform(async () => {
    const proof = done.get(call) ?? (await prove(rooms, call, read));
    done.set(call, proof);
    const found = await roleFor(call, proof.role, 'oidc');
    return principalOf(rooms, read, found, proof.claims);
  });
}

async function prove(rooms: JwtRooms, call: Call<typeof callbackFields>, read: ReadConfig) {
  const { environment, trust, outgoing } = rooms;
  const { state: text = '', code = '', error = '', iss } = call.fields;
  const state = parseState(environment, text, call.clock.now());
  checkReturn(rooms, call.fields, state.clientNonce);
  const found = await roleFor(call, state.role, 'oidc');
  await checkUnused(environment, call.view, text);
  if (error !== '' || code === '') throw refused('the provider sent no code');
  const provider = await trust.provider(read);
  // RFC 9207 §2.4: who sends it along must be the provider that was asked.
  if (iss !== undefined && iss !== provider.issuer) throw refused('the code is another provider’s');
  const tokens = await exchangeCode(outgoing, read.config, provider, {
    code,
    redirectUri: state.redirectUri,
    verifier: verifierOf(environment, text),
    signal: call.signal(),
  });
  const idToken = await trust.claimsOf(tokens.idToken, read, idTokenAlgorithmsOf(read.config));
  checkIdToken(idToken, read.config, found.role, nonceOf(environment, text), call.clock.now());
  const claims = await completed(rooms, call, read, found, provider, tokens, idToken);
  await useState(environment, call.view, text, state);
  return { claims, role: state.role };
}

function checkReturn({ environment }: JwtRooms, fields: Callback, wanted: string): void {
  const given = Buffer.from(clientNonceDigest(environment, fields.client_nonce));
  const known = Buffer.from(wanted);
  if (given.length !== known.length || !timingSafeEqual(given, known)) throw refused('invalid client_nonce');
}

/** OpenID Connect Core 1.0 §3.1.3.7. Signature and issuer are checked already. */
function checkIdToken(
  claims: JsonObject,
  config: JwtConfig,
  role: JwtRole,
  nonce: string,
  now: number,
): void {
  const audiences = audiencesOf(claims);
  if (!audiences.includes(config.clientId)) throw refused('the ID token is for another client');
  const { azp } = claims;
  if ((audiences.length > 1 || azp !== undefined) && azp !== config.clientId) {
    throw refused('the ID token was made for another client');
  }
  if (claims['nonce'] !== nonce) throw refused('the ID token is of another login');
  if (typeof claims['sub'] !== 'string') throw refused('the ID token has no subject');
  if (numericDate(claims, 'exp') === undefined || numericDate(claims, 'iat') === undefined) {
    throw refused('the ID token names no end or no beginning');
  }
  const leeways = leewaysOf(role);
  checkLifetime(claims, now, leeways);
  if (role.maxAge === 0) return;
  const provedAt = numericDate(claims, 'auth_time');
  if (provedAt === undefined || provedAt + role.maxAge + leeways.clockSkew < now / 1_000) {
    throw refused('the person logged in at the provider too long ago');
  }
}

/** With what the userinfo endpoint tells besides, where the role reads something that the ID token does not say. */
async function completed(
  { outgoing }: JwtRooms,
  call: Call,
  { config }: ReadConfig,
  { role }: ReadRole<JwtRole>,
  provider: Provider,
  { accessToken }: Tokens,
  claims: JsonObject,
): Promise<JsonObject> {
  const { userinfoEndpoint } = provider;
  if (userinfoEndpoint === '' || accessToken === '' || missingClaims(role, claims).length === 0)
    return claims;
  const subject = claims['sub'];
  const told = await readUserinfo(outgoing, config, provider, {
    accessToken,
    subject,
    signal: call.signal(),
  });
  return { ...told, ...claims };
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
