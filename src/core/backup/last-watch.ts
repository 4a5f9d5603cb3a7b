/** How long ago something was that any node may have done: nodes' times of day may differ, so they are compared with care. */
import type { Clock } from '../../clock.ts';

/** Milliseconds that are waited for where a time of day makes no sense. */
const patience = 3_600_000;

/**
 * What this node did itself it times by its own clock. What it saw another node do it times from when it saw it. Only what was there
 * when it first looked is timed by the clock of whoever did it, so that a restart puts nothing off; and where that clock was ahead, from
 * the first look.
 */
export class LastWatch {
  readonly #clock: Clock;
  #seen:
    | { readonly id: string; readonly since: number; readonly known: 'before' | 'here' | 'there' }
    | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** This node did it, just now. */
  done(id: string): void {
    this.#seen = { id, since: this.#clock.steady(), known: 'here' };
  }

  /**
   * Whether it was at least `milliseconds` ago.
   *
   * @param id names what was done last; another one each time
   * @param at milliseconds since 1970, by the clock of whoever did it
   */
  isOver(id: string, at: number, milliseconds: number): boolean {
    const steady = this.#clock.steady();
    if (this.#seen?.id !== id) {
      this.#seen = { id, since: steady, known: this.#seen === undefined ? 'before' : 'there' };
    }
    const { since, known } = this.#seen;
    const watched = steady - since;
    const byClock = this.#clock.now() - at;
    if (known === 'there') return watched >= milliseconds;
    if (byClock >= 0) return Math.max(watched, byClock) >= milliseconds;
    return watched >= Math.min(milliseconds, patience);
  }
}
