/** How soon a worker that ended is replaced, and when it is not any more. */

/** Milliseconds: the first wait, doubled at each end that comes early, and the longest. */
const firstWait = 100;
const longestWait = 10_000;
/** A worker that served for so long, in milliseconds, ended for a reason of its own. */
const longLife = 30_000;
/** Early ends one after another, of one number, after which the server gives up. */
const mostEarlyEnds = 6;

export class Restarts {
  readonly #early = new Map<number, number>();
  readonly #replaced = new Set<number>();

  /** Whether it is to be replaced: not while a server is starting, of which nobody has served under this number. */
  replaces(number: number, served: boolean): boolean {
    if (served) this.#replaced.add(number);
    return this.#replaced.has(number);
  }

  /** Milliseconds until another is started; undefined to give up. `served` is how long it served, 0 if it never did. */
  after(number: number, served: number): number | undefined {
    const early = served >= longLife ? 1 : (this.#early.get(number) ?? 0) + 1;
    this.#early.set(number, early);
    return early >= mostEarlyEnds ? undefined : Math.min(longestWait, firstWait * 2 ** (early - 1));
  }
}
