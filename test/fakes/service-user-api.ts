/**
 * A server of the Service User API, as mint's worker knows it: credentials are generated beside those that are good, and a commit ends the others.
 * It misbehaves when told to.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Credential, ServiceUser } from '../../src/service-user/provider.ts';
import type { HandClock } from './hand-clock.ts';

interface Good {
  readonly secret: string;
  /** Milliseconds; undefined while nothing has ended it. */
  until?: number;
}

interface Service {
  body: Record<string, unknown>;
  readonly passwords: Good[];
  readonly clients: Map<string, string>;
  /** What was generated and waits for its commit, by transaction. */
  readonly pending: Map<string, string>;
}

/** What becomes of the next request instead of what should. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** It is done, and the answer says otherwise. */
  | { readonly kind: 'after'; readonly status: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'twice' };

export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface ApiManner {
  /** How clients are committed: as the worker does it, or as the specification has it, without transactions. */
  readonly clientCommit?: 'txid' | 'id';
  /** Seconds for which old passwords are good after a commit. */
  readonly grace?: number;
  /** A transaction that was committed is not known any more. */
  readonly forgets?: boolean;
}

export class FakeServiceUserApi {
  readonly token = randomBytes(18).toString('base64url');
  readonly ownClient = { id: 'coffer', secret: randomBytes(18).toString('base64url') };
  readonly services = new Map<string, Service>();
  readonly heard: Heard[] = [];
  readonly faults: Fault[] = [];
  /** Of the token endpoint: those that are good. */
  readonly tokens = new Set<string>([this.token]);
  readonly #clock: HandClock;
  readonly #manner: ApiManner;
  readonly #server: Server;

  constructor(clock: HandClock, manner: ApiManner = {}) {
    this.#clock = clock;
    this.#manner = manner;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** Whether an application gets in with it. */
  works({ username }: Pick<ServiceUser, 'username'>, { kind, id, secret }: Credential): boolean {
    const service = this.services.get(username);
    if (service === undefined) return false;
    if (kind === 'client') return service.clients.get(id) === (secret ?? '');
    return service.passwords.some(
      (one) => one.secret === secret && (one.until === undefined || this.#clock.now() < one.until),
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const { method = '', url: path = '', headers } = request;
    const body = Buffer.concat(chunks).toString('utf8');
    this.heard.push({ method, path, authorization: headers.authorization ?? '', headers, body });
    const fault = this.faults.shift();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, { 'Content-Type': 'text/html', ...fault.headers });
      response.end(fault.body ?? '<html>a page with s3cret words</html>');
      return;
    }
    const answer =
      path === '/token'
        ? this.#tokenAnswer(headers.authorization ?? '', new URLSearchParams(body))
        : this.#answer(method, path, headers.authorization ?? '', body);
    const status = fault?.kind === 'after' ? fault.status : answer.status;
    const text = answer.json === undefined ? '' : JSON.stringify(answer.json);
    if (fault?.kind === 'twice') {
      const one = `HTTP/1.1 ${status} OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
      request.socket.end(one + one);
      return;
    }
    response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  }

  #answer(
    method: string,
    path: string,
    authorization: string,
    body: string,
  ): { readonly status: number; readonly json?: unknown } {
    const bearer = /^Bearer (.*)$/.exec(authorization)?.[1] ?? '';
    if (!this.tokens.has(bearer)) return { status: 401, json: { error: 'invalid_token' } };
    const [, root, encoded, kind] = path.split('/');
    const sent = (body === '' ? {} : JSON.parse(body)) as Record<string, unknown>;
    if (root !== 'services') return { status: 404 };
    if (encoded === undefined) {
      return method === 'GET'
        ? { status: 200, json: [...this.services.keys()].map((id) => ({ id })) }
        : { status: 405 };
    }
    const id = decodeURIComponent(encoded);
    if (kind === undefined && method === 'PUT') return this.#put(id, sent);
    const service = this.services.get(id);
    if (service === undefined) return { status: 404, json: { error: 'not_found' } };
    if (kind === undefined) return this.#user(id, method);
    if (kind === 'password') return this.#password(service, method, sent);
    return kind === 'client' ? this.#client(id, service, method, sent) : { status: 404 };
  }

  #put(id: string, body: Record<string, unknown>) {
    const { confidential } = body['client_config'] as { readonly confidential: boolean };
    const service = this.services.get(id) ?? {
      body,
      passwords: [],
      clients: new Map<string, string>(),
      pending: new Map<string, string>(),
    };
    service.body = body;
    if (!confidential && service.clients.size === 0) service.clients.set(`${id}-public`, '');
    this.services.set(id, service);
    return { status: 200, json: { client_id: [...service.clients.keys()][0] ?? '' } };
  }

  #user(id: string, method: string) {
    if (method === 'GET') return { status: 200, json: { id, name: this.services.get(id)?.body['name'] } };
    if (method !== 'DELETE') return { status: 405 };
    this.services.delete(id);
    return { status: 200 };
  }

  #password(service: Service, method: string, { txid }: Record<string, unknown>) {
    if (method === 'POST') {
      const password = randomBytes(24).toString('base64url');
      const transaction = randomBytes(9).toString('base64url');
      service.passwords.push({ secret: password });
      service.pending.set(transaction, password);
      return { status: 200, json: { txid: transaction, password } };
    }
    const committed = this.#commit(service, txid);
    if (committed === undefined) return { status: 404, json: { error: 'no such transaction' } };
    for (const one of service.passwords) {
      if (one.secret !== committed) one.until ??= this.#clock.now() + (this.#manner.grace ?? 300) * 1_000;
    }
    return { status: 200 };
  }

  #client(id: string, service: Service, method: string, sent: Record<string, unknown>) {
    const byId = this.#manner.clientCommit === 'id';
    if (method === 'POST') {
      const clientId = `${id}-${randomBytes(6).toString('hex')}`;
      const secret = randomBytes(24).toString('base64url');
      const transaction = randomBytes(9).toString('base64url');
      service.clients.set(clientId, secret);
      service.pending.set(transaction, clientId);
      return {
        status: 200,
        json: { client_id: clientId, client_secret: secret, ...(byId ? {} : { txid: transaction }) },
      };
    }
    if (byId && (sent['id'] !== id || typeof sent['client_id'] !== 'string')) return { status: 400 };
    const kept = byId ? String(sent['client_id']) : this.#commit(service, sent['txid']);
    if (kept === undefined || !service.clients.has(kept)) return { status: 404 };
    for (const other of service.clients.keys()) if (other !== kept) service.clients.delete(other);
    return { status: 200 };
  }

  #commit(service: Service, txid: unknown): string | undefined {
    const committed = service.pending.get(String(txid));
    if (this.#manner.forgets !== false) service.pending.delete(String(txid));
    return committed;
  }

  /** RFC 6749: the own client's tokens, and whether users' credentials are taken. */
  #tokenAnswer(
    authorization: string,
    form: URLSearchParams,
  ): { readonly status: number; readonly json?: unknown } {
    const [id = '', secret = ''] = Buffer.from(authorization.slice('Basic '.length), 'base64')
      .toString()
      .split(':');
    const isOwn = id === this.ownClient.id && secret === this.ownClient.secret;
    const token = randomBytes(18).toString('base64url');
    const granted = { status: 200, json: { access_token: token, token_type: 'Bearer', expires_in: 3_600 } };
    if (form.get('grant_type') === 'password') {
      if (!isOwn) return { status: 401, json: { error: 'invalid_client' } };
      const username = form.get('username') ?? '';
      const credential: Credential = {
        kind: 'password',
        generation: 0,
        id: username,
        secret: form.get('password'),
        reference: '',
      };
      return this.works({ username }, credential)
        ? granted
        : { status: 400, json: { error: 'invalid_grant' } };
    }
    if (isOwn) {
      this.tokens.add(token);
      return granted;
    }
    const known = [...this.services.values()].some(
      ({ clients }) => secret !== '' && clients.get(id) === secret,
    );
    return known ? granted : { status: 401, json: { error: 'invalid_client' } };
  }
}
