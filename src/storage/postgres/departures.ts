/**
 * When what waits may leave for the server. Few go at once, each by itself, so that nobody waits for anybody; while many are under way
 * the next ones gather, and go together: a statement costs much, and one more key in it little. What is under way for long holds nobody
 * up: it may be waiting for somebody else's lock.
 */
import type { Clock } from '../../clock.ts';

/** So many under way are few. */
const few = 4;
/** Groups under way at most. */
const mostGroups = 4;
/** Milliseconds after which a group does not count any more. */
const long = 50;

export class Departures {
  readonly #clock: Clock;
  readonly #again: () => void;
  readonly #few: number;
  #groups = 0;
  #underWay = 0;

  /**
   * @param again called when what waits may leave, though nothing has arrived
   * @param together false where no two may go in one group
   */
  constructor(clock: Clock, again: () => void, together = true) {
    this.#clock = clock;
    this.#again = again;
    this.#few = together ? few : Number.POSITIVE_INFINITY;
  }

  mayLeave(waiting: number): boolean {
    if (this.#groups >= mostGroups) return false;
    return this.#underWay === 0 || this.#underWay + waiting <= this.#few;
  }

  /** So many leave together; to be told when they have arrived. */
  leave(size: number): () => void {
    let counted = size;
    this.#groups += 1;
    this.#underWay += size;
    const uncount = () => {
      this.#underWay -= counted;
      counted = 0;
    };
    const late = this.#clock.after(long, () => {
      uncount();
      this.#again();
    });
    return () => {
      late[Symbol.dispose]();
      this.#groups -= 1;
      uncount();
    };
  }
}
