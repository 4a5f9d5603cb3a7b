/**
 * Secrets of a Kubernetes API server (core/v1), over TLS, as its reference has them: rights by verb, resourceVersions, preconditions, dry runs, metadata alone for
 * who asks for that, and refusals of what is not a Secret.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { isJsonObject, type JsonObject } from '../../src/json.ts';
import { makeCertificate, type TestCertificate } from './certificate.ts';
import { json, text } from './oidc-provider.ts';

export type Verb = 'get' | 'create' | 'update' | 'delete';

export interface KeptSecret extends JsonObject {
  readonly metadata: JsonObject;
  readonly type: string;
  readonly data: JsonObject;
}

export class KubernetesSecrets {
  readonly certificate: TestCertificate = makeCertificate('kubernetes');
  readonly token = 'eyJ.token.of-a-test';
  readonly namespaces = new Set(['shop']);
  /** What the token may. */
  readonly rights = new Set<Verb>(['get', 'create', 'update', 'delete']);
  /** By `namespace/name`. */
  readonly secrets = new Map<string, KeptSecret>();
  /** Method, path and query of every request. */
  readonly requests: string[] = [];
  /** In place of an answer; undefined goes on. */
  instead: (verb: Verb, response: ServerResponse) => true | undefined = () => undefined;
  #version = 1;
  readonly #server: Server;

  constructor() {
    const { key, certificate: cert } = this.certificate;
    this.#server = createServer({ key, cert }, (request, response) => {
      this.#answer(request, response).catch(() => status(response, 500, 'InternalError'));
    });
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As somebody else does it. */
  put(
    namespace: string,
    name: string,
    secret: { readonly metadata?: JsonObject; readonly data?: JsonObject; readonly type?: string },
  ): void {
    const { metadata = {}, data = {}, type = 'Opaque' } = secret;
    this.secrets.set(`${namespace}/${name}`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        uid: `uid-${name}`,
        ...metadata,
        name,
        namespace,
        resourceVersion: String(++this.#version),
      },
      type,
      data,
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://api');
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    const body = await text(request);
    if (request.headers.authorization !== `Bearer ${this.token}`)
      return status(response, 401, 'Unauthorized');
    const [, namespace = '', name = ''] =
      /^\/api\/v1\/namespaces\/([^/]+)\/secrets(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    const verbs: Readonly<Record<string, Verb>> = {
      GET: 'get',
      POST: 'create',
      PUT: 'update',
      DELETE: 'delete',
    };
    const verb = verbs[request.method ?? ''];
    if (namespace === '' || verb === undefined) return status(response, 404, 'NotFound');
    if (this.instead(verb, response) === true) return;
    if (!this.rights.has(verb)) return status(response, 403, 'Forbidden');
    const sent: unknown = body === '' ? {} : JSON.parse(body);
    const order = {
      namespace,
      name,
      dry: url.searchParams.get('dryRun') === 'All',
      sent: isJsonObject(sent) ? sent : {},
    };
    if (verb === 'get') return this.#get(order, String(request.headers.accept), response);
    if (verb === 'delete') return this.#delete(order, response);
    return this.#write(verb, order, response);
  }

  #get({ namespace, name }: Order, accept: string, response: ServerResponse) {
    const found = this.secrets.get(`${namespace}/${name}`);
    if (found === undefined) return status(response, 404, 'NotFound');
    if (!accept.includes('as=PartialObjectMetadata')) return json(response, 200, found);
    json(response, 200, {
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadata',
      metadata: found.metadata,
    });
  }

  #write(verb: 'create' | 'update', { namespace, name, dry, sent }: Order, response: ServerResponse) {
    const metadata = isJsonObject(sent['metadata']) ? sent['metadata'] : {};
    const { data, type } = sent;
    const own = verb === 'create' ? String(metadata['name']) : name;
    const before = this.secrets.get(`${namespace}/${own}`);
    if (sent['kind'] !== 'Secret' || metadata['namespace'] !== namespace)
      return status(response, 400, 'BadRequest');
    if (!this.namespaces.has(namespace)) return status(response, 404, 'NotFound');
    if (verb === 'create' && before !== undefined) return status(response, 409, 'AlreadyExists');
    if (verb === 'create' && metadata['resourceVersion'] !== undefined)
      return status(response, 400, 'BadRequest');
    if (verb === 'update' && before === undefined) return status(response, 404, 'NotFound');
    const expected = metadata['resourceVersion'];
    if (expected !== undefined && expected !== before?.metadata['resourceVersion'])
      return status(response, 409, 'Conflict');
    const sound =
      /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(own) &&
      isJsonObject(data) &&
      Object.values(data).every(isBase64);
    if (!sound || (before !== undefined && before.type !== type)) return status(response, 422, 'Invalid');
    const kept = { metadata: { uid: `uid-${own}`, ...metadata }, data, type: String(type) };
    if (!dry) this.put(namespace, own, kept);
    json(response, verb === 'create' ? 201 : 200, { ...sent, ...kept });
  }

  #delete({ namespace, name, sent }: Order, response: ServerResponse) {
    const found = this.secrets.get(`${namespace}/${name}`);
    if (found === undefined) return status(response, 404, 'NotFound');
    const wanted = isJsonObject(sent['preconditions']) ? sent['preconditions'] : {};
    for (const [member, value] of Object.entries(wanted)) {
      if (found.metadata[member] !== value) return status(response, 409, 'Conflict');
    }
    this.secrets.delete(`${namespace}/${name}`);
    json(response, 200, { kind: 'Status', apiVersion: 'v1', status: 'Success' });
  }
}

interface Order {
  readonly namespace: string;
  readonly name: string;
  readonly dry: boolean;
  readonly sent: JsonObject;
}

function isBase64(value: unknown): boolean {
  return typeof value === 'string' && Buffer.from(value, 'base64').toString('base64') === value;
}

function status(response: ServerResponse, code: number, reason: string): void {
  json(response, code, {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    code,
    message: 'pa55word-one',
  });
}
