/**
 * A copy in memory of something elsewhere, such as a provider's keys: fetched when it is asked for, by one request at a time
 * however many ask, and good for a bounded time. What makes callers want a newer one is often a stranger's doing, so that this
 * too leads to one request in a while.
 */
import type { Clock } from '../clock.ts';

/** Milliseconds. */
export interface FreshCopyTimes {
  /** How long a copy is good. */
  readonly goodFor: number;
  /** Between fetches that somebody's unknown key asks for. */
  readonly betweenWishes: number;
  /** After a failure its error is repeated for so long. */
  readonly afterFailure: number;
}

export const usualTimes: FreshCopyTimes = {
  goodFor: 10 * 60_000,
  betweenWishes: 30_000,
  afterFailure: 2_000,
};

interface Kept<T> {
  readonly of: string | number;
  readonly at: number;
  readonly value: Promise<T>;
  /** As long as nobody knows how it ends. */
  underWay: boolean;
  failed: boolean;
}

export class FreshCopy<T> {
  readonly #clock: Clock;
  readonly #times: FreshCopyTimes;
  #kept: Kept<T> | undefined;
  /** What somebody's unknown key asked for last: it becomes the copy when it has come, and not before. */
  #wished: Kept<T> | undefined;

  constructor(clock: Clock, times: FreshCopyTimes = usualTimes) {
    this.#clock = clock;
    this.#times = times;
  }

  /** @param of what the copy is of, such as the revision of the configuration that names its source */
  read(of: string | number, load: () => Promise<T>): Promise<T> {
    const kept = this.#kept;
    if (kept !== undefined && kept.of === of && this.#isGood(kept)) return kept.value;
    return this.#start(of, load);
  }

  /**
   * A copy fetched after the one that `read` gave, or undefined when the last request is too young for another. Whoever asks for
   * the copy meanwhile, or after a failure, has the one that is good.
   */
  readAgain(of: string | number, load: () => Promise<T>): Promise<T> | undefined {
    const kept = this.#kept;
    if (kept === undefined || kept.of !== of) return this.#start(of, load);
    if (kept.underWay) return kept.value;
    const wished = this.#wished?.of === of ? this.#wished : undefined;
    if (wished?.underWay === true) return wished.value;
    const last = Math.max(kept.at, wished?.at ?? kept.at);
    if (this.#clock.now() - last < this.#times.betweenWishes) return undefined;
    const wish = this.#begin(of, load);
    this.#wished = wish;
    wish.value.then(
      () => {
        if (this.#kept?.of === of && this.#kept.at <= wish.at) this.#kept = wish;
      },
      () => undefined,
    );
    return wish.value;
  }

  #isGood(kept: Kept<T>): boolean {
    if (kept.underWay) return true;
    const { goodFor, afterFailure } = this.#times;
    return this.#clock.now() - kept.at < (kept.failed ? afterFailure : goodFor);
  }

  #start(of: string | number, load: () => Promise<T>): Promise<T> {
    this.#kept = this.#begin(of, load);
    return this.#kept.value;
  }

  #begin(of: string | number, load: () => Promise<T>): Kept<T> {
    const kept: Kept<T> = { of, at: this.#clock.now(), value: load(), underWay: true, failed: false };
    const settle = (failed: boolean) => {
      kept.underWay = false;
      kept.failed = failed;
    };
    kept.value.then(
      () => settle(false),
      () => settle(true),
    );
    return kept;
  }
}
