/** A clock that stands still until a test moves it. */
import type { Clock } from '../../src/clock.ts';

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

export class HandClock implements Clock {
  #time: number;
  #passed = 0;
  readonly #timers = new Set<Timer>();

  constructor(time = Date.UTC(2026, 10, 22, 1, 36)) {
    this.#time = time;
  }

  now(): number {
    return this.#time;
  }

  steady(): number {
    return this.#passed;
  }

  after(milliseconds: number, action: () => void): Disposable {
    const timer = { at: this.#passed + milliseconds, action };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves the time and lets no timer go off: what happens meanwhile is the test's to say. */
  jump(seconds: number): void {
    this.#time += seconds * 1_000;
    this.#passed += seconds * 1_000;
  }

  /** As if somebody set the time: no time passes by it. */
  set(seconds: number): void {
    this.#time += seconds * 1_000;
  }

  /** Moves the time and starts what had been put off until then, in order. */
  advance(seconds: number): void {
    this.jump(seconds);
    const due = [...this.#timers].filter(({ at }) => at <= this.#passed).toSorted((a, b) => a.at - b.at);
    for (const timer of due) if (this.#timers.delete(timer)) timer.action();
  }
}
