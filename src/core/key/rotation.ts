/** Rotation of the keyring: on request, and by itself when a term has sealed enough or long enough. */
import type { BarrierStore, TermStatus, Terms } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { bumpEpoch } from '../epoch.ts';
import type { Jobs, Requester } from '../job/jobs.ts';
import { retryOnConflict } from '../retry.ts';
import { resealJob } from './reseal-job.ts';
import { readRotationConfig } from './rotation-config.ts';

/** Milliseconds between looks at the count: a node does far fewer seals in that time than the bounds leave. */
const lookEvery = 60_000;
const itself: Requester = { token: null, displayName: 'coffer' };

export interface RotationOptions {
  readonly terms: Terms;
  readonly store: BarrierStore;
  readonly jobs: Pick<Jobs, 'prepare'>;
  readonly clock: Clock;
  /** Told of a rotation that nobody asked for: it has no line of a request. */
  readonly announce?: (term: number) => Promise<void>;
}

export class Rotation {
  readonly #options: RotationOptions;
  #nextLook = 0;

  constructor(options: RotationOptions) {
    this.#options = options;
  }

  status(): Promise<TermStatus> {
    return this.#options.terms.newestTerm();
  }

  /** Adds a term that seals from now on, and begins the job that seals everything anew. Answers the term's id. */
  rotate(requester: Requester = itself): Promise<number> {
    return retryOnConflict(() => this.#rotateOnce(requester));
  }

  /** Rotates where the configuration wants it. Cheap: looks once a minute. Answers whether it did. */
  async rotateIfDue(): Promise<boolean> {
    const { clock, store } = this.#options;
    if (clock.now() < this.#nextLook) return false;
    this.#nextLook = clock.now() + lookEvery;
    const [config, term] = await Promise.all([readRotationConfig(store), this.status()]);
    const aged = config.interval > 0 && clock.now() - term.installedAt >= config.interval * 1_000;
    if (!config.enabled || (!aged && term.seals < config.maxOperations)) return false;
    try {
      const rotated = await this.#rotateOnce(itself);
      await this.#options.announce?.(rotated);
      return true;
    } catch (error) {
      // Another node did it.
      if (error instanceof ConflictError) return false;
      throw error;
    }
  }

  async #rotateOnce(requester: Requester): Promise<number> {
    const { terms, store } = this.#options;
    // In this order: a rotation that the reload does not see has changed the epoch since, and this one is a conflict. Otherwise
    // the job would be for another term than is added, and end at once as that of an earlier rotation.
    const bump = await bumpEpoch(store, 'keyring');
    await terms.reloadKeyring();
    const { id } = await terms.newestTerm();
    const job = await this.#job(id + 1, requester);
    return terms.rotate([bump.write, ...job], [bump.expectation]);
  }

  /** A term that is used up must be followed by another, whatever else there is to do: a later rotation seals it all anew. */
  async #job(term: number, requester: Requester) {
    try {
      return (await this.#options.jobs.prepare(resealJob(term), requester)).writes;
    } catch (error) {
      if (error instanceof CofferError && error.code === 'rate_limited') return [];
      throw error;
    }
  }
}
