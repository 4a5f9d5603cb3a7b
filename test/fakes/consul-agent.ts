/**
 * An agent of Consul 1.15 as its HTTP clients see it: the KV store with transactions, lists and blocking queries, sessions, and ACL tokens,
 * with its words, statuses and limits. What it does was compared with `consul agent -dev` of that version; `COFFER_TEST_CONSUL`
 * has tests use a real one in its place (`test/setup/consul-place.ts`).
 *
 * Stricter than the real one in one point: names in paths are those that every release takes (1.21.5 takes the fewest).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { posix } from 'node:path';
import { type Clock, systemClock } from '../../src/clock.ts';
import { ConsulKv, type Entry, isWrite, type Operation } from './consul-kv.ts';

/** What a token may: prefixes of keys it may write (and so read), and whether it may make sessions. */
export interface TokenRights {
  readonly write: readonly string[];
  readonly read?: readonly string[];
  readonly sessions: boolean;
}

export interface ConsulAgentOptions {
  readonly clock?: Clock;
  /** Rights by token; without it there are no ACLs. `''` is who comes without a token. */
  readonly tokens?: Map<string, TokenRights>;
  /** Before 1.14: 64 operations. */
  readonly old?: boolean;
  /** `limits.txn_max_req_len` and `limits.kv_max_value_size`. */
  readonly longestRequest?: number;
  readonly tls?: ServerOptions;
}

interface Answer {
  readonly status: number;
  readonly text?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the next requests are answered with, whatever they ask. */
export interface Fault {
  readonly status: number;
  readonly text: string;
  /** Which requests; all where it is not said. */
  readonly path?: RegExp;
  /** The request is carried out all the same. */
  readonly done?: boolean;
  /** What happens before the answer. */
  readonly after?: () => void;
}

const longest = 512 * 1024;
const strictName = /^[a-zA-Z0-9,_./\-?&=]*$/;

export class ConsulAgentFake {
  readonly kv: ConsulKv;
  /** Every request, as method and path with query. */
  readonly requests: string[] = [];
  /** Tokens that came with requests. */
  readonly tokensSeen = new Set<string>();
  /** Taken one a request. */
  readonly faults: Fault[] = [];
  /** While set, every request is answered so. */
  trouble: Fault | undefined;
  readonly #options: ConsulAgentOptions;
  readonly #server: Server;

  private constructor(options: ConsulAgentOptions) {
    this.#options = options;
    this.kv = new ConsulKv(options.clock ?? systemClock);
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  }

  static async start(options: ConsulAgentOptions = {}, port = 0): Promise<ConsulAgentFake> {
    const fake = new ConsulAgentFake(options);
    await new Promise<void>((resolve) => fake.#server.listen(port, '127.0.0.1', resolve));
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.kv.dispose();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '';
    this.requests.push(`${request.method} ${url}`);
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const waiting = this.faults[0];
    const fault =
      waiting !== undefined && (waiting.path?.test(url) ?? true) ? this.faults.shift() : this.trouble;
    const own = fault === undefined || fault.done === true;
    const asked: Answer | undefined = own ? await this.#answer(request, Buffer.concat(parts)) : undefined;
    fault?.after?.();
    const { status, text, json, headers = {} }: Answer = fault ?? asked ?? { status: 500 };
    const body = json === undefined ? (text ?? '') : JSON.stringify(json);
    response.writeHead(status, {
      ...(json === undefined
        ? { 'Content-Type': 'text/plain; charset=utf-8' }
        : { 'Content-Type': 'application/json' }),
      'Content-Length': Buffer.byteLength(body),
      'X-Consul-Default-Acl-Policy': this.#options.tokens === undefined ? 'allow' : 'deny',
      ...headers,
    });
    response.end(body);
  }

  async #answer(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const { pathname, searchParams } = new URL(`http://agent${request.url?.replace(/^\/+/, '/') ?? ''}`);
    const path = decodeURIComponent(pathname);
    const clean = posix.normalize(request.url?.split('?')[0] ?? '');
    if (decodeURIComponent(clean) !== decodeURIComponent(request.url?.split('?')[0] ?? '')) {
      return { status: 301, text: 'Moved Permanently', headers: { Location: clean } };
    }
    const token = String(request.headers['x-consul-token'] ?? '');
    if (token !== '') this.tokensSeen.add(token);
    const rights = this.#options.tokens === undefined ? everything : this.#options.tokens.get(token);
    if (rights === undefined && token !== '') return { status: 403, text: 'ACL not found' };
    const caller: Caller = { rights: rights ?? nothing, anonymous: token === '' };
    if (path === '/v1/txn') return this.#txn(body, caller);
    if (path.startsWith('/v1/kv/') && request.method === 'GET')
      return this.#get(path.slice('/v1/kv/'.length), searchParams, caller);
    if (path.startsWith('/v1/session/'))
      return this.#session(path.slice('/v1/session/'.length), body, caller);
    if (path === '/v1/status/leader') return { status: 200, json: '127.0.0.1:8300' };
    return { status: 404, text: '404 page not found' };
  }

  #txn(body: Buffer, caller: Caller): Answer {
    const most = this.#options.longestRequest ?? longest;
    if (body.length > most) {
      return {
        status: 413,
        text: `Request body(${body.length} bytes) too large, max size: ${most} bytes. See https://www.consul.io/docs/agent/config/config-files#txn_max_req_len.`,
      };
    }
    let operations: readonly Operation[];
    try {
      operations = (JSON.parse(body.toString()) as readonly { readonly KV: Operation }[]).map(({ KV }) => KV);
    } catch {
      return { status: 400, text: 'Failed to parse body: invalid character' };
    }
    const count = this.#options.old === true ? 64 : 128;
    if (operations.length > count) {
      return {
        status: 413,
        text: `Transaction contains too many operations (${operations.length} > ${count})`,
      };
    }
    const denied = operations.flatMap((each, OpIndex) => {
      const What = each.Key === '' ? 'Must provide key' : deniedBy(caller, each);
      return What === undefined ? [] : [{ OpIndex, What }];
    });
    if (denied.length > 0) return { status: 409, json: { Results: null, Errors: denied } };
    const outcome = this.kv.apply(operations);
    const about = operations.some(isWrite)
      ? {}
      : { Index: 1, LastContact: 0, KnownLeader: true, ResultsFilteredByACLs: false };
    if ('errors' in outcome)
      return { status: 409, json: { Results: null, Errors: outcome.errors, ...about } };
    const seen = outcome.results.filter(({ Key }) => mayRead(caller, Key));
    return { status: 200, json: { Results: seen.map((KV) => ({ KV })), Errors: null, ...about } };
  }

  async #get(prefix: string, query: URLSearchParams, caller: Caller): Promise<Answer> {
    if (!strictName.test(prefix) || prefix.includes('..')) {
      return { status: 500, text: `invalid key name, keys should respect the "${strictName.source}" format` };
    }
    const after = Number(query.get('index') ?? 0);
    if (after > 0 && after >= this.kv.index) await this.kv.changed();
    const list = query.has('keys') || query.has('recurse');
    const own = this.kv.entry(prefix);
    if (!list && !mayRead(caller, prefix))
      return { status: 403, text: permission(caller, 'key:read', prefix) };
    const all = list ? this.kv.below(prefix) : own === undefined ? [] : [own];
    const seen = all.filter(({ Key }) => mayRead(caller, Key));
    const headers = {
      'X-Consul-Index': String(this.kv.index),
      'X-Consul-Knownleader': 'true',
      // Who comes without a token is not told.
      ...(seen.length < all.length && !caller.anonymous
        ? { 'X-Consul-Results-Filtered-By-Acls': 'true' }
        : {}),
    };
    if (seen.length === 0 && prefix !== '') return { status: 404, headers };
    return {
      status: 200,
      headers,
      json: query.has('keys') ? namesOf(seen, prefix, query.get('separator') ?? '') : seen,
    };
  }

  #session(path: string, body: Buffer, caller: Caller): Answer {
    const [verb, id = ''] = path.split('/');
    if (!caller.rights.sessions) return { status: 403, text: permission(caller, 'session:write', 'vm') };
    if (verb === 'create') {
      const { TTL = '0s', Behavior = 'release' } = JSON.parse(body.toString()) as {
        TTL?: string;
        Behavior?: string;
      };
      const seconds = Number(/^(\d+)s$/.exec(TTL)?.[1] ?? 0);
      if (seconds !== 0 && seconds < 10) {
        return {
          status: 500,
          text: `Invalid Session TTL '${seconds}000000000', must be between [10s=24h0m0s]`,
        };
      }
      return { status: 200, json: { ID: this.kv.openSession(Behavior, seconds) } };
    }
    if (verb === 'renew') {
      const there = this.kv.renewSession(id);
      return there
        ? { status: 200, json: [{ ID: id }] }
        : { status: 404, text: `Session id '${id}' not found` };
    }
    this.kv.endSession(id);
    return { status: 200, json: true };
  }
}

interface Caller {
  readonly rights: TokenRights;
  readonly anonymous: boolean;
}

const everything: TokenRights = { write: [''], sessions: true };
const nothing: TokenRights = { write: [], sessions: false };

function mayWrite({ rights }: Caller, key: string): boolean {
  return rights.write.some((prefix) => key.startsWith(prefix));
}

function mayRead(caller: Caller, key: string): boolean {
  return mayWrite(caller, key) || (caller.rights.read ?? []).some((prefix) => key.startsWith(prefix));
}

function permission({ anonymous }: Caller, right: string, name: string): string {
  const who = anonymous ? 'anonymous token' : "token with AccessorID 'e3058bf5-1f74-94a3-93af-65e267491c08'";
  return `Permission denied: ${who} lacks permission '${right}' on "${name}"`;
}

/** Reads are cut out of the answer; all else is refused before. */
function deniedBy(caller: Caller, { Verb, Key }: Operation): string | undefined {
  if (['get', 'get-or-empty', 'get-tree'].includes(Verb)) return undefined;
  if (Verb === 'check-index') return mayRead(caller, Key) ? undefined : permission(caller, 'key:read', Key);
  return mayWrite(caller, Key) ? undefined : permission(caller, 'key:write', Key);
}

function namesOf(entries: readonly Entry[], prefix: string, separator: string): readonly string[] {
  const names = entries.map(({ Key }) => {
    const at = separator === '' ? -1 : Key.indexOf(separator, prefix.length);
    return at < 0 ? Key : Key.slice(0, at + separator.length);
  });
  return [...new Set(names)];
}
