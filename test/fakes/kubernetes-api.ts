/**
 * What a Kubernetes API server answers about tokens (TokenReview of authentication.k8s.io/v1), over TLS: tokens of its own
 * service accounts, bound ones and those of secrets, each known until it is deleted.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { isJsonObject, type JsonObject } from '../../src/json.ts';
import { makeCertificate, type TestCertificate } from './certificate.ts';
import { json, makeSigningKey, type SigningKey, text } from './oidc-provider.ts';

export interface Account {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

interface Known extends Account {
  readonly audiences: readonly string[];
}

const ownAudience = 'https://kubernetes.default.svc.cluster.local';

let shared: SigningKey | undefined;

/** Every cluster's key: RSA keys take long to make. */
function clusterKey(): SigningKey {
  shared ??= makeSigningKey('cluster-key');
  return shared;
}

export class KubernetesApi {
  readonly certificate: TestCertificate = makeCertificate('kubernetes');
  readonly key = clusterKey();
  /** Who may ask for reviews. */
  readonly reviewers = new Set<string>();
  /** Bodies of the reviews that were asked for. */
  readonly reviews: JsonObject[] = [];
  /** In place of a review's answer. */
  instead: ((response: ServerResponse) => void) | undefined;
  /** Changes a review's status: for servers that err. */
  bend: (status: JsonObject) => JsonObject = (status) => status;
  readonly #now: () => number;
  readonly #tokens = new Map<string, Known>();
  readonly #server: Server;

  constructor(now: () => number) {
    this.#now = now;
    this.#server = createServer(
      { key: this.certificate.key, cert: this.certificate.certificate },
      (request, response) => {
        this.#answer(request, response).catch(() => json(response, 500, {}));
      },
    );
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

  get host(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** A token as pods get them, for an hour. */
  async boundToken(
    account: Account,
    audiences: readonly string[] = [ownAudience],
    more: JsonObject = {},
  ): Promise<string> {
    const now = Math.floor(this.#now() / 1_000);
    const { namespace, name, uid } = account;
    const token = await this.sign({
      iss: ownAudience,
      aud: audiences,
      iat: now,
      nbf: now,
      exp: now + 3_600,
      sub: `system:serviceaccount:${namespace}:${name}`,
      'kubernetes.io': { namespace, serviceaccount: { name, uid }, pod: { name: 'pod-1', uid: 'p-1' } },
      ...more,
    });
    this.#tokens.set(token, { ...account, audiences });
    return token;
  }

  /** A token as secrets hold them, without end. */
  async secretToken(account: Account, secret: string): Promise<string> {
    const { namespace, name, uid } = account;
    const token = await this.sign({
      iss: 'kubernetes/serviceaccount',
      'kubernetes.io/serviceaccount/namespace': namespace,
      'kubernetes.io/serviceaccount/secret.name': secret,
      'kubernetes.io/serviceaccount/service-account.name': name,
      'kubernetes.io/serviceaccount/service-account.uid': uid,
      sub: `system:serviceaccount:${namespace}:${name}`,
    });
    this.#tokens.set(token, { ...account, audiences: [ownAudience] });
    return token;
  }

  sign(claims: JsonObject): Promise<string> {
    const header = { alg: this.key.algorithm, kid: this.key.keyId };
    return new SignJWT(claims).setProtectedHeader(header).sign(this.key.privateKey);
  }

  /** As when a pod or a secret is deleted. */
  forget(token: string): void {
    this.#tokens.delete(token);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.instead !== undefined) return this.instead(response);
    if (request.url !== '/apis/authentication.k8s.io/v1/tokenreviews' || request.method !== 'POST') {
      return json(response, 404, { kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 });
    }
    const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    const mayReview = this.reviewers.has(bearer);
    if (!mayReview) {
      const code = this.#tokens.has(bearer) ? 403 : 401;
      return json(response, code, { kind: 'Status', status: 'Failure', reason: 'Forbidden', code });
    }
    const review = JSON.parse(await text(request)) as JsonObject;
    this.reviews.push(review);
    const spec = isJsonObject(review['spec']) ? review['spec'] : {};
    const status = this.bend(this.#statusOf(String(spec['token']), spec['audiences']));
    json(response, 201, {
      kind: 'TokenReview',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {},
      spec,
      status,
    });
  }

  #statusOf(token: string, wanted: unknown): JsonObject {
    const known = this.#tokens.get(token);
    const asked = Array.isArray(wanted) && wanted.length > 0 ? (wanted as string[]) : [ownAudience];
    const audiences = asked.filter((one) => known?.audiences.includes(one) === true);
    if (known === undefined || audiences.length === 0) {
      return { authenticated: false, user: {}, error: '[invalid bearer token, token lookup failed]' };
    }
    return {
      authenticated: true,
      user: {
        username: `system:serviceaccount:${known.namespace}:${known.name}`,
        uid: known.uid,
        groups: [
          'system:serviceaccounts',
          `system:serviceaccounts:${known.namespace}`,
          'system:authenticated',
        ],
        extra: { 'authentication.kubernetes.io/pod-name': ['pod-1'] },
      },
      audiences,
    };
  }
}
