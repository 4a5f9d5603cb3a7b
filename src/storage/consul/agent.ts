/**
 * The way to the agent: HTTP on connections that are kept, each call with a deadline and a bound on its answer. What an answer means is for
 * others to say; here is told apart what may have reached the agent and what has not.
 */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { ConsulAddress, ConsulTls } from './address.ts';
import { AgentToken } from './token.ts';

/** Milliseconds. */
export interface Deadlines {
  /** Of a call, from its first byte to the last of its answer. An agent without a leader thinks for seven seconds. */
  readonly call: number;
  /** Of a list, which may be long. */
  readonly list: number;
  /** Besides that of a call, for a commit: for another try, and for asking what became of it. */
  readonly secondLook: number;
}

export const standardDeadlines: Deadlines = { call: 10_000, list: 60_000, secondLook: 5_000 };

export interface AgentCall {
  readonly method: 'GET' | 'PUT';
  /** Without the datacenter: `/v1/txn?consistent`. */
  readonly path: string;
  readonly body?: string;
  /** Bytes of the answer that are taken. */
  readonly longest?: number;
}

export interface AgentAnswer {
  readonly status: number;
  /** Consul left something out that the token may not see. */
  readonly filtered: boolean;
  readonly body: Buffer;
}

/** An answer that is read while it comes; `end` lets go of the rest. */
export interface AgentStream extends Omit<AgentAnswer, 'body'> {
  readonly pieces: AsyncIterable<Buffer>;
  end(): void;
}

/** There was no answer, or not a whole one. */
export class AgentLost extends Error {
  /** Whether the agent may have the call all the same. */
  readonly sent: boolean;
  readonly late: boolean;
  /** A code of Node's, such as `ECONNREFUSED`. */
  readonly code: string;

  constructor(sent: boolean, late: boolean, code: string) {
    super(late ? 'the call took too long' : code);
    this.sent = sent;
    this.late = late;
    this.code = code;
  }
}

/** A multi-get of 64 records of 256 KiB in base64, and what is around them. */
const longestAnswer = 32 * 1024 * 1024;
const mostConnections = 64;
const mostIdle = 16;

export interface AgentOptions {
  readonly address: ConsulAddress;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
}

export class ConsulAgent {
  readonly #options: AgentOptions;
  readonly #token: AgentToken;
  readonly #transport: Pick<typeof http, 'request'>;
  readonly #connections: http.Agent;

  private constructor(
    options: AgentOptions,
    token: AgentToken,
    transport: Pick<typeof http, 'request'>,
    connections: http.Agent,
  ) {
    this.#options = options;
    this.#token = token;
    this.#transport = transport;
    this.#connections = connections;
  }

  /** Opens no connection yet. Throws `store_unusable` for files of certificates and tokens that can't be read. */
  static async to(options: AgentOptions): Promise<ConsulAgent> {
    const { tls } = options.address;
    const token = new AgentToken(options.address);
    const kept = {
      keepAlive: true,
      maxSockets: mostConnections,
      maxFreeSockets: mostIdle,
      scheduling: 'lifo',
    } as const;
    if (tls === undefined) return new ConsulAgent(options, token, http, new http.Agent(kept));
    const https = await import('node:https');
    const secured = { ...kept, ...tlsOptions(tls), minVersion: 'TLSv1.2', rejectUnauthorized: true } as const;
    return new ConsulAgent(options, token, https, new https.Agent(secured));
  }

  /** Any status is an answer. Rejects with `AgentLost`. */
  async ask(call: AgentCall): Promise<AgentAnswer> {
    const answer = await this.#askOnce(call);
    return answer.status === 403 && this.#token.changed() ? this.#askOnce(call) : answer;
  }

  /** As `ask`, for what may be asked twice: once more where the connection, kept from earlier, was found to be gone. */
  async read(call: AgentCall): Promise<AgentAnswer> {
    try {
      return await this.ask(call);
    } catch (error) {
      if (!this.mayBeRepeated(error)) throw error;
      return this.ask(call);
    }
  }

  /** As `ask`, for answers that need not be held whole. */
  async stream(call: AgentCall): Promise<AgentStream> {
    const opened = await this.#open(call, this.#options.deadlines.list);
    if (opened.response.statusCode !== 403 || !this.#token.changed()) return streamOf(opened);
    opened.request.destroy();
    return streamOf(await this.#open(call, this.#options.deadlines.list));
  }

  /** What is under way is cut. */
  close(): void {
    this.#connections.destroy();
  }

  /** Whether what failed with this was cut with its connection: others that were kept may be gone as well, and are let go. */
  mayBeRepeated(error: unknown): boolean {
    if (!(error instanceof AgentLost) || !error.sent || error.late) return false;
    for (const idle of Object.values(this.#connections.freeSockets)) {
      for (const socket of idle ?? []) socket.destroy();
    }
    return true;
  }

  async #askOnce(call: AgentCall): Promise<AgentAnswer> {
    const opened = await this.#open(call, this.#options.deadlines.call);
    const { status, filtered, pieces, end } = streamOf(opened);
    const parts: Buffer[] = [];
    let size = 0;
    for await (const piece of pieces) {
      size += piece.length;
      if (size > (call.longest ?? longestAnswer)) {
        end();
        throw new AgentLost(true, false, 'ANSWER_TOO_LONG');
      }
      parts.push(piece);
    }
    return { status, filtered, body: Buffer.concat(parts) };
  }

  #open(call: AgentCall, patience: number): Promise<Opened> {
    const { clock } = this.#options;
    return new Promise((resolve, reject) => {
      const state = { sent: false, late: false };
      const request = this.#transport.request(this.#requestOptions(call));
      const deadline = clock.after(patience, () => {
        state.late = true;
        request.destroy(new Error('late'));
      });
      request.on('socket', (socket) => {
        // A kept connection is ready at once; a new one takes nothing before it is made.
        if (!socket.connecting) state.sent = true;
        else
          socket.once(
            this.#options.address.tls === undefined ? 'connect' : 'secureConnect',
            () => (state.sent = true),
          );
      });
      request.on('error', (error) => {
        deadline[Symbol.dispose]();
        reject(lost(error, state));
      });
      request.on('response', (response) => {
        // Whoever reads on is told by an error; whoever does not, need not be.
        response.on('error', () => undefined);
        resolve({ request, response, deadline, state });
      });
      request.end(call.body);
    });
  }

  #requestOptions({ method, path, body }: AgentCall): RequestOptions {
    const { address } = this.#options;
    const { hostname, port } = new URL(address.origin);
    const where =
      address.socket === undefined
        ? { hostname: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? undefined : Number(port) }
        : { socketPath: address.socket };
    const token = this.#token.current;
    const datacenter =
      address.datacenter === undefined ? '' : `${path.includes('?') ? '&' : '?'}dc=${address.datacenter}`;
    return {
      ...where,
      method,
      path: path + datacenter,
      agent: this.#connections,
      headers: {
        Accept: 'application/json',
        'Accept-Encoding': 'identity',
        ...(token === undefined ? {} : { 'X-Consul-Token': token }),
        ...(body === undefined
          ? {}
          : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
      },
    };
  }
}

interface Fate {
  readonly sent: boolean;
  readonly late: boolean;
}

interface Opened {
  readonly request: http.ClientRequest;
  readonly response: http.IncomingMessage;
  readonly deadline: Disposable;
  readonly state: Fate;
}

function streamOf({ request, response, deadline, state }: Opened): AgentStream {
  const end = (): void => {
    deadline[Symbol.dispose]();
    request.destroy();
  };
  async function* pieces(): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* response as AsyncIterable<Buffer>;
      if (!response.complete) throw new Error('cut');
    } catch (error) {
      throw lost(error, { ...state, sent: true });
    } finally {
      deadline[Symbol.dispose]();
    }
  }
  return {
    status: response.statusCode ?? 0,
    filtered: response.headers['x-consul-results-filtered-by-acls'] === 'true',
    pieces: pieces(),
    end,
  };
}

function lost(error: unknown, { sent, late }: Fate): AgentLost {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new AgentLost(sent, late, /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : 'CONNECTION_LOST');
}

function tlsOptions({ authority, certificate, key, serverName }: ConsulTls) {
  return {
    ...(authority === undefined ? {} : { ca: pemOf(authority) }),
    ...(certificate === undefined ? {} : { cert: pemOf(certificate) }),
    ...(key === undefined ? {} : { key: pemOf(key) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

function pemOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new CofferError('store_unusable', `the certificate or key ${path} for Consul cannot be read`, {
      cause,
    });
  }
}
