import { CofferError } from '../../errors.ts';

/** Lets so many go at a time; others wait until one has ended, in the order in which they came. */
export class Turns {
  readonly #most: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `unavailable` where the signal ended before its turn came. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken += 1;
    try {
      if (signal.aborted) throw new CofferError('unavailable', 'too many others were before it');
      return await work();
    } finally {
      // Its turn goes to who waits longest.
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next();
    }
  }
}
