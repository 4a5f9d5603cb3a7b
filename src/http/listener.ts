/** A listener: a port on which Vault's wire or a dialect is spoken, within limits that hold from a connection's first byte. */
import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type Clock, systemClock } from '../clock.ts';
import type { Road } from '../core/request.ts';
import { CofferError } from '../errors.ts';
import { BodyBudget } from './body-budget.ts';
import { type Admission, type CommonConnections, type Connection, ConnectionTable } from './connection.ts';
import type { Dialect } from './dialect/dialect.ts';
import { Exchange } from './exchange.ts';
import { trustProxies } from './forwarded.ts';
import { type HttpLimits, limitsWith } from './limits.ts';
import { extensionMethodOf, Handover, type ParseError } from './method-handover.ts';
import { notSupported, plainRefusal, type Refusal, refusalOfParseError, refuseSocket } from './refusal.ts';
import { changeCertificate, checkMaterial, createTlsServer, type TlsMaterial } from './tls.ts';
import type { HttpLog, Wire } from './wire.ts';

export interface ListenerOptions {
  readonly road: Road;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Vault's wire if absent. */
  readonly dialect?: Dialect | undefined;
  /** See `Wire`. */
  readonly oauth2?: string | undefined;
  readonly limits?: Partial<HttpLimits>;
  /** Plain HTTP when undefined. */
  readonly tls?: TlsMaterial | undefined;
  /** Networks (CIDR) of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[];
  readonly log: HttpLog;
  /** Told of each request that is refused before the road has it, with its status; 0 where a connection is cut. */
  readonly onRefusal?: (status: number) => void;
  /** Answers metrics to everyone. */
  readonly metricsWithoutToken?: boolean;
  /** Where other processes listen on the same address and share its limits. */
  readonly common?: CommonConnections | undefined;
  readonly clock?: Clock;
  /** Makes a request's uuid. */
  readonly requestId?: () => string;
}

export interface Listener {
  readonly address: { readonly host: string; readonly port: number };
  /** What is held at the moment; all three are bounded by the limits. */
  usage(): { readonly connections: number; readonly addresses: number; readonly bodyBytes: number };
  /**
   * Applies to what comes from now on: limits to the next request and connection, a certificate to the next handshake. Times of
   * headers, bodies and idle connections stay. Throws `usage` for a wrong limit, or for a certificate that cannot be used or on a
   * listener without TLS; then nothing has changed.
   */
  change(changes: { readonly limits?: Partial<HttpLimits>; readonly tls?: TlsMaterial }): void;
  /**
   * Takes no more connections, closes those without a request, lets running requests end, and cuts what is left after
   * `withinMilliseconds`. Resolves when no connection is left. Calling it again waits for the same end.
   */
  close(options: { readonly withinMilliseconds: number }): Promise<void>;
}

/** Opens a port. Rejects with `usage` for wrong limits, and with `unavailable` when the address cannot be had. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const limits = limitsWith(options.limits ?? {});
  const clock = options.clock ?? systemClock;
  if (options.tls !== undefined) checkMaterial(options.tls);
  const wire: Wire = {
    road: options.road,
    dialect: options.dialect,
    oauth2: options.oauth2,
    limits,
    proxies: trustProxies(options.trustedProxies ?? []),
    log: options.log,
    onRefusal: options.onRefusal ?? (() => {}),
    metricsWithoutToken: options.metricsWithoutToken ?? false,
    budget: new BodyBudget(() => wire.limits),
    requestId: options.requestId ?? (() => randomUUID()),
    seconds: 0,
    draining: false,
  };
  const open = new OpenListener(wire, clock, options.tls, options.common);
  await open.listen(options.host, options.port);
  return open;
}

/** What an operator can do something about, by the system's code. */
const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not use that port',
  ENOTFOUND: 'the name is not known',
};

class OpenListener implements Listener {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #server: Server;
  /** The same server where it speaks TLS. */
  readonly #tlsServer: TlsServer | undefined;
  /** Sockets reach the server's parser by this event. */
  readonly #socketEvent: 'connection' | 'secureConnection';
  readonly #table: ConnectionTable;
  #host = '';
  #port = 0;
  #sweep: Disposable | undefined;
  #closed: Promise<void> | undefined;

  constructor(wire: Wire, clock: Clock, tls: TlsMaterial | undefined, common: CommonConnections | undefined) {
    const { limits } = wire;
    const options = serverOptions(limits);
    this.#wire = wire;
    this.#clock = clock;
    this.#table = new ConnectionTable(
      () => wire.limits,
      (address) => wire.proxies.has(address),
      common,
    );
    this.#tlsServer =
      tls === undefined ? undefined : createTlsServer(tls, options, limits.headerMilliseconds);
    this.#socketEvent = tls === undefined ? 'connection' : 'secureConnection';
    this.#server = this.#tlsServer ?? createServer(options);
    // One more than allowed, so that the parser, which drops the rest without a word, shows that there were too many.
    this.#server.maxHeadersCount = limits.headerCount + 1;
    const onRequest = (message: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(message, response);
    this.#watchSockets(this.#server);
    this.#server.on('request', onRequest);
    this.#server.on('checkContinue', onRequest);
    this.#server.on('checkExpectation', onRequest);
    this.#server.on('clientError', (error, socket) => this.#onParseError(error, socket as Socket));
    this.#server.on('connect', (_message, socket) => this.#refuse(socket as Socket, notSupported));
  }

  /**
   * What a socket meets first is the limit on connections, before TLS spends anything on it. The server's own listener, which
   * starts a handshake or a parser, gets only sockets that were let in.
   */
  #watchSockets(server: Server): void {
    const begin = server.listeners('connection');
    server.removeAllListeners('connection');
    const plain = this.#tlsServer === undefined;
    const start = (socket: Socket) => {
      for (const listener of begin) listener.call(server, socket);
    };
    const enter = (socket: Socket) => {
      if (plain) this.#table.open(socket);
      start(socket);
    };
    server.on('connection', (socket: Socket) => {
      // A socket that changes parsers comes by again.
      if (this.#table.of(socket) !== undefined) {
        start(socket);
        return;
      }
      const admission = this.#table.admit(socket);
      if (admission.kind !== 'asking') {
        if (this.#isIn(admission, socket)) enter(socket);
        return;
      }
      // Nobody else listens yet, and an error that nobody hears would end the process.
      const unheard = () => undefined;
      socket.on('error', unheard);
      void admission.settled.then((settled) => {
        if (!this.#isIn(settled, socket) || socket.destroyed) return;
        socket.off('error', unheard);
        enter(socket);
      });
    });
    if (plain) return;
    server.prependListener('secureConnection', (socket: Socket) => {
      if (this.#table.of(socket) === undefined) this.#table.open(socket);
    });
  }

  change({ limits, tls }: { readonly limits?: Partial<HttpLimits>; readonly tls?: TlsMaterial }): void {
    const changed =
      limits === undefined ? this.#wire.limits : limitsWith({ ...this.#wire.limits, ...limits });
    if (tls !== undefined && this.#tlsServer === undefined) {
      throw new CofferError('usage', 'this listener has no TLS whose certificate could change');
    }
    if (tls !== undefined && this.#tlsServer !== undefined) changeCertificate(this.#tlsServer, tls);
    this.#wire.limits = changed;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: this.#host, port: this.#port };
  }

  usage(): { readonly connections: number; readonly addresses: number; readonly bodyBytes: number } {
    const { size, addresses } = this.#table;
    return { connections: size, addresses, bodyBytes: this.#wire.budget.bytes };
  }

  async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const reason = listenProblems[cause instanceof Error && 'code' in cause ? String(cause.code) : ''];
        const why = reason === undefined ? '' : `: ${reason}`;
        reject(new CofferError('unavailable', `cannot listen on ${host} port ${port}${why}`, { cause }));
      });
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', () => this.#wire.log('error', 'listener failed', { host, port }));
    const bound = this.#server.address();
    this.#host = typeof bound === 'object' && bound !== null ? bound.address : host;
    this.#port = typeof bound === 'object' && bound !== null ? bound.port : port;
    this.#sweepLater();
  }

  close(options: { readonly withinMilliseconds: number }): Promise<void> {
    this.#closed ??= this.#drain(options.withinMilliseconds);
    return this.#closed;
  }

  async #drain(withinMilliseconds: number): Promise<void> {
    this.#wire.draining = true;
    const ended = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // The server itself closes those that are between two requests, but not those that never sent a byte.
    for (const { socket } of this.#table) if (socket.bytesRead === 0) socket.destroy();
    this.#endHandshakes();
    const cut = this.#clock.after(withinMilliseconds, () => {
      for (const socket of this.#table.sockets()) socket.destroy();
    });
    await ended;
    cut[Symbol.dispose]();
    this.#sweep?.[Symbol.dispose]();
  }

  /** A TLS socket and the one below it know of each other only by their peer. */
  #endHandshakes(): void {
    const peer = ({ remoteAddress, remotePort, localAddress }: Socket) =>
      `${remoteAddress} ${remotePort} ${localAddress}`;
    const begun = new Set([...this.#table].map(({ socket }) => peer(socket)));
    for (const socket of this.#table.sockets()) if (!begun.has(peer(socket))) socket.destroy();
  }

  #sweepLater(): void {
    this.#sweep = this.#clock.after(1_000, () => {
      this.#wire.seconds++;
      for (const { current } of this.#table) current?.checkTime();
      this.#sweepLater();
    });
  }

  #isIn(admission: Exclude<Admission, { kind: 'asking' }>, socket: Socket): boolean {
    if (admission.kind === 'admitted') return true;
    this.#wire.onRefusal(0);
    if (!admission.told) {
      this.#wire.log('warn', 'connection refused: too many', { remoteAddress: admission.address });
    }
    socket.destroy();
    return false;
  }

  #onRequest(message: IncomingMessage, response: ServerResponse): void {
    const connection = this.#table.of(message.socket);
    if (connection === undefined) {
      message.socket.destroy();
      return;
    }
    const { mark } = connection;
    connection.mark = undefined;
    this.#table.wake(connection);
    const exchange = new Exchange(this.#wire, connection, message, response, mark);
    if (connection.current === undefined) {
      connection.current = exchange;
      exchange.start();
    } else if (connection.waiting.length < this.#wire.limits.waitingRequests) {
      connection.waiting.push(exchange);
    } else if (!connection.socket.destroyed) {
      this.#wire.log('warn', 'connection cut: too many requests sent ahead', {
        remoteAddress: connection.address,
      });
      connection.socket.destroy();
    }
  }

  #onParseError(error: ParseError, socket: Socket): void {
    const connection = this.#table.of(socket);
    if (connection === undefined || socket.destroyed) {
      socket.destroy();
      return;
    }
    // What is to come of this connection is settled already; the old parser's timer may still fire.
    if (connection.whenIdle !== undefined) return;
    const method = extensionMethodOf(error);
    if (method !== undefined && error.rawPacket !== undefined) {
      const handover = new Handover(socket, connection.baseline, error.rawPacket, method);
      this.#whenIdle(connection, () => {
        connection.mark = method;
        handover.complete(this.#server, this.#socketEvent);
      });
      return;
    }
    const refusal = refusalOfParseError(error);
    if (refusal === undefined) socket.destroy();
    else this.#refuse(socket, refusal);
  }

  /** Refuses what is not a request. Answers to the requests before it come first, or they would be taken for one another. */
  #refuse(socket: Socket, refusal: Refusal): void {
    const connection = this.#table.of(socket);
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    const fields = { remoteAddress: connection.address, status: refusal.status };
    this.#wire.onRefusal(refusal.status);
    this.#wire.log('info', 'request refused before it was one', fields);
    const answer = this.#wire.dialect?.refusal(refusal) ?? plainRefusal(refusal);
    const refuse = () => refuseSocket(socket, answer, this.#clock.now());
    if (connection.current?.receiving === true) refuse();
    else this.#whenIdle(connection, refuse);
  }

  #whenIdle(connection: Connection, action: () => void): void {
    const act = () => {
      connection.whenIdle = undefined;
      action();
    };
    if (connection.current === undefined) act();
    else connection.whenIdle = act;
  }
}

function serverOptions(limits: HttpLimits): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerMilliseconds,
    requestTimeout: limits.headerMilliseconds + limits.bodyMilliseconds,
    keepAliveTimeout: limits.idleMilliseconds,
    // The two times above hold to within this.
    connectionsCheckingInterval: Math.max(10, Math.min(1_000, Math.floor(limits.headerMilliseconds / 4))),
    // Refused by us, with a body like every other error's.
    requireHostHeader: false,
    // Stated, so that no option of the environment loosens it.
    insecureHTTPParser: false,
  };
}
