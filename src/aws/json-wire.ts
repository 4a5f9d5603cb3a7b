/** One request over HTTP and its answer, within bounds of time and size. */
import type { Agent, IncomingMessage, RequestOptions } from 'node:http';

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

  private constructor(target: RequestOptions, request: Requester, agent: Agent) {
    this.#target = target;
    this.#request = request;
    this.#agent = agent;
  }

  static async open(endpoint: URL): Promise<JsonWire> {
    const secure = endpoint.protocol === 'https:';
    const { Agent, request } = secure ? await import('node:https') : await import('node:http');
    // Node wants an address of version 6 without its brackets.
    const host = endpoint.hostname.replace(/^\[|\]$/g, '');
    const target = { protocol: endpoint.protocol, host, port: endpoint.port, method: 'POST', path: '/' };
    return new JsonWire(target, request, new Agent({ keepAlive: true, maxSockets: 50 }));
  }

  /** Rejects with what the platform says of a connection, a `TimeoutError`, or an `AnswerTooLong`. */
  send({ headers, body }: WireRequest, bounds: WireBounds, signal: AbortSignal): Promise<WireAnswer> {
    return new Promise((resolve, reject) => {
      const options = { ...this.#target, agent: this.#agent, headers, signal };
      const request = this.#request(options, (response) => {
        clearTimeout(late);
        collect(response, bounds.most).then(resolve, (error: unknown) => {
          // What is left of an answer that was given up goes with its connection.
          request.destroy();
          reject(error);
        });
      });
      const late = giveUpAfter(bounds.answering, 'no answer');
      request.on('error', (error) => {
        clearTimeout(late);
        reject(error);
      });
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

  close(): void {
    this.#agent.destroy();
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
