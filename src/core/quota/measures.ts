/** What quotas have counted of each client: a measure that fills again, and a time in which nothing at all is admitted. */
import { TwoGenerationCache } from '../two-generation-cache.ts';
import { type Admission, Buckets, type Rate } from './buckets.ts';

/** Clients that are blocked for a time; twice as many at most. */
const mostBlocked = 50_000;

/** The same kept for several processes, of whom one counts. */
export type TakeTogether = (key: string, rate: Rate, blockFor: number) => Promise<Admission>;

export class Measures {
  readonly #buckets = new Buckets();
  readonly #blocked = new TwoGenerationCache<number>(mostBlocked);

  /**
   * Takes one request of `key`, a quota's client.
   *
   * @param blockFor milliseconds in which a client that goes beyond is refused altogether; 0 for none
   * @param now milliseconds of steady time
   */
  take(key: string, rate: Rate, blockFor: number, now: number): Admission {
    const until = this.#blocked.get(key) ?? 0;
    if (until > now) return { admitted: false, remaining: 0, wait: until - now, reset: until - now };
    const admission = this.#buckets.take(key, rate, now);
    if (admission.admitted || blockFor === 0) return admission;
    this.#blocked.set(key, now + blockFor);
    return { ...admission, wait: blockFor, reset: blockFor };
  }
}
