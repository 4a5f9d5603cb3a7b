/** A way to a TCP server that can be cut, silenced, and made to lose or keep back one packet. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Caught {
  /** Resolves once the packet was there and its connection has been cut. */
  readonly done: Promise<void>;
  /** Sends on what was kept back, however late, and ends that connection. Resolves when the server has closed it. */
  release(): Promise<void>;
}

/**
 * What happens to the first packet to the server that holds `text`; the client's connection is cut in each case.
 *
 * - `lose`: the server never sees it.
 * - `deliver`: the server sees it and answers; nobody hears the answer.
 * - `keep`: the server sees it when it is released.
 */
export type Fate = 'lose' | 'deliver' | 'keep';

interface Trap {
  readonly text: string;
  spring(client: Socket, server: Socket, packet: Buffer): void;
}

export class WireCutter {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #trap: Trap | undefined;
  #replacement:
    | { readonly text: string; readonly other: string; readonly which: 'first' | 'each' }
    | undefined;
  #silent = false;
  #target: number;

  private constructor(target: number) {
    this.#target = target;
    // What one side ends the other side ends too, at once.
    this.#server = createServer((client) => this.#join(client));
  }

  /** @param target port on this machine */
  static async to(target: number): Promise<WireCutter> {
    const cutter = new WireCutter(target);
    await new Promise<void>((resolve) => cutter.#server.listen(0, '127.0.0.1', resolve));
    return cutter;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** New connections go there. */
  redirect(target: number): void {
    this.#target = target;
  }

  /** Ends all connections; new ones work. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** From now on nothing gets through in either direction, and nothing is refused. */
  silence(): void {
    this.#silent = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** What is open by then stays silent: it is cut. */
  speak(): void {
    this.#silent = false;
    this.cut();
  }

  /** @param answer what an answer to the packet holds once the server has done what it says */
  catch(text: string, fate: Fate, answer = text): Caught {
    let kept: { readonly server: Socket; readonly packet: Buffer } | undefined;
    const done = new Promise<void>((resolve) => {
      this.#trap = {
        text,
        spring: (client, server, packet) => {
          if (fate === 'keep') kept = { server, packet };
          if (fate === 'lose') server.destroy();
          if (fate === 'deliver') {
            server.write(packet);
            let answered = '';
            server.on('data', (bytes) => {
              answered += bytes.toString('latin1');
              if (!answered.includes(answer)) return;
              client.destroy();
              server.destroy();
              resolve();
            });
            return;
          }
          client.destroy();
          resolve();
        },
      };
    });
    const release = async (): Promise<void> => {
      if (kept === undefined) throw new Error('nothing was kept back');
      const { server, packet } = kept;
      const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
      server.resume();
      server.end(packet);
      await closed;
    };
    return { done, release };
  }

  /** The first packet to the server that holds `text`, or `each`, is sent on with `other`, which is as long, in its place. */
  replace(text: string, other: string, which: 'first' | 'each' = 'first'): void {
    if (text.length !== other.length) throw new Error('a replacement is as long as what it replaces');
    this.#replacement = { text, other, which };
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    let sprung = false;
    for (const [here, there] of [pair, [server, client]] as const) {
      here.on('error', () => undefined);
      here.on('close', () => {
        this.#pairs.delete(pair);
        if (!sprung) there.destroy();
      });
    }
    client.on('data', (packet) => {
      const trap = this.#trap;
      if (trap === undefined || !packet.includes(trap.text)) {
        if (!sprung) server.write(this.#replaced(packet));
        return;
      }
      this.#trap = undefined;
      sprung = true;
      trap.spring(client, server, packet);
    });
    server.on('data', (packet) => {
      if (!sprung) client.write(packet);
    });
    if (this.#silent) for (const socket of pair) socket.pause();
  }

  #replaced(packet: Buffer): Buffer {
    if (this.#replacement === undefined || !packet.includes(this.#replacement.text)) return packet;
    const { text, other, which } = this.#replacement;
    if (which === 'first') this.#replacement = undefined;
    return Buffer.from(packet.toString('latin1').replace(text, other), 'latin1');
  }
}
