/** What an OpenID provider says of itself (OpenID Connect Discovery 1.0), and the requests of a login to it. */

import { parseStrictObject } from '../../crypto/jwt/strict-json.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { isLoopbackName } from '../../outgoing/guarded-lookup.ts';
import { hostOf, type Outgoing, type OutgoingAnswer, parseOutgoingUrl } from '../../outgoing/https.ts';
import type { JwtConfig } from './config.ts';

/** Empty where the provider names none. */
export interface Provider {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userinfoEndpoint: string;
  /** Ways in which clients prove themselves at the token endpoint. */
  readonly authMethods: readonly string[];
}

/** Bytes. */
const longestDocument = 128 * 1024;
const longestTokens = 128 * 1024;

/** Throws `unavailable` when the provider does not answer, `invalid_request` when its answer is not to be believed. */
export async function discover(outgoing: Outgoing, config: JwtConfig): Promise<Provider> {
  const { discoveryUrl, discoveryCa: ca } = config;
  const url = `${discoveryUrl.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const answer = await outgoing({ url, ca, longest: longestDocument });
  if (answer.status !== 200)
    throw refused(`the discovery document was answered with status ${answer.status}`);
  const document = parseStrictObject(answer.body, 'the discovery document');
  // Discovery §4.3: exactly, or one provider could speak for another.
  if (document['issuer'] !== discoveryUrl) {
    throw refused('the issuer in the discovery document is not oidc_discovery_url');
  }
  const methods = document['token_endpoint_auth_methods_supported'];
  return {
    issuer: discoveryUrl,
    jwksUri: endpointOf(document, 'jwks_uri', discoveryUrl),
    authorizationEndpoint: endpointOf(document, 'authorization_endpoint', discoveryUrl),
    tokenEndpoint: endpointOf(document, 'token_endpoint', discoveryUrl),
    userinfoEndpoint: endpointOf(document, 'userinfo_endpoint', discoveryUrl),
    authMethods: Array.isArray(methods) ? methods.filter((one) => typeof one === 'string') : [],
  };
}

/** A provider elsewhere must not send us to this machine's own services. */
function endpointOf(document: JsonObject, name: string, discoveryUrl: string): string {
  const value = document[name];
  if (value === undefined || value === '') return '';
  if (typeof value !== 'string') throw refused(`"${name}" in the discovery document is not a URL`);
  const url = parseOutgoingUrl(value, `"${name}" in the discovery document`);
  const from = new URL(discoveryUrl);
  if (isLoopbackName(hostOf(url)) && !isLoopbackName(hostOf(from))) {
    throw refused(`"${name}" in the discovery document points to this machine`);
  }
  return value;
}

export interface CodeExchange {
  readonly code: string;
  readonly redirectUri: string;
  /** The PKCE secret (RFC 7636 §4.1). */
  readonly verifier: string;
  readonly signal: AbortSignal;
}

export interface Tokens {
  readonly idToken: string;
  readonly accessToken: string;
}

/** Trades the code that a browser brought (OpenID Connect Core 1.0 §3.1.3). Throws `invalid_request` when the provider does not. */
export async function exchangeCode(
  outgoing: Outgoing,
  config: JwtConfig,
  provider: Provider,
  { code, redirectUri, verifier, signal }: CodeExchange,
): Promise<Tokens> {
  const client = clientProof(config, provider);
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...client.form,
  });
  const answer = await outgoing({
    url: provider.tokenEndpoint,
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...client.headers },
    body: form.toString(),
    ca: config.discoveryCa,
    longest: longestTokens,
    signal,
  });
  if (answer.status >= 500) throw new CofferError('unavailable', 'the provider cannot trade codes now');
  if (answer.status !== 200) throw refused('the provider did not take the code');
  const tokens = parseStrictObject(answer.body, 'the answer of the token endpoint');
  const { id_token: idToken, access_token: accessToken } = tokens;
  if (typeof idToken !== 'string') throw refused('the provider answered the code without an ID token');
  return { idToken, accessToken: typeof accessToken === 'string' ? accessToken : '' };
}

/** RFC 6749 §2.3.1: HTTP Basic with both parts encoded as in a form, unless the provider takes them in the body only. */
function clientProof({ clientId, clientSecret }: JwtConfig, { authMethods }: Provider) {
  const inBody = authMethods.includes('client_secret_post') && !authMethods.includes('client_secret_basic');
  if (inBody) return { headers: {}, form: { client_id: clientId, client_secret: clientSecret } };
  const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
  return { headers: { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` }, form: {} };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/** What the provider tells of the person besides (OpenID Connect Core 1.0 §5.3); of nobody but `subject`. */
export async function readUserinfo(
  outgoing: Outgoing,
  config: JwtConfig,
  provider: Provider,
  { accessToken, subject, signal }: { accessToken: string; subject: unknown; signal: AbortSignal },
): Promise<JsonObject> {
  // It goes into a header: what is not a token of RFC 6750 §2.1 must not add one.
  if (!/^[\w.~+/-]+=*$/.test(accessToken)) throw refused('the provider’s access token is not one');
  const answer: OutgoingAnswer = await outgoing({
    url: provider.userinfoEndpoint,
    headers: { Authorization: `Bearer ${accessToken}` },
    ca: config.discoveryCa,
    longest: longestTokens,
    signal,
  });
  if (answer.status !== 200 || answer.contentType !== 'application/json') {
    throw refused('the provider did not answer who it is');
  }
  const claims = parseStrictObject(answer.body, 'the answer of the userinfo endpoint');
  // §5.3.4, and §5.3.2 says what happens to whoever does not look.
  if (typeof subject !== 'string' || claims['sub'] !== subject) throw refused('userinfo is of somebody else');
  return claims;
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
