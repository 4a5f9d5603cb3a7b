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
  /** How many of them are beyond this process's own share, where several processes share a limit. */
  granted: number;
  /** How many wait to be let in. */
  asking: number;
  /** It has been said in the log that this address is at its limit. */
  told: boolean;
}

/** Several processes that listen on one address and keep its limits together: each has shares, and asks for more. */
export interface CommonConnections {
  /** What this process may take without asking: of one client's limit, and of the limit of all. */
  shares(limits: HttpLimits): { readonly ofClient: number; readonly ofAll: number };
  /** One more: of a client whose share is used up (undefined: it is not), and of all (`total`). Rejects where nobody answers. */
  ask(client: string | undefined, total: boolean): Promise<'granted' | 'client-full' | 'full'>;
  release(client: string | undefined, total: boolean): void;
}

/** Resolved at once, or when another process has answered. */
export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'asking'; readonly settled: Promise<Exclude<Admission, { kind: 'asking' }>> }
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
  readonly #common: CommonConnections | undefined;
  /** Sockets that wait for another process to say whether they may come in. */
  readonly #asking = new Set<Socket>();
  /** Of all, beyond this process's own share. */
  #granted = 0;
  #toldFull = false;

  /** @param exempt addresses that may have any part of all connections: they stand for many clients */
  constructor(
    limits: () => HttpLimits,
    exempt: (address: string) => boolean,
    common: CommonConnections | undefined = undefined,
  ) {
    this.#limits = limits;
    this.#exempt = exempt;
    this.#common = common;
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
    if (this.#common !== undefined) return this.#admitInCommon(this.#common, socket, share);
    if (this.#admitted.size >= connections && !this.#giveUpOne()) return this.#refuseAll(address);
    if (share.connections >= connectionsPerAddress && !this.#exempt(address)) return refuse(share, address);
    this.#enter(socket, share);
    return { kind: 'admitted' };
  }

  /** Of those that are in, no more than the own share and what was granted; who waits for an answer is not in yet. */
  #admitInCommon(common: CommonConnections, socket: Socket, share: Share): Admission {
    const address = peerAddress(socket);
    const { ofClient, ofAll } = common.shares(this.#limits());
    const isExempt = this.#exempt(address);
    const needs = () => ({
      client: !isExempt && share.connections - share.asking >= ofClient + share.granted,
      total: this.#admitted.size - this.#asking.size >= ofAll + this.#granted,
    });
    const { client, total } = needs();
    this.#enter(socket, share);
    if (!client && !total) return { kind: 'admitted' };
    this.#asking.add(socket);
    share.asking++;
    const settled = (async () => {
      let word = await this.#ask(common, socket, share, needs());
      // The place of one that has closed is this one's.
      if (word === 'full' && (await this.#giveUpOneWholly()))
        word = await this.#ask(common, socket, share, needs());
      if (word === 'client-full') return refuse(share, address);
      if (word === 'full') return this.#refuseAll(address);
      // It, or others, may have gone meanwhile.
      this.#giveBack(share);
      return { kind: 'admitted' } as const;
    })();
    return { kind: 'asking', settled };
  }

  /** Takes what is granted, where something is needed, and counts the socket as in: in one step, so that nobody else takes it. */
  async #ask(
    common: CommonConnections,
    socket: Socket,
    share: Share,
    { client, total }: { readonly client: boolean; readonly total: boolean },
  ): Promise<'granted' | 'client-full' | 'full'> {
    const word =
      client || total
        ? await common.ask(client ? share.name : undefined, total).catch(() => 'full' as const)
        : 'granted';
    if (word !== 'granted') return word;
    if (client) share.granted++;
    if (total) this.#granted++;
    if (this.#asking.delete(socket)) share.asking--;
    return word;
  }

  #enter(socket: Socket, share: Share): void {
    this.#shares.set(share.name, share);
    share.connections++;
    this.#admitted.add(socket);
    socket.once('close', () => this.#leave(socket, share));
  }

  #refuseAll(address: string): Exclude<Admission, { kind: 'asking' }> {
    const told = this.#toldFull;
    this.#toldFull = true;
    return { kind: 'refused', address, told };
  }

  /** What is not needed any more of what was granted. */
  #giveBack(share: Share): void {
    if (this.#common === undefined) return;
    const { ofClient, ofAll } = this.#common.shares(this.#limits());
    while (share.granted > 0 && share.connections - share.asking < ofClient + share.granted) {
      share.granted--;
      this.#common.release(share.name, false);
    }
    while (this.#granted > 0 && this.#admitted.size - this.#asking.size < ofAll + this.#granted) {
      this.#granted--;
      this.#common.release(undefined, true);
    }
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
    const socket = this.#longestResting();
    socket?.destroy();
    return socket !== undefined;
  }

  /** The same, and waits until it has closed. */
  #giveUpOneWholly(): Promise<boolean> {
    const socket = this.#longestResting();
    if (socket === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      socket.once('close', () => resolve(true));
      socket.destroy();
    });
  }

  #longestResting(): Socket | undefined {
    for (let one = this.#resting.first; one !== undefined; one = this.#resting.first) {
      this.#resting.delete(one);
      if (one.current === undefined && !one.socket.destroyed) return one.socket;
    }
    return undefined;
  }

  #shareOf(address: string): Share {
    const name = originOf(address);
    return (
      this.#shares.get(name) ?? { name, connections: 0, granted: 0, asking: 0, bodyBytes: 0, told: false }
    );
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
    if (this.#asking.delete(socket)) share.asking--;
    if (--share.connections === 0) this.#shares.delete(share.name);
    // Only once well below the limit, so that a crowd that comes and goes at the limit is one line in the log.
    if (share.connections < connectionsPerAddress / 2) share.told = false;
    if (this.#admitted.size < connections / 2) this.#toldFull = false;
    this.#giveBack(share);
  }
}

function refuse(share: Share, address: string): Exclude<Admission, { kind: 'asking' }> {
  const { told } = share;
  share.told = true;
  return { kind: 'refused', address, told };
}

const mappedIpv4 = '::ffff:';

function peerAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith(mappedIpv4) && address.includes('.') ? address.slice(mappedIpv4.length) : address;
}
