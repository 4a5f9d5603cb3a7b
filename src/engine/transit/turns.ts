/** Work that must not run beside its like: one at a time, in order, and a bounded number waiting. */
import { CofferError } from '../../errors.ts';

export class Turns {
  readonly #most: number;
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;

  /** @param most running and waiting together */
  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `rate_limited` at once where too many wait. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count >= this.#most) {
      throw new CofferError('rate_limited', 'too many RSA keys are being made; try again in a few seconds');
    }
    this.#count += 1;
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#count -= 1;
    }
  }
}
