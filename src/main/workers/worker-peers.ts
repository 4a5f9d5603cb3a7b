/** The other workers, as the core of one of them sees them. */
import type { Clock } from '../../clock.ts';
import type { NobodyCounts } from '../../core/lockout/lock-state.ts';
import type { Counted, Peers, ShownRequest } from '../../core/peers.ts';
import type { WorkerSeat } from './worker.ts';

/** Milliseconds that what was counted waits for company on its way to the others. */
const gatherFor = 5;

export class WorkerPeers implements Peers {
  readonly take: Peers['take'];
  readonly nobodies: NobodyCounts;
  readonly #seat: WorkerSeat;
  readonly #clock: Clock;
  readonly #gathered: { readonly [K in keyof Counted]: Counted[K][] } = { charged: [], given: [] };
  readonly #listeners: { [K in keyof Counted]?: (what: Counted[K]) => void } = {};
  #sending = false;

  constructor(seat: WorkerSeat, clock: Clock) {
    const { line } = seat;
    this.#seat = seat;
    this.#clock = clock;
    this.take = (key, rate, blockFor) => line.ask('take', { key, rate, blockFor });
    this.nobodies = {
      isLocked: (key, origin) => line.ask('nobodyLocked', { key, origin }),
      fail: (key, origin, _now, settings) => line.ask('nobodyFails', { key, origin, settings }),
      forget: (key) => line.tell('nobodyForgotten', key),
    };
    for (const kind of ['charged', 'given'] as const) {
      seat.hear(kind, (all) => {
        for (const each of all) this.#listeners[kind]?.(each);
      });
    }
  }

  tell<K extends keyof Counted>(kind: K, what: Counted[K]): void {
    this.#gathered[kind].push(what);
    if (this.#sending) return;
    this.#sending = true;
    this.#clock.after(gatherFor, () => this.#send());
  }

  /** One of a kind: an unsealed core takes the place of the one before. */
  hear<K extends keyof Counted>(kind: K, listener: (what: Counted[K]) => void): void {
    this.#listeners[kind] = listener as (what: string) => void;
  }

  showRunning(show: () => Readonly<Record<string, ShownRequest>>): void {
    this.#seat.answer('inFlight', show);
  }

  async running(): Promise<Readonly<Record<string, ShownRequest>>> {
    const all = (await this.#seat.others('inFlight', null)) as readonly Record<string, ShownRequest>[];
    return Object.fromEntries(all.flatMap((each) => Object.entries(each)));
  }

  #send(): void {
    this.#sending = false;
    for (const kind of ['charged', 'given'] as const) {
      const all = this.#gathered[kind].splice(0);
      if (all.length > 0) this.#seat.line.tell(kind, all);
    }
  }
}
