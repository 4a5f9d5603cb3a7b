/** Answers of AWS that are kept for a while, by what they are about, so that many logins cost few questions. */
import type { Clock } from '../../clock.ts';

interface Kept<T> {
  readonly until: number;
  readonly value: T;
}

export interface AnswerTimes<T> {
  /** Milliseconds that an answer is good for. */
  readonly goodFor: (value: T) => number;
  readonly most: number;
}

export class Answers<T> {
  readonly #clock: Clock;
  readonly #times: AnswerTimes<T>;
  #newer = new Map<string, Kept<T>>();
  #older = new Map<string, Kept<T>>();

  constructor(clock: Clock, times: AnswerTimes<T>) {
    this.#clock = clock;
    this.#times = times;
  }

  /** In a box, since no answer is one too. */
  get(about: string): { readonly value: T } | undefined {
    const kept = this.#newer.get(about) ?? this.#older.get(about);
    // A clock that was set back must not make an answer live on.
    const now = this.#clock.now();
    if (kept === undefined || kept.until <= now || kept.until > now + this.#times.goodFor(kept.value))
      return undefined;
    return kept;
  }

  set(about: string, value: T): void {
    // Two generations, of which the older one goes as a whole: no table is worked on for ever.
    if (this.#newer.size >= this.#times.most / 2) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(about, { until: this.#clock.now() + this.#times.goodFor(value), value });
  }

  clear(): void {
    this.#newer.clear();
    this.#older.clear();
  }
}
