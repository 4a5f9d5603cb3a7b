/**
 * Who may derive when. A derivation keeps a core and a thread of the pool busy for a fifth of a second, and the pool also writes
 * the audit log to disk: so few run at once, a bounded number waits, and of these each origin has but a few.
 */
import { availableParallelism } from 'node:os';
import { CofferError } from '../../errors.ts';
import { originOf } from '../../origin.ts';

export interface DerivationLimits {
  /** Running at the same time. */
  readonly atOnce: number;
  /** Waiting, from everywhere and from one origin. */
  readonly waiting: number;
  readonly waitingPerOrigin: number;
}

/** Of the pool's four threads two stay free, and of the cores half. */
export const processLimits: DerivationLimits = {
  atOnce: Math.max(1, Math.min(2, Math.floor(availableParallelism() / 2))),
  waiting: 64,
  waitingPerOrigin: 8,
};

interface Waiting {
  readonly origin: string;
  readonly start: () => void;
}

export class Derivations {
  readonly #limits: DerivationLimits;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(limits: DerivationLimits) {
    this.#limits = limits;
  }

  /** Does the work when its turn comes. Throws `rate_limited` at once when the queue is full, or this address's share of it. */
  async run<T>(address: string, work: () => Promise<T>): Promise<T> {
    await this.#turn(originOf(address));
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #turn(origin: string): Promise<void> {
    const { atOnce, waiting, waitingPerOrigin } = this.#limits;
    if (this.#running < atOnce && this.#waiting.length === 0) {
      this.#running += 1;
      return Promise.resolve();
    }
    const own = this.#waiting.filter((entry) => entry.origin === origin).length;
    if (own >= waitingPerOrigin || this.#waiting.length >= waiting) {
      throw new CofferError(
        'rate_limited',
        'too many passwords are being checked; try again in a few seconds',
      );
    }
    return new Promise((resolve) => {
      this.#waiting.push({ origin, start: resolve });
    });
  }

  /** First come, first served. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running += 1;
    next.start();
  }
}
