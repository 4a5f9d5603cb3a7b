/** How long things took, by fixed bounds: counting one costs a short search and two additions. */

/** Upper bounds in seconds, of requests and of what they wait for: a cached read takes some 0.1 ms, a lost disk minutes. */
export const bounds: readonly number[] = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60,
];

/** Of what happens several times in each request one in so many is timed: asking for the time costs as much as the rest. */
const timedOneIn = 16;

/** Whether the call after so many others is one of those, the first among them. */
export function isTimed(before: number): boolean {
  return before % timedOneIn === 0;
}

export class Histogram {
  /** Not cumulative; the last one is of what is beyond every bound. */
  readonly counts: number[] = new Array<number>(bounds.length + 1).fill(0);
  /** Seconds. */
  sum = 0;

  add(milliseconds: number): void {
    // A clock that went back took no time.
    const seconds = milliseconds > 0 ? milliseconds / 1_000 : 0;
    this.sum += seconds;
    let index = 0;
    while (index < bounds.length && seconds > (bounds[index] ?? 0)) index++;
    this.counts[index] = (this.counts[index] ?? 0) + 1;
  }

  get count(): number {
    return this.counts.reduce((all, one) => all + one, 0);
  }
}
