/**
 * Connections that workers take beyond their own shares. Each worker may take a part of every limit without asking; what is left is
 * one pool, kept by the parent. Shares and pool together are the limit, so that no number of workers passes it; a client whose
 * connections lie unevenly can meet it early, by what the shares of other workers leave unused.
 */
import type { ConnectionAsk, ConnectionWord, LimitsOfNow } from './protocol.ts';

/** What one worker takes without asking. */
export interface Shares {
  readonly ofClient: number;
  readonly ofAll: number;
}

/** An eighth of the limit of one client, and half of that of all, over all workers. */
export function sharesOf(
  { connections, connectionsPerAddress }: { connections: number; connectionsPerAddress: number },
  workers: number,
): Shares {
  return {
    ofClient: Math.floor(connectionsPerAddress / (8 * workers)),
    ofAll: Math.floor(connections / (2 * workers)),
  };
}

/** What one worker holds of one listener's pool. */
interface Held {
  total: number;
  readonly byClient: Map<string, number>;
}

export class ConnectionPool {
  readonly #limits: LimitsOfNow;
  readonly #workers: number;
  /** By worker and listener. */
  readonly #held = new Map<string, Held>();

  constructor(limits: LimitsOfNow, workers: number) {
    this.#limits = limits;
    this.#workers = workers;
  }

  ask(worker: number, { listener, client, total }: ConnectionAsk): ConnectionWord {
    const limits = this.#limits();
    const shares = sharesOf(limits, this.#workers);
    const holders = this.#of(listener);
    if (client !== undefined) {
      const taken = holders.reduce((sum, { byClient }) => sum + (byClient.get(client) ?? 0), 0);
      if (taken >= limits.connectionsPerAddress - this.#workers * shares.ofClient) return 'client-full';
    }
    if (total) {
      const taken = holders.reduce((sum, held) => sum + held.total, 0);
      if (taken >= limits.connections - this.#workers * shares.ofAll) return 'full';
    }
    const own = this.#own(worker, listener);
    if (client !== undefined) own.byClient.set(client, (own.byClient.get(client) ?? 0) + 1);
    if (total) own.total++;
    return 'granted';
  }

  release(worker: number, { listener, client, total }: ConnectionAsk): void {
    const own = this.#own(worker, listener);
    if (total) own.total = Math.max(0, own.total - 1);
    if (client === undefined) return;
    const left = (own.byClient.get(client) ?? 0) - 1;
    if (left > 0) own.byClient.set(client, left);
    else own.byClient.delete(client);
  }

  /** The worker has ended, and its connections with it. */
  forget(worker: number): void {
    for (const name of this.#held.keys()) if (name.startsWith(`${worker} `)) this.#held.delete(name);
  }

  #own(worker: number, listener: number): Held {
    const name = `${worker} ${listener}`;
    const held = this.#held.get(name) ?? { total: 0, byClient: new Map<string, number>() };
    this.#held.set(name, held);
    return held;
  }

  #of(listener: number): readonly Held[] {
    return [...this.#held].filter(([name]) => name.endsWith(` ${listener}`)).map(([, held]) => held);
  }
}
