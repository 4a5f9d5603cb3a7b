/**
 * Several real servers over one store, and what befalls them: `kill -9` with a start over what was left, and `SIGSTOP`, a process
 * that stands still in the middle of anything and goes on later as if nothing had been. Which and when is drawn from a seed; how
 * long a pause lasts is a time, because a process that stands still may hold up the others with it (it may have LMDB's write lock).
 */
import type { ServerProcess } from '../e2e/server-process.ts';
import { openWire, type Wire } from '../e2e/wire.ts';

/** Milliseconds. */
const longestPause = 400;
/** Clients that may be left hanging on a server that stands still; the others go elsewhere. */
const mostHanging = 4;

export interface ClusterOptions {
  /** Starts the server of this number; again, after it was killed. */
  readonly start: (node: number) => Promise<ServerProcess>;
  readonly nodes: number;
  readonly random: () => number;
}

interface Node {
  readonly server: ServerProcess;
  wire: Wire;
  paused: boolean;
  hanging: number;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #nodes: (Node | undefined)[];
  #waiting: (() => void)[] = [];
  /** One fault at a time, so that there is always a server that works. */
  #fault: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #strikes = 0;
  kills = 0;
  pauses = 0;
  hangUps = 0;

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.#nodes = Array.from({ length: options.nodes }, () => undefined);
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    for (let node = 0; node < options.nodes; node++) await cluster.#start(node);
    return cluster;
  }

  /** A server of the living, drawn by `random`; rejects as the request does. */
  async use<T>(random: () => number, request: (wire: Wire) => Promise<T>): Promise<T> {
    const node = await this.#pick(random);
    node.hanging += 1;
    return request(node.wire).finally(() => {
      node.hanging -= 1;
    });
  }

  /** Begins the next fault, once the one before is over. */
  strike(): void {
    this.#fault = this.#fault
      .then(() => this.#strikeNow())
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#wake();
      });
  }

  /** Every server runs again. Rejects if one could not be started. */
  async settled(): Promise<void> {
    await this.#fault;
    this.#throwFailure();
  }

  /** Stops them in order, and answers their exit codes. */
  async stop(): Promise<readonly number[]> {
    const codes: number[] = [];
    for (const node of this.#nodes) {
      node?.wire.close();
      if (node !== undefined) codes.push((await node.server.stop()).code);
    }
    return codes;
  }

  async #pick(random: () => number): Promise<Node> {
    for (;;) {
      this.#throwFailure();
      const open = this.#nodes.filter(
        (node): node is Node => node !== undefined && (!node.paused || node.hanging < mostHanging),
      );
      const node = open[Math.floor(random() * open.length)];
      if (node !== undefined) return node;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #strikeNow(): Promise<void> {
    const { random } = this.#options;
    const index = Math.floor(random() * this.#nodes.length);
    const node = this.#nodes[index];
    if (node === undefined) throw new Error('a server is down between two faults');
    // The first is a kill and the second a pause, so that even a short run has both.
    const drawn = random();
    const kind = [0, 0.5][this.#strikes++] ?? drawn;
    if (kind < 0.35) return this.#kill(index, node);
    node.server.signal('SIGSTOP');
    node.paused = true;
    this.pauses += 1;
    await new Promise((resolve) => setTimeout(resolve, random() * longestPause));
    // Some die while they stand still, some clients give up waiting, and what they had asked for may yet be done.
    if (kind > 0.9) return this.#kill(index, node);
    if (kind > 0.6) {
      this.hangUps += 1;
      node.wire.close();
      node.wire = openWire(node.server.address);
    }
    node.server.signal('SIGCONT');
    node.paused = false;
    this.#wake();
  }

  async #kill(index: number, node: Node): Promise<void> {
    this.kills += 1;
    this.#nodes[index] = undefined;
    await node.server.kill();
    node.wire.close();
    await this.#start(index);
  }

  async #start(index: number): Promise<void> {
    const server = await this.#options.start(index);
    this.#nodes[index] = { server, wire: openWire(server.address), paused: false, hanging: 0 };
    this.#wake();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
