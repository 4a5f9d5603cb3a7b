/**
 * Callers without a valid token: each of their requests costs an answer and two audit lines, and nothing says who they are. An
 * address may send so many and no more. Whoever presents a valid token, or logs in, is not counted.
 */
import { originOf } from '../../origin.ts';
import { Buckets } from './buckets.ts';

export interface StrangerLimit {
  /** Requests a second; 0 sets no limit. */
  readonly requestsPerSecond: number;
  /** How many may come at once. */
  readonly burst: number;
}

export class Strangers {
  readonly #limit: () => StrangerLimit;
  readonly #buckets = new Buckets();
  readonly #tell: (origin: string) => void;

  /**
   * The limit is asked for each time: it may change while the server runs.
   *
   * @param tell called with each origin that is charged, for the other processes of the server
   */
  constructor(limit: () => StrangerLimit, tell: (origin: string) => void = () => {}) {
    this.#limit = limit;
    this.#tell = tell;
  }

  /** Whole seconds until the address may ask again; 0 for now. Times in milliseconds, here and below: steady ones. */
  wait(address: string, now: number): number {
    const { requestsPerSecond, burst } = this.#limit();
    if (requestsPerSecond <= 0) return 0;
    const rate = { requests: requestsPerSecond, per: 1_000, burst };
    return Math.ceil(this.#buckets.wait(originOf(address), rate, now) / 1_000);
  }

  /** Counts a request that came without a valid token and was no successful login. */
  charge(address: string, now: number): void {
    const origin = originOf(address);
    if (this.note(origin, now)) this.#tell(origin);
  }

  /** Counts what another process has charged; false where nothing is limited or the measure is used up. */
  note(origin: string, now: number): boolean {
    const { requestsPerSecond, burst } = this.#limit();
    if (requestsPerSecond <= 0) return false;
    return this.#buckets.take(origin, { requests: requestsPerSecond, per: 1_000, burst }, now).admitted;
  }
}
