/**
 * Failures of names that have no account, in a bounded map: nobody fills the store by inventing names. Locked by the same rules as
 * accounts, so that the answers do not tell which names exist.
 */
import { TwoGenerationCache } from '../two-generation-cache.ts';
import {
  afterFailure,
  freshState,
  isLocked,
  type LockoutSettings,
  type LockState,
  type NobodyCounts,
} from './lock-state.ts';

/** Names remembered, at least. Twice as many, with 64 origins each, is the most. */
const rememberedNames = 1_024;

export class Nobodies implements NobodyCounts {
  readonly #states: TwoGenerationCache<LockState>;

  constructor(names = rememberedNames) {
    this.#states = new TwoGenerationCache(names);
  }

  isLocked(key: string, origin: string, now: number): boolean {
    const state = this.#states.get(key);
    return state !== undefined && isLocked(state, origin, now);
  }

  /** It may have been locked while the attempt was under way, as an account's would be. */
  fail(key: string, origin: string, now: number, settings: LockoutSettings): boolean {
    const state = this.#states.get(key) ?? freshState('');
    if (isLocked(state, origin, now)) return false;
    this.#states.set(key, afterFailure(state, origin, now, settings));
    return true;
  }

  forget(key: string): void {
    this.#states.delete(key);
  }
}
