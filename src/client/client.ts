/**
 * Speaks Vault's HTTP API to a server. On node:http rather than fetch, whose first use costs a command more than all else it
 * does; node:https is loaded for https only.
 */
import * as http from 'node:http';
import type * as https from 'node:https';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { type Address, isLoopback, parseAddress } from './address.ts';
import { encodeApiPath } from './api-path.ts';
import { wireError } from './wire-error.ts';

export type Method = 'GET' | 'LIST' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ClientOptions {
  /** `http://host:port` or `https://host:port`, possibly with a path below which the API lives. */
  readonly address: string;
  /** Sent as `X-Vault-Token`; never part of a URL or of an error. */
  readonly token?: string | undefined;
  readonly namespace?: string | undefined;
  /** PEM certificates to trust in place of the platform's. */
  readonly ca?: string | undefined;
  /** PEM certificate and key to show to a server that asks for one. */
  readonly certificate?: { readonly certificate: string; readonly key: string } | undefined;
  /** The name that the server's certificate must have, where it is not the address's. */
  readonly serverName?: string | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Believe whatever certificate is shown. Only where somebody asks for just that, each time. */
  readonly unverified?: boolean | undefined;
  /**
   * What to throw for a request that was kept to wait for approval, by its accessor; absent, its answer is one as any other. Requests that
   * ask for a wrapped answer, or await one, are not looked at.
   */
  readonly held?: ((accessor: string) => CofferError) | undefined;
  /** Milliseconds a whole request may take; 60,000 unless told. */
  readonly timeout?: number | undefined;
}

export interface RequestOptions {
  /** Sent as JSON with POST, PUT and PATCH. */
  readonly body?: JsonObject | undefined;
  readonly query?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Asks for response wrapping: seconds, or a duration such as `5m`. */
  readonly wrapTtl?: string | undefined;
  /** A `wrap_info` in the answer is what is awaited. */
  readonly wrapped?: boolean | undefined;
  /** In place of the client's own token. */
  readonly token?: string | undefined;
  /** Statuses that are an answer here although they usually mean an error (`sys/health` speaks in statuses). */
  readonly accept?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ClientAnswer {
  readonly status: number;
  /** The parsed body; undefined when there was none (204). */
  readonly body: JsonValue | undefined;
}

interface RawAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  readonly text: string;
}

const defaultTimeout = 60_000;
/** The wire's own limit on requests is 32 MiB; an answer beyond this is not one of ours. */
const longestAnswer = 64 * 1024 * 1024;
const mostRedirects = 2;

export class Client {
  /** Where it speaks to: origin and base path, without credentials. */
  readonly address: Address;
  readonly #options: ClientOptions;
  #agent: http.Agent | undefined;

  constructor(options: ClientOptions) {
    this.address = parseAddress(options.address);
    this.#options = options;
  }

  /** Whether what is sent can be read on the way: plain http to another machine. */
  get exposed(): boolean {
    return this.address.protocol === 'http:' && !isLoopback(this.address.hostname);
  }

  /**
   * @param path below `/v1/`, as decoded text: `secret/data/my app`
   * @throws ApiError for an answer that is an error, with its status and body; `unavailable` when there is no answer;
   *   `request_timeout`; `invalid_request` for a path that cannot be sent
   */
  async request(method: Method, path: string, options: RequestOptions = {}): Promise<ClientAnswer> {
    const answer = await this.#send(method, this.#target(method, path, options), options);
    const body = parseBody(answer);
    if (answer.status >= 400 && options.accept?.includes(answer.status) !== true) {
      const { status, code, requestId } = answer;
      const secrets = this.#secrets(options);
      const anonymous = secrets.length === 0;
      throw wireError({ status, code, requestId, body, anonymous, method, path, secrets });
    }
    this.#refuseHeld(body, options);
    return { status: answer.status, body };
  }

  /** Where nothing was asked to be wrapped, a token in place of the answer says that the request waits. */
  #refuseHeld(body: JsonValue | undefined, { wrapTtl, wrapped }: RequestOptions): void {
    const { held } = this.#options;
    if (held === undefined || wrapTtl !== undefined || wrapped === true || !isJsonObject(body)) return;
    const info = body['wrap_info'];
    if (isJsonObject(info)) throw held(typeof info['accessor'] === 'string' ? info['accessor'] : '');
  }

  /**
   * The body of an answer that is bytes, as they come in. `timeout` counts from byte to byte here. The chunks end with
   * `unavailable` when the server cuts them off. Throws as `request` does; redirects are not followed.
   */
  async download(path: string, options: RequestOptions = {}): Promise<AsyncIterable<Buffer>> {
    const transport = await this.#transport();
    const response = await this.#openDownload(transport, this.#target('GET', path, options), options);
    if (response.statusCode === 200) return this.#chunks(response);
    const answer = await readAnswer(response);
    const { status, code, requestId } = answer;
    const secrets = this.#secrets(options);
    const body = parseBody({ ...answer, status: Math.max(status, 400) });
    const said = {
      status,
      code,
      requestId,
      body,
      anonymous: secrets.length === 0,
      method: 'GET',
      path,
      secrets,
    };
    throw wireError(said);
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#agent?.destroy();
  }

  #target(method: Method, path: string, options: RequestOptions): string {
    const query = new URLSearchParams();
    // Node's own parser refuses the method LIST on the server side; this form means the same everywhere.
    if (method === 'LIST') query.set('list', 'true');
    for (const [name, value] of Object.entries(options.query ?? {})) query.set(name, String(value));
    const search = query.size === 0 ? '' : `?${query.toString()}`;
    return `${this.address.basePath}/v1/${encodeApiPath(path)}${search}`;
  }

  async #send(method: Method, target: string, options: RequestOptions): Promise<RawAnswer> {
    const transport = await this.#transport();
    let next = target;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#exchange(transport, method, next, options);
      if (answer.location === undefined) return answer;
      if (redirects === mostRedirects)
        throw new CofferError('unavailable', 'the server redirects in a circle');
      next = this.#sameHost(answer.location, next);
    }
  }

  async #transport(): Promise<typeof http | typeof https> {
    const secure = this.address.protocol === 'https:';
    const transport = secure ? await import('node:https') : http;
    this.#agent ??= new transport.Agent({ keepAlive: true, ...(secure ? this.#tls() : {}) });
    return transport;
  }

  /** The server's certificate is checked: no variable or file makes this send a token to whoever answers. */
  #tls(): https.AgentOptions {
    const { ca, certificate, serverName, unverified } = this.#options;
    return {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: unverified !== true,
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    };
  }

  /** A token follows no redirect to anywhere else, and never from https to http. */
  #sameHost(location: string, from: string): string {
    const base = `${this.address.protocol}//${this.address.host}`;
    const url = URL.canParse(location, base + from) ? new URL(location, base + from) : undefined;
    if (url === undefined || url.protocol !== this.address.protocol || url.host !== this.address.host) {
      throw new CofferError('unavailable', 'the server redirects to another host, which is not followed');
    }
    return url.pathname + url.search;
  }

  #exchange(
    transport: typeof http | typeof https,
    method: Method,
    target: string,
    options: RequestOptions,
  ): Promise<RawAnswer> {
    const payload = sendsBody(method) ? JSON.stringify(options.body ?? {}) : undefined;
    const deadline = AbortSignal.timeout(this.#options.timeout ?? defaultTimeout);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(this.#transportError(error, deadline));
      const request = transport.request(
        {
          protocol: this.address.protocol,
          hostname: this.address.hostname,
          port: this.address.port,
          method: method === 'LIST' ? 'GET' : method,
          path: target,
          headers: this.#headers(method, payload, options),
          agent: this.#agent,
          signal,
        },
        (response) => readAnswer(response).then(resolve, fail),
      );
      request.on('error', fail);
      request.end(payload);
    });
  }

  #openDownload(
    transport: typeof http | typeof https,
    target: string,
    options: RequestOptions,
  ): Promise<http.IncomingMessage> {
    const silence = this.#options.timeout ?? defaultTimeout;
    const { protocol, hostname, port } = this.address;
    return new Promise((resolve, reject) => {
      const request = transport.request(
        {
          protocol,
          hostname,
          port,
          method: 'GET',
          path: target,
          headers: this.#headers('GET', undefined, options),
          agent: this.#agent,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
        resolve,
      );
      request.setTimeout(silence, () => {
        request.destroy(new CofferError('request_timeout', 'the server sends nothing any more'));
      });
      request.on('error', (error) => reject(this.#transportError(error)));
      request.end();
    });
  }

  async *#chunks(response: http.IncomingMessage): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* response as AsyncIterable<Buffer>;
    } catch (error) {
      throw this.#transportError(error);
    }
  }

  #headers(method: Method, payload: string | undefined, options: RequestOptions): http.OutgoingHttpHeaders {
    const token = options.token ?? this.#options.token;
    return {
      ...this.#options.headers,
      Accept: 'application/json',
      'X-Vault-Request': 'true',
      ...(token === undefined ? {} : { 'X-Vault-Token': token }),
      ...(this.#options.namespace === undefined ? {} : { 'X-Vault-Namespace': this.#options.namespace }),
      ...(options.wrapTtl === undefined ? {} : { 'X-Vault-Wrap-TTL': options.wrapTtl }),
      ...(payload === undefined
        ? {}
        : {
            'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
            'Content-Length': Buffer.byteLength(payload),
          }),
    };
  }

  #transportError(error: unknown, deadline?: AbortSignal): CofferError {
    if (error instanceof CofferError) return error;
    const where = `${this.address.protocol}//${this.address.host}`;
    if (deadline?.aborted === true) {
      return new CofferError('request_timeout', `no answer from ${where} in time`, { cause: error });
    }
    const code = errorCode(error);
    if (code === 'ECONNREFUSED') {
      const start = isLoopback(this.address.hostname) ? ' Start it with `coffer server`' : '';
      const message = `nothing answers at ${where}: is the server running?${start}`;
      return new CofferError('unavailable', message, { cause: error });
    }
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      return new CofferError('unavailable', `the host name of ${where} cannot be resolved`, { cause: error });
    }
    return new CofferError('unavailable', `the connection to ${where} failed (${code})${hintOf(code)}`, {
      cause: error,
    });
  }

  #secrets(options: RequestOptions): readonly string[] {
    return [options.token, this.#options.token].flatMap((token) => (token ? [token] : []));
  }
}

/** A client for the server at `address`. Throws `usage` for an address that is none. */
export function openClient(options: ClientOptions): Client {
  return new Client(options);
}

function sendsBody(method: Method): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

async function readAnswer(response: http.IncomingMessage): Promise<RawAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestAnswer)
      throw new CofferError('unavailable', 'the answer is too long to be one of a server');
    chunks.push(chunk);
  }
  const status = response.statusCode ?? 0;
  const redirect = status === 301 || status === 302 || status === 307 || status === 308;
  return {
    status,
    location: redirect ? response.headers.location : undefined,
    code: ownHeader(response.headers['x-coffer-error']),
    requestId: ownHeader(response.headers['x-coffer-request-id']),
    text: Buffer.concat(chunks).toString('utf8'),
  };
}

/** An error's body may be anything (a proxy's page); an answer's must be JSON. */
function parseBody(answer: RawAnswer): JsonValue | undefined {
  if (answer.text.trim() === '') return undefined;
  try {
    return JSON.parse(answer.text) as JsonValue;
  } catch {
    if (answer.status >= 400) return undefined;
    // No cause: the parser's message repeats a piece of the text, which may be a secret.
    throw new CofferError(
      'unavailable',
      'the answer is not JSON: is this the address of a Coffer or Vault server?',
    );
  }
}

/** OpenSSL's and Node's codes (`DEPTH_ZERO_SELF_SIGNED_CERT`, `ECONNRESET`); nothing of the message. */
function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}

/** What a person can do about the commonest failures of TLS. */
function hintOf(code: string): string {
  const unknown = ': the certificate is of no authority known here; give the one to trust with --ca-cert';
  const hints: Readonly<Record<string, string>> = {
    EPROTO: ': does the server speak plain http?',
    DEPTH_ZERO_SELF_SIGNED_CERT: unknown,
    SELF_SIGNED_CERT_IN_CHAIN: unknown,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknown,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknown,
    CERT_HAS_EXPIRED: ': the certificate has ended',
    ERR_TLS_CERT_ALTNAME_INVALID: ': the certificate is for another name; see --tls-server-name',
    ECONNRESET: ': does the server speak https?',
  };
  return hints[code] ?? '';
}

function ownHeader(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
