/** The connections of a listener: who they belong to, what is going on on each, and how many one address may have. */

import type { Socket } from 'node:net';
import { originOf } from '../origin.ts';
import type { AddressShare } from './body-budget.ts';
import type { Exchange } from './exchange.ts';
import type { ExtensionMethod } from './extension-method.ts';
import type { HttpLimits } from './limits.ts';
import { type Baseline, watch } from './method-handover.ts';
import { Resting, type Rests } from './resting.ts';

export interface Connection extends Rests<Connection> {
  readonly socket: Socket;
  /** The peer's address, an IPv4 one always in its own form. */
  readonly address: string;
  readonly share: Share;
  readonly baseline: Baseline;
  /** The request being received, handled or answered. */
  current: Exchange | undefined;
  /** Requests that came while another was current, oldest first. */
  readonly waiting: Exchange[];
  /** What the next request really was, when it was let in as GET. Spent by the first request parsed. */
  mark: ExtensionMethod | undefined;
  /** To be done once nothing is current or waiting; no further request is expected before that. */
  whenIdle: (() => void) | undefined;
  /** It is between two requests from now on. */
  readonly rest: () => void;
}

/** One client address's part of what is limited. */
interface Share extends AddressShare {
  readonly name: string;
  connections: number;
  /** It has been said in the log that this address is at its limit. */
  told: boolean;
}

export type Admission =
  | { readonly kind: 'admitted' }
  /** `told` is true where the log knows already, so that a flood of connections is not one of lines. */
  | { readonly kind: 'refused'; readonly address: string; readonly told: boolean };

export class ConnectionTable {
  readonly #limits: () => HttpLimits;
  readonly #exempt: (address: string) => boolean;
  readonly #admitted = new Set<Socket>();
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #open = new Set<Connection>();
  /** Kept connections between two requests. */
  readonly #resting = new Resting<Connection>();
  readonly #shares = new Map<string, Share>();
  #toldFull = false;

  /** @param exempt addresses that may have any part of all connections: they stand for many clients */
  constructor(limits: () => HttpLimits, exempt: (address: string) => boolean) {
    this.#limits = limits;
    this.#exempt = exempt;
  }

  /** Sockets that were let in, whether or not their TLS handshake has ended. */
  get size(): number {
    return this.#admitted.size;
  }

  /** Client addresses with a connection: never more than there are connections. */
  get addresses(): number {
    return this.#shares.size;
  }

  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#open[Symbol.iterator]();
  }

  /** Every socket that was let in, as the system gave it. */
  sockets(): Iterable<Socket> {
    return this.#admitted;
  }

  /** Lets a new socket in, until it closes, unless that would pass a limit. To be called before anybody reads from it. */
  admit(socket: Socket): Admission {
    const { connections, connectionsPerAddress } = this.#limits();
    const address = peerAddress(socket);
    const share = this.#shareOf(address);
    if (this.#admitted.size >= connections && !this.#giveUpOne()) {
      const told = this.#toldFull;
      this.#toldFull = true;
      return { kind: 'refused', address, told };
    }
    if (share.connections >= connectionsPerAddress && !this.#exempt(address)) {
      const { told } = share;
      share.told = true;
      return { kind: 'refused', address, told };
    }
    this.#shares.set(share.name, share);
    share.connections++;
    this.#admitted.add(socket);
    socket.once('close', () => this.#leave(socket, share));
    return { kind: 'admitted' };
  }

  /** Begins the connection on a socket that was let in, or on the TLS socket over one. To be called before the server sees it. */
  open(socket: Socket): void {
    const address = peerAddress(socket);
    const share = this.#shareOf(address);
    // Ours comes first, so that the baseline holds it and a change of parsers leaves it on.
    socket.once('close', () => this.#close(connection));
    const connection: Connection = {
      socket,
      address,
      share,
      baseline: watch(socket),
      current: undefined,
      waiting: [],
      mark: undefined,
      whenIdle: undefined,
      rest: () => this.#resting.add(connection),
      resting: false,
      restsBefore: undefined,
      restsAfter: undefined,
    };
    this.#bySocket.set(socket, connection);
    this.#open.add(connection);
  }

  /** A request has come on it. */
  wake(connection: Connection): void {
    this.#resting.delete(connection);
  }

  /** Somebody who asks goes before somebody who has an answer already: clients open a new connection when they need one. */
  #giveUpOne(): boolean {
    for (let one = this.#resting.first; one !== undefined; one = this.#resting.first) {
      this.#resting.delete(one);
      if (one.current !== undefined || one.socket.destroyed) continue;
      one.socket.destroy();
      return true;
    }
    return false;
  }

  #shareOf(address: string): Share {
    const name = originOf(address);
    return this.#shares.get(name) ?? { name, connections: 0, bodyBytes: 0, told: false };
  }

  #close(connection: Connection): void {
    this.#open.delete(connection);
    this.#resting.delete(connection);
    connection.waiting.length = 0;
    connection.whenIdle = undefined;
  }

  #leave(socket: Socket, share: Share): void {
    const { connections, connectionsPerAddress } = this.#limits();
    this.#admitted.delete(socket);
    if (--share.connections === 0) this.#shares.delete(share.name);
    // Only once well below the limit, so that a crowd that comes and goes at the limit is one line in the log.
    if (share.connections < connectionsPerAddress / 2) share.told = false;
    if (this.#admitted.size < connections / 2) this.#toldFull = false;
  }
}

const mappedIpv4 = '::ffff:';

function peerAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith(mappedIpv4) && address.includes('.') ? address.slice(mappedIpv4.length) : address;
}
