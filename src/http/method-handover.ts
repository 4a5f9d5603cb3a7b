/**
 * LIST, SCAN and HELP on Node's HTTP parser, which refuses them. A listener that looked at all data would cost every request;
 * instead the parser's refusal is the signal: the request line is rewritten to GET and the same socket is handed to the server
 * again, with the bytes put back in front. That it was a LIST is remembered beside the socket, where no client can write.
 *
 * House rules:
 * - Only a packet that *starts* with the method, and failed at exactly the byte where the parser stops knowing it, is taken: so the
 *   tail of a body, or a request behind another in the same packet, is never mistaken for one. Everything else is refused and closed.
 * - A socket changes hands only while no answer is outstanding on it; until then what it sends is held.
 * - The listeners that the server attached to the socket are told apart from everyone else's by having come after `watch`.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type ExtensionMethod, extensionMethods } from './extension-method.ts';

/** What Node says about a request that it cannot parse. */
export interface ParseError extends Error {
  readonly code?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Buffer;
}

/** How many bytes of each method the parser takes for the start of a method it knows (LINK, SEARCH, HEAD). */
const knownBytes = { LIST: 2, SCAN: 1, HELP: 2 } as const satisfies Record<ExtensionMethod, number>;

/** The extension method a refused packet starts with, or undefined when it is not exactly one. */
export function extensionMethodOf(error: ParseError): ExtensionMethod | undefined {
  const { rawPacket } = error;
  if (error.code !== 'HPE_INVALID_METHOD' || rawPacket === undefined) return undefined;
  const start = rawPacket.toString('latin1', 0, 'LIST /'.length);
  return extensionMethods.find(
    (method) => start === `${method} /` && error.bytesParsed === knownBytes[method],
  );
}

/** Most bytes held for a client that sends on while an earlier answer of its is outstanding. */
const mostHeld = 256 * 1024;

const serverEvents = ['data', 'end', 'close', 'drain', 'error', 'timeout', 'pause', 'resume'] as const;

type Listener = (...values: unknown[]) => void;

/** The listeners a socket had before the server attached its own, by event. */
export type Baseline = ReadonlyMap<string, ReadonlySet<unknown>>;

/** Notes which listeners are not the server's. To be called before the server sees the socket. */
export function watch(socket: Socket): Baseline {
  return new Map(serverEvents.map((event) => [event, new Set<unknown>(socket.rawListeners(event))]));
}

/** A socket on its way from one parser to the next. */
export class Handover {
  readonly #socket: Socket;
  readonly #baseline: Baseline;
  readonly #chunks: Buffer[] = [];
  #bytes: number;

  /**
   * Stops the refusing parser and holds what comes. `packet` is the one that it refused, `method` what the packet starts with. The
   * parser itself stays attached, since an outstanding answer still belongs to it.
   */
  constructor(socket: Socket, baseline: Baseline, packet: Buffer, method: ExtensionMethod) {
    this.#socket = socket;
    this.#baseline = baseline;
    this.#bytes = packet.length;
    this.#chunks.push(Buffer.from('GET'), packet.subarray(method.length));
    for (const listener of this.#serverListeners('data')) socket.removeListener('data', listener);
    // Adding a data listener is also what makes the server's parser let go of the raw handle.
    socket.on('data', this.#hold);
    socket.pause();
  }

  /** Hands the socket over. Call it once, when no answer is outstanding. `event` is the one that hands a server its sockets. */
  complete(server: Server, event: 'connection' | 'secureConnection'): void {
    const socket = this.#socket;
    socket.removeListener('data', this.#hold);
    this.#endOldParser();
    // The server's idle time of the answer before must not cut this request short.
    socket.setTimeout(0);
    if (socket.destroyed || socket.readableEnded) {
      socket.destroy();
      return;
    }
    socket.unshift(Buffer.concat(this.#chunks));
    server.emit(event, socket);
    socket.resume();
  }

  /** Takes the server's listeners off, and calls its `close` listener: that is how its parser and timers are freed. */
  #endOldParser(): void {
    const closing = this.#serverListeners('close');
    for (const event of serverEvents) {
      for (const listener of this.#serverListeners(event)) this.#socket.removeListener(event, listener);
    }
    for (const listener of closing) listener.call(this.#socket);
  }

  #serverListeners(event: string): Listener[] {
    const others = this.#baseline.get(event);
    const listeners = this.#socket.rawListeners(event) as Listener[];
    return listeners.filter((listener) => others?.has(listener) !== true && listener !== this.#hold);
  }

  readonly #hold = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > mostHeld) this.#socket.destroy();
    // Pausing stops the flow that finishing the answer before may have started; listeners see to it that nothing is lost.
    else this.#socket.pause();
  };
}
