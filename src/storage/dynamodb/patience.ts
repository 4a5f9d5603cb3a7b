/** Trying again what DynamoDB did not do this time, with pauses that grow and are spread, up to a deadline. */
import type { Clock } from '../../clock.ts';
import { pauseAfter } from './failure.ts';

export interface Surroundings {
  readonly clock: Clock;
  /** 0 to 1: spreads pauses, so that those who met once do not meet again. */
  readonly jitter: () => number;
  /** Milliseconds until nothing is tried any more. */
  readonly patience: number;
  /** Asked before each try: rejects for who must not go on. Undefined where there is nothing to wait for. */
  readonly admit: () => Promise<void> | undefined;
}

const longest = 2 ** 31 - 1;

/** Milliseconds that have passed, by whichever of the two clocks went on: one stands while the machine sleeps, the other may be set. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #now: number;
  readonly #steady: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#now = clock.now();
    this.#steady = clock.steady();
  }

  get passed(): number {
    return Math.max(this.#clock.now() - this.#now, this.#clock.steady() - this.#steady);
  }
}

/** Keeps the process: there is no connection that would, and a timer of the clock does not. */
export async function pause({ clock }: Pick<Surroundings, 'clock'>, milliseconds: number): Promise<void> {
  const hold = setInterval(() => {}, longest);
  await new Promise<void>((resolve) => void clock.after(milliseconds, resolve));
  clearInterval(hold);
}

/**
 * Runs `attempt`, which may be run twice without harm, until it succeeds. Rejects with the last error once the deadline would be over,
 * and with one that trying again does not mend at once.
 */
export async function persist<T>(surroundings: Surroundings, attempt: () => Promise<T>): Promise<T> {
  const watch = new Stopwatch(surroundings.clock);
  for (let tries = 0; ; tries++) {
    const admission = surroundings.admit();
    if (admission !== undefined) await admission;
    try {
      return await attempt();
    } catch (error) {
      const most = pauseAfter(error, tries);
      if (most === undefined) throw error;
      const rest = most * surroundings.jitter();
      if (watch.passed + rest >= surroundings.patience) throw error;
      await pause(surroundings, rest);
    }
  }
}
