/**
 * A bound on calls side by side to one place, and what this node has learned of it: a place that has just failed by not answering, or that asked for a
 * pause, is left alone for a while, and whoever needs it gives way at once instead of waiting for it in turn. In memory: another node learns
 * by itself, with one call.
 */
import type { Clock } from '../../clock.ts';
import { CofferError, type ErrorCode } from '../../errors.ts';

/** Milliseconds that a place is left alone after it did not answer; doubled each time in a row. */
const firstBreak = 15_000;
const longestBreak = 300_000;
const longestPause = 3_600_000;
/** For who comes while one tries whether the place answers again. */
const trialPause = 2_000;

/** The call was not made: the place is left alone for now. */
export class GaveWay extends CofferError {
  /** Milliseconds after which it is worth trying. */
  readonly pause: number;

  constructor(code: ErrorCode, message: string, pause: number) {
    super(code, message);
    this.name = 'GaveWay';
    this.pause = pause;
  }
}

interface Waiting {
  enter(): void;
  refuse(error: GaveWay): void;
}

export class Gate {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #limit = 1;
  #inside = 0;
  #most = 0;
  /** Steady milliseconds. */
  #closedUntil = 0;
  #why: ErrorCode = 'unavailable';
  #breaks = 0;
  #trying = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The most calls that were ever inside. */
  get most(): number {
    return this.#most;
  }

  /** Whether nobody is inside or waits, and nothing is known that would be missed. */
  get idle(): boolean {
    return (
      this.#inside === 0 &&
      this.#waiting.length === 0 &&
      this.#breaks === 0 &&
      this.#closedUntil <= this.#clock.steady()
    );
  }

  /** Waits for its turn. Throws `GaveWay` where the place is left alone. Whoever has entered says how it went, and leaves. */
  async enter(limit: number): Promise<void> {
    this.#limit = Math.max(1, limit);
    this.#refuseWhileClosed();
    if (this.#breaks > 0) this.#trying = true;
    if (this.#inside < this.#limit) {
      this.#goIn();
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ enter: resolve, refuse: reject });
    });
  }

  leave(): void {
    this.#inside--;
    // Whoever tried has left, also where nothing was learned.
    this.#trying = false;
    while (this.#inside < this.#limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#goIn();
      next.enter();
    }
  }

  /** The place answered, whatever it said. */
  answered(): void {
    this.#breaks = 0;
    this.#trying = false;
  }

  /** The place did not answer in time. */
  silent(): void {
    this.#trying = false;
    // Of calls that were under way together, one counts.
    if (this.#closedUntil > this.#clock.steady()) return;
    this.#breaks++;
    this.#close('unavailable', Math.min(firstBreak * 2 ** Math.min(this.#breaks - 1, 10), longestBreak));
  }

  /** The place asked for a pause. Answers how long it is left alone, in milliseconds. */
  paused(milliseconds: number): number {
    this.#trying = false;
    const pause = Math.min(Math.max(milliseconds, 1_000), longestPause);
    this.#close('rate_limited', pause);
    return pause;
  }

  #goIn(): void {
    this.#inside++;
    this.#most = Math.max(this.#most, this.#inside);
  }

  #close(why: ErrorCode, milliseconds: number): void {
    this.#why = why;
    this.#closedUntil = Math.max(this.#closedUntil, this.#clock.steady() + milliseconds);
    for (const waiting of this.#waiting.splice(0)) waiting.refuse(this.#gaveWay());
  }

  #refuseWhileClosed(): void {
    if (this.#clock.steady() < this.#closedUntil) throw this.#gaveWay();
    if (this.#trying)
      throw new GaveWay('unavailable', 'it is being tried whether it answers again', trialPause);
  }

  #gaveWay(): GaveWay {
    const message =
      this.#why === 'rate_limited'
        ? 'it asked for a pause, which is not over'
        : 'it did not answer lately, and is left alone for a while';
    return new GaveWay(this.#why, message, Math.max(0, this.#closedUntil - this.#clock.steady()));
  }
}

/** More gates than this are tidied: those that know nothing go. */
const mostGates = 1_024;

export class Gates {
  readonly #clock: Clock;
  readonly #gates = new Map<string, Gate>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(place: string): Gate {
    const known = this.#gates.get(place);
    if (known !== undefined) return known;
    if (this.#gates.size >= mostGates) {
      for (const [name, gate] of this.#gates) if (gate.idle) this.#gates.delete(name);
    }
    const gate = new Gate(this.#clock);
    this.#gates.set(place, gate);
    return gate;
  }
}
