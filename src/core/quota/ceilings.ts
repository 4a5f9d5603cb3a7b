/**
 * How many tokens and leases one identity may hold at a time: a program that logs in for each request, or never gives back what
 * it took, fills its own measure and not the store. Tokens and leases of an identity are listed in an index, so that nothing is
 * counted on the way of a login; a node counts them once in a while and adds what it hands out itself meanwhile. Between two
 * counts, other nodes' additions are not seen: the ceiling can be passed by what they hand out in that time.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { everyItem } from '../pages.ts';
import { TwoGenerationCache } from '../two-generation-cache.ts';
import type { NodeLimits } from './limits.ts';

/** Identities whose count is remembered; twice as many at most. */
const remembered = 10_000;
/** How long a count is good for, in milliseconds: longer for longer ones, since they take longer. */
const goodFor = 60_000;
/** At the ceiling, how long until it is counted again, in milliseconds: at least, and more where there is much to count. */
const goodForAtCeiling = 1_000;

interface Count {
  readonly count: number;
  /** Milliseconds. */
  readonly at: number;
}

export class Ceilings {
  readonly #store: BarrierStore;
  readonly #clock: Clock;
  readonly #limits: () => NodeLimits;
  readonly #tell: (prefix: string) => void;
  readonly #counts = new TwoGenerationCache<Count>(remembered);
  /** Counts under way: who comes meanwhile waits for the same one. */
  readonly #counting = new Map<string, Promise<void>>();

  /** @param tell called with the index of each token and lease, for the other processes of the server */
  constructor(
    store: BarrierStore,
    clock: Clock,
    limits: () => NodeLimits,
    tell: (prefix: string) => void = () => {},
  ) {
    this.#tell = tell;
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Throws `rate_limited` where the identity holds as many tokens as it may. */
  admitToken(identity: string): Promise<void> {
    return this.#admit(tokensOfPrefix(identity), this.#limits().tokensPerIdentity, 'tokens');
  }

  /** The same for leases. */
  admitLease(identity: string): Promise<void> {
    return this.#admit(leasesOfPrefix(identity), this.#limits().leasesPerIdentity, 'leases');
  }

  async #admit(prefix: string, ceiling: number, what: string): Promise<void> {
    const known = this.#counts.get(prefix);
    if (known === undefined || this.#isStale(known, ceiling)) await this.#recount(prefix, ceiling);
    // As it is now: others may have been let in since it was counted.
    const { count, at } = this.#counts.get(prefix) ?? { count: 0, at: this.#clock.steady() };
    if (count >= ceiling) {
      throw new CofferError(
        'rate_limited',
        `this identity holds ${ceiling} ${what}, which is as many as it may: revoke some, or let them end`,
      );
    }
    this.#counts.set(prefix, { count: count + 1, at });
    this.#tell(prefix);
  }

  /** Adds what another process of the server handed out. */
  note(prefix: string): void {
    const known = this.#counts.get(prefix);
    if (known !== undefined) this.#counts.set(prefix, { ...known, count: known.count + 1 });
  }

  #isStale({ count, at }: Count, ceiling: number): boolean {
    const life = count >= ceiling ? Math.max(goodForAtCeiling, count / 10) : Math.max(goodFor, count);
    return this.#clock.steady() - at >= life;
  }

  #recount(prefix: string, ceiling: number): Promise<void> {
    const underWay = this.#counting.get(prefix);
    if (underWay !== undefined) return underWay;
    const counting = this.#count(prefix, ceiling).finally(() => this.#counting.delete(prefix));
    this.#counting.set(prefix, counting);
    return counting;
  }

  /** Counts no further than the ceiling. */
  async #count(prefix: string, ceiling: number): Promise<void> {
    let count = 0;
    for await (const _ of everyItem((page) => this.#store.range(prefix, page))) {
      count += 1;
      if (count >= ceiling) break;
    }
    this.#counts.set(prefix, { count, at: this.#clock.steady() });
  }
}

/** Where the tokens of an identity are listed. */
export function tokensOfPrefix(identity: string): string {
  return `core/token/of/${identity}/`;
}

/** Where its leases are. */
export function leasesOfPrefix(identity: string): string {
  return `core/lease/of/${identity}/`;
}
