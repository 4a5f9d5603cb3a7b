/** What a log does besides taking lines: now and then, for as long as it is open. */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { pruneAudit } from './prune.ts';

/** Milliseconds between two rounds. */
const roundEvery = 10 * 60_000;

export class Upkeep {
  readonly #clock: Clock;
  readonly #round: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #timer: Disposable | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param onFailure told of each round that rejected; the next one tries again */
  constructor(clock: Clock, round: () => Promise<void>, onFailure: (error: unknown) => void) {
    this.#clock = clock;
    this.#round = round;
    this.#onFailure = onFailure;
  }

  begin(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(roundEvery, () => {
      this.#running = this.#round()
        .catch(this.#onFailure)
        .finally(() => this.begin());
    });
  }

  /** Resolves when no round is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }
}

/** Removes by rule what of a log in files is old; undefined where nothing is. What a round could not remove, the next one does. */
export function filesUpkeep(options: {
  readonly directory: string;
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly keep?: number | undefined;
}): Upkeep | undefined {
  const { directory, store, clock, keep } = options;
  if (keep === undefined) return undefined;
  const prune = async () => {
    await pruneAudit({ directory, store, olderThan: clock.now() - keep });
  };
  return new Upkeep(clock, prune, () => undefined);
}
