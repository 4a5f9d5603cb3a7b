/**
 * An OpenID provider of its own process-local kind: discovery, authorisation code with PKCE, ID tokens, userinfo and rotating
 * keys, as OpenID Connect Core 1.0, Discovery 1.0, RFC 6749 and RFC 7636 have them. Whoever comes to its login is `person`, who
 * always agrees. What it was asked is counted.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import type { JsonObject } from '../../src/json.ts';

export interface SigningKey {
  readonly keyId: string;
  readonly algorithm: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

interface Grant {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string;
  readonly scope: string;
}

export interface ProviderOptions {
  /** Milliseconds; tests hand in their clock's. */
  readonly now: () => number;
  readonly clientId?: string;
  readonly clientSecret?: string;
}

export function makeSigningKey(keyId: string, algorithm = 'RS256'): SigningKey {
  const pair =
    algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : algorithm.startsWith('ES')
        ? generateKeyPairSync('ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384' }[algorithm] ?? 'P-521' })
        : generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return { keyId, algorithm, ...pair };
}

let first: SigningKey | undefined;

/** Every provider's first key: RSA keys take long to make. */
function firstKey(): SigningKey {
  first ??= makeSigningKey('key-1');
  return first;
}

export class OidcProvider {
  readonly clientId: string;
  readonly clientSecret: string;
  /** What the ID token says of whoever logs in. */
  person: JsonObject = { sub: 'u-1', email: 'ann@example.com' };
  /** What only userinfo says. */
  more: JsonObject = {};
  /** Changes what is about to be signed: for providers that err. */
  bend: (claims: JsonObject) => JsonObject = (claims) => claims;
  /** Put into the discovery document. */
  document: JsonObject = {};
  /** What a path answers in place of its own. */
  readonly instead = new Map<string, (response: ServerResponse) => void>();
  readonly asked: string[] = [];
  /** Authorization headers of the token endpoint and of userinfo, as they came. */
  readonly credentials: string[] = [];
  keys: readonly SigningKey[] = [firstKey()];
  readonly #now: () => number;
  readonly #grants = new Map<string, Grant>();
  readonly #tokens = new Set<string>();
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });

  constructor(options: ProviderOptions) {
    this.#now = options.now;
    this.clientId = options.clientId ?? 'coffer';
    this.clientSecret = options.clientSecret ?? 'a secret: with/odd characters';
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get jwksUrl(): string {
    return `${this.issuer}/keys`;
  }

  /** Signs with the newest key from now on; older ones are published as long as `keepsOld`. */
  rotate(keyId: string, keepsOld = true, algorithm = 'RS256'): void {
    this.keys = [makeSigningKey(keyId, algorithm), ...(keepsOld ? this.keys : [])];
  }

  /** A token of this issuer. Members that are undefined are left out. */
  async sign(claims: Readonly<Record<string, unknown>>, header: JsonObject = {}): Promise<string> {
    const [key] = this.keys;
    if (key === undefined) throw new Error('there is no key');
    const now = Math.floor(this.#now() / 1_000);
    const payload = { iss: this.issuer, iat: now, exp: now + 300, ...claims };
    return new SignJWT(JSON.parse(JSON.stringify(payload)) as JsonObject)
      .setProtectedHeader({ alg: key.algorithm, kid: key.keyId, typ: 'JWT', ...header })
      .sign(key.privateKey);
  }

  count(path: string): number {
    return this.asked.filter((one) => one === path).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    this.asked.push(url.pathname);
    const instead = this.instead.get(url.pathname);
    if (instead !== undefined) return instead(response);
    const { authorization } = request.headers;
    if (authorization !== undefined) this.credentials.push(authorization);
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json(response, 200, this.#discovery());
      case '/keys':
        return json(response, 200, { keys: await this.#jwks() });
      case '/authorize':
        return this.#authorize(url.searchParams, response);
      case '/token':
        return this.#token(authorization ?? '', new URLSearchParams(await text(request)), response);
      case '/userinfo':
        return this.#userinfo(authorization ?? '', response);
      default:
        return json(response, 404, {});
    }
  }

  #discovery(): JsonObject {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
      jwks_uri: this.jwksUrl,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      ...this.document,
    };
  }

  #jwks(): Promise<readonly JsonObject[]> {
    return Promise.all(
      this.keys.map(async ({ keyId, algorithm, publicKey }) => ({
        ...((await exportJWK(publicKey)) as JsonObject),
        kid: keyId,
        alg: algorithm,
        use: 'sig',
      })),
    );
  }

  #authorize(query: URLSearchParams, response: ServerResponse): void {
    const member = (name: string) => query.get(name) ?? '';
    const isRight =
      member('response_type') === 'code' &&
      member('client_id') === this.clientId &&
      member('code_challenge_method') === 'S256' &&
      member('scope').split(' ').includes('openid');
    if (!isRight) {
      json(response, 400, { error: 'invalid_request' });
      return;
    }
    const code = randomBytes(12).toString('base64url');
    this.#grants.set(code, {
      redirectUri: member('redirect_uri'),
      challenge: member('code_challenge'),
      nonce: member('nonce'),
      scope: member('scope'),
    });
    const back = new URL(member('redirect_uri'));
    back.searchParams.set('code', code);
    back.searchParams.set('state', member('state'));
    response.writeHead(302, { Location: back.toString() }).end();
  }

  async #token(authorization: string, form: URLSearchParams, response: ServerResponse): Promise<void> {
    const basic = [this.clientId, this.clientSecret]
      .map((part) => new URLSearchParams({ '': part }).toString().slice(1))
      .join(':');
    if (authorization !== `Basic ${Buffer.from(basic).toString('base64')}`) {
      return json(response, 401, { error: 'invalid_client' });
    }
    const code = form.get('code') ?? '';
    const grant = this.#grants.get(code);
    this.#grants.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight =
      form.get('grant_type') === 'authorization_code' &&
      grant?.redirectUri === form.get('redirect_uri') &&
      grant?.challenge === challenge;
    if (grant === undefined || !isRight) return json(response, 400, { error: 'invalid_grant' });
    const accessToken = randomBytes(12).toString('base64url');
    this.#tokens.add(accessToken);
    const nonce = grant.nonce === '' ? {} : { nonce: grant.nonce };
    const idToken = await this.sign(this.bend({ aud: this.clientId, ...nonce, ...this.person }));
    json(response, 200, {
      token_type: 'Bearer',
      access_token: accessToken,
      id_token: idToken,
      expires_in: 60,
    });
  }

  #userinfo(authorization: string, response: ServerResponse): void {
    const isKnown = this.#tokens.has(authorization.replace('Bearer ', ''));
    json(response, isKnown ? 200 : 401, isKnown ? { ...this.person, ...this.more } : {});
  }
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

export async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
