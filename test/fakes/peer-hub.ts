/** Peers in one process: what the parent of workers does for them, without the processes. Each read of `next` is one more of them. */

import { Nobodies } from '../../src/core/lockout/nobodies.ts';
import type { Counted, Peers } from '../../src/core/peers.ts';
import { Measures } from '../../src/core/quota/measures.ts';
import type { HandClock } from './hand-clock.ts';

export class PeerHub {
  readonly #clock: HandClock;
  readonly #measures = new Measures();
  readonly #nobodies = new Nobodies();
  readonly #heard: { [K in keyof Counted]?: (what: Counted[K]) => void }[] = [];

  constructor(clock: HandClock) {
    this.#clock = clock;
  }

  get next(): Peers {
    const own: { [K in keyof Counted]?: (what: Counted[K]) => void } = {};
    this.#heard.push(own);
    return {
      take: async (key, rate, blockFor) => this.#measures.take(key, rate, blockFor, this.#clock.now()),
      nobodies: {
        isLocked: async (key, origin) => this.#nobodies.isLocked(key, origin, this.#clock.now()),
        fail: async (key, origin, now, settings) => this.#nobodies.fail(key, origin, now, settings),
        forget: (key) => this.#nobodies.forget(key),
      },
      tell: (kind, what) => {
        for (const other of this.#heard) if (other !== own) other[kind]?.(what);
      },
      hear: (kind, listener) => {
        own[kind] = listener as (what: string) => void;
      },
      showRunning: () => {},
      running: async () => ({}),
    };
  }
}
