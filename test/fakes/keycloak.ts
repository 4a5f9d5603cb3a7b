/** Keycloak's tokens and as much of its admin REST API as a provider asks, answering as version 26 does. One realm. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Body = Readonly<Record<string, unknown>>;

interface User {
  readonly id: string;
  body: Body;
  password: string | undefined;
  readonly groups: Set<string>;
}

interface Client {
  readonly id: string;
  body: Body;
  readonly scopes: Set<string>;
  readonly account: string;
}

interface Reply {
  readonly status: number;
  readonly json?: unknown;
}

const done: Reply = { status: 204 };
const made: Reply = { status: 201 };
const gone: Reply = { status: 404, json: { error: 'not found' } };

export class FakeKeycloak {
  readonly realm = 'apps';
  readonly admin = { id: 'coffer', secret: randomBytes(18).toString('base64url') };
  readonly users = new Map<string, User>();
  readonly clients = new Map<string, Client>();
  readonly groups = new Map<string, string>();
  readonly scopes = new Map<string, string>();
  /** Of the admin's tokens. */
  readonly tokens = new Set<string>();
  /** Refresh tokens, and whose they are. */
  readonly sessions = new Map<string, string>();
  /** Asked before each call of the admin API: a status in place of what should be done, or undefined. */
  fault: () => number | undefined = () => undefined;
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response));

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

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '', 'http://x');
    const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const { method = '' } = request;
    const fault = path[0] === 'admin' ? this.fault() : undefined;
    const reply =
      fault === undefined
        ? this.#reply(method, path, url.searchParams, text, request.headers.authorization ?? '')
        : { status: fault, json: { error: 'unknown_error', error_description: 's3cret words' } };
    response.writeHead(reply.status, { 'Content-Type': 'application/json' });
    response.end(reply.json === undefined ? '' : JSON.stringify(reply.json));
  }

  #reply(
    method: string,
    path: readonly string[],
    query: URLSearchParams,
    text: string,
    authorization: string,
  ): Reply {
    if (path[0] === 'realms' && path[1] === this.realm)
      return this.#token(new URLSearchParams(text), authorization);
    if (path[0] !== 'admin' || path[2] !== this.realm)
      return { status: 404, json: { error: 'Realm not found.' } };
    if (!this.tokens.has(authorization.replace(/^Bearer /, '')))
      return { status: 401, json: { error: 'HTTP 401' } };
    const body = (text === '' ? {} : JSON.parse(text)) as Body;
    const [, , , room, id, part, member] = path;
    switch (room) {
      case 'users':
        return id === undefined
          ? this.#allUsers(method, query, body)
          : this.#user(method, id, [part, member], body);
      case 'groups':
        return id === undefined ? this.#allGroups(method, query, body) : this.#members(id, query);
      case 'clients':
        return id === undefined
          ? this.#allClients(method, query, body)
          : this.#client(method, id, [part, member], body);
      case 'client-scopes': {
        if (method === 'GET') return { status: 200, json: named(this.scopes) };
        this.scopes.set(String(body['name']), randomUUID());
        return made;
      }
      default:
        return gone;
    }
  }

  #allUsers(method: string, query: URLSearchParams, body: Body): Reply {
    if (method === 'GET') {
      const found = [...this.users.values()].filter(
        ({ body: { username } }) => username === query.get('username'),
      );
      return { status: 200, json: found.map(shown) };
    }
    const username = String(body['username']).toLowerCase();
    const meets = ({ body: other }: User) =>
      other['username'] === username || other['email'] === body['email'];
    if ([...this.users.values()].some(meets)) return { status: 409, json: { errorMessage: 'User exists' } };
    const groups = new Set<string>();
    for (const group of (body['groups'] ?? []) as readonly string[]) {
      if (!this.groups.has(group.slice(1)))
        return { status: 400, json: { errorMessage: 'Unable to find group' } };
      groups.add(group.slice(1));
    }
    const id = randomUUID();
    this.users.set(id, { id, body: { ...body, username }, password: undefined, groups });
    return made;
  }

  #user(method: string, id: string, [part, member]: readonly (string | undefined)[], body: Body): Reply {
    const user = this.users.get(id);
    if (part === 'logout') {
      for (const [token, owner] of this.sessions) if (owner === id) this.sessions.delete(token);
      const isAccount = [...this.clients.values()].some(({ account }) => account === id);
      return user === undefined && !isAccount ? gone : done;
    }
    if (user === undefined) return gone;
    switch (`${method} ${part ?? ''}`) {
      case 'PUT ':
        user.body = { ...user.body, ...body };
        return done;
      case 'DELETE ':
        this.users.delete(id);
        return done;
      case 'GET groups':
        return { status: 200, json: named(this.groups).filter(({ name }) => user.groups.has(name)) };
      case 'GET credentials':
        return {
          status: 200,
          json: user.password === undefined ? [] : [{ id: `of-${id}`, type: 'password' }],
        };
      case 'DELETE credentials':
        if (member !== `of-${id}`) return gone;
        user.password = undefined;
        return done;
      case 'PUT reset-password':
        user.password = String(body['value']);
        return done;
      default:
        return gone;
    }
  }

  #allGroups(method: string, query: URLSearchParams, body: Body): Reply {
    if (method === 'GET') {
      return { status: 200, json: named(this.groups).filter(({ name }) => name === query.get('search')) };
    }
    const name = String(body['name']);
    if (this.groups.has(name)) return { status: 409 };
    this.groups.set(name, randomUUID());
    return made;
  }

  #members(id: string, query: URLSearchParams): Reply {
    const group = named(this.groups).find((one) => one.id === id);
    if (group === undefined) return gone;
    const first = Number(query.get('first') ?? 0);
    const members = [...this.users.values()]
      .filter(({ groups }) => groups.has(group.name))
      .map(shown)
      .toSorted((one, other) => (String(one['username']) < String(other['username']) ? -1 : 1));
    return { status: 200, json: members.slice(first, first + Number(query.get('max') ?? 100)) };
  }

  #allClients(method: string, query: URLSearchParams, body: Body): Reply {
    if (method === 'GET') {
      const found = [...this.clients.values()].filter(
        (one) => one.body['clientId'] === query.get('clientId'),
      );
      return { status: 200, json: found.map(({ id, body: known }) => ({ ...known, id })) };
    }
    if ([...this.clients.values()].some((one) => one.body['clientId'] === body['clientId']))
      return { status: 409 };
    const id = randomUUID();
    this.clients.set(id, { id, body, scopes: new Set(['roles', 'basic']), account: randomUUID() });
    return made;
  }

  #client(method: string, id: string, [part, member]: readonly (string | undefined)[], body: Body): Reply {
    const client = this.clients.get(id);
    if (client === undefined) return gone;
    switch (`${method} ${part ?? ''}`) {
      case 'PUT ': {
        const attributes = { ...(client.body['attributes'] ?? {}), ...(body['attributes'] ?? {}) };
        client.body = { ...client.body, ...body, attributes };
        return done;
      }
      case 'DELETE ':
        this.clients.delete(id);
        return done;
      case 'GET service-account-user':
        return client.body['serviceAccountsEnabled'] === true
          ? { status: 200, json: { id: client.account } }
          : { status: 400, json: { error: 'Service account not enabled' } };
      case 'GET default-client-scopes':
        return { status: 200, json: named(this.scopes).filter(({ name }) => client.scopes.has(name)) };
      default: {
        const scope = named(this.scopes).find((one) => one.id === member)?.name;
        if (part !== 'default-client-scopes' || scope === undefined) return gone;
        if (method === 'PUT') client.scopes.add(scope);
        else client.scopes.delete(scope);
        return done;
      }
    }
  }

  #token(form: URLSearchParams, authorization: string): Reply {
    const [basicId, basicSecret] = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
      .toString()
      .split(':');
    const id = form.get('client_id') ?? basicId ?? '';
    const secret = form.get('client_secret') ?? basicSecret ?? '';
    const token = randomBytes(18).toString('base64url');
    const refresh = randomBytes(18).toString('base64url');
    const granted = { status: 200, json: { access_token: token, refresh_token: refresh, expires_in: 60 } };
    switch (form.get('grant_type')) {
      case 'password': {
        const user = [...this.users.values()].find(({ body }) => body['username'] === form.get('username'));
        if (user?.password === undefined || user.password !== form.get('password'))
          return { status: 401, json: { error: 'invalid_grant' } };
        if (user.body['enabled'] !== true) return { status: 400, json: { error: 'invalid_grant' } };
        this.sessions.set(refresh, user.id);
        return granted;
      }
      case 'refresh_token':
        return this.sessions.has(form.get('refresh_token') ?? '')
          ? granted
          : { status: 400, json: { error: 'invalid_grant' } };
      default: {
        if (id === this.admin.id && secret === this.admin.secret) {
          this.tokens.add(token);
          return granted;
        }
        const client = [...this.clients.values()].find(({ body }) => body['clientId'] === id);
        if (client === undefined || client.body['enabled'] !== true)
          return { status: 401, json: { error: 'invalid_client' } };
        const isRight = client.body['publicClient'] !== true && client.body['secret'] === secret;
        return isRight ? granted : { status: 401, json: { error: 'unauthorized_client' } };
      }
    }
  }
}

function shown({ id, body }: User): Body {
  const { username, enabled } = body;
  return { id, username, enabled };
}

function named(all: ReadonlyMap<string, string>) {
  return [...all].map(([name, id]) => ({ id, name, path: `/${name}` }));
}
