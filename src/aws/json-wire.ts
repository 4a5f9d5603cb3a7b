/** One request over HTTP and its answer, within bounds of time and size. */
import type { Agent, IncomingMessage, RequestOptions } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { EarlyConnection } from './early-connection.ts';

export interface WireBounds {
  /** Milliseconds to be connected, and to be answered; how long the answer itself may take is the signal's to say. */
  readonly connecting: number;
  readonly answering: number;
  /** Bytes of an answer. */
  readonly most: number;
}

export interface WireRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

type Requester = typeof import('node:http').request;

/** Connections to one place, kept for the next request. */
export class JsonWire {
  readonly #target: RequestOptions;
  readonly #request: Requester;
  readonly #agent: Agent;
  readonly #connect: Agent['createConnection'];
  readonly #early = new EarlyConnection();

  private constructor(target: RequestOptions, request: Requester, agent: Agent) {
    this.#target = target;
    this.#request = request;
    this.#agent = agent;
    this.#connect = agent.createConnection.bind(agent);
    agent.createConnection = (options, made) => this.#early.take() ?? this.#connect(options, made);
  }

  static async open(endpoint: URL): Promise<JsonWire> {
    const secure = endpoint.protocol === 'https:';
    const { Agent, request } = secure ? await import('node:https') : await import('node:http');
    // Node wants an address of version 6 without its brackets.
    const host = endpoint.hostname.replace(/^\[|\]$/g, '');
    const port = endpoint.port || (secure ? 443 : 80);
    const target = { protocol: endpoint.protocol, host, port, method: 'POST', path: '/' };
    return new JsonWire(target, request, new Agent({ keepAlive: true, maxSockets: 50 }));
  }

  /** Connects before the first request. What goes wrong here that request tells. */
  prepare(): void {
    const { host, port } = this.#target;
    const where = {
      host,
      port,
      servername: isIP(host ?? '') === 0 ? host : '',
      keepAlive: true,
      noDelay: true,
    };
    this.#early.open(() => this.#connect(where) as Socket);
  }

  /** Rejects with what the platform says of a connection, a `TimeoutError`, or an `AnswerTooLong`. */
  send({ headers, body }: WireRequest, bounds: WireBounds, signal: AbortSignal): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      const options = { ...this.#target, agent: this.#agent, headers };
      const request = this.#request(options, (response) => {
        clearTimeout(late);
        collect(response, bounds.most)
          .then(resolve, (error: unknown) => {
            // What is left of an answer that was given up goes with its connection.
            request.destroy();
            reject(error);
          })
          .finally(() => signal.removeEventListener('abort', aborted));
      });
      const late = giveUpAfter(bounds.answering, 'no answer');
      request.on('error', (error) => {
        clearTimeout(late);
        signal.removeEventListener('abort', aborted);
        reject(error);
      });
      // The platform's own way keeps listening to a request that is over: a signal that outlives it would end it once more.
      const aborted = () => request.destroy(named('AbortError', 'it was given up'));
      if (signal.aborted) aborted();
      else signal.addEventListener('abort', aborted, { once: true });
      request.on('socket', (socket) => {
        if (!socket.connecting) return;
        const unconnected = giveUpAfter(bounds.connecting, 'no connection');
        const done = () => clearTimeout(unconnected);
        socket
          .once(this.#target.protocol === 'https:' ? 'secureConnect' : 'connect', done)
          .once('close', done);
      });
      request.end(body);

      function giveUpAfter(milliseconds: number, what: string): NodeJS.Timeout {
        return setTimeout(() => request.destroy(named('TimeoutError', what)), milliseconds);
      }
    });
  }

  /** Ends what is under way. Connections at rest end with the process, where that comes first: it takes less than closing them. */
  close(): void {
    this.#early.close();
    if (Object.keys(this.#agent.sockets).length > 0) this.#agent.destroy();
    else setImmediate(() => this.#agent.destroy()).unref();
  }
}

async function collect(response: IncomingMessage, most: number): Promise<WireAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > most) throw named('AnswerTooLong', 'the answer is longer than any that was asked for');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks, length).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
