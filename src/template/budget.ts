/**
 * How much a template may do. One measure bounds time and memory alike: each node that is evaluated costs a step, and what is made or
 * gone through costs a step for each 64 characters or 8 items.
 */
import { Problem } from './problem.ts';

export interface Limits {
  readonly steps: number;
  /** Bytes of UTF-8 that are put out. */
  readonly output: number;
  /** Nodes, bodies and macros inside each other while it runs. */
  readonly depth: number;
}

export const defaultLimits: Limits = { steps: 2_000_000, output: 16 * 1024 * 1024, depth: 400 };

export class Budget {
  readonly #limits: Limits;
  #steps = 0;
  #depth = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get steps(): number {
    return this.#steps;
  }

  get output(): number {
    return this.#limits.output;
  }

  /** Throws a problem once too much is spent. */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.#limits.steps) {
      throw new Problem(
        `the template does too much: more than ${this.#limits.steps.toLocaleString('en')} steps`,
      );
    }
  }

  /** For text that is about to be made, of a length that is known before it is. */
  text(length: number): void {
    if (length > this.#limits.output)
      throw new Problem(`a text is longer than ${this.#limits.output} characters`);
    this.spend(1 + Math.floor(length / 64));
  }

  items(count: number): void {
    this.spend(1 + Math.floor(count / 8));
  }

  deeper<T>(work: () => T): T {
    if (this.#depth >= this.#limits.depth) {
      throw new Problem(`the template goes more than ${this.#limits.depth} levels deep`);
    }
    this.#depth++;
    try {
      return work();
    } finally {
      this.#depth--;
    }
  }
}
