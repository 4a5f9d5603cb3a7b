/**
 * The other processes of the same server: workers share one configuration and one address, and a client cannot choose whom of them
 * it meets. So what is limited for a client is counted by all of them together.
 */
import type { NobodyCounts } from './lockout/lock-state.ts';
import type { TakeTogether } from './quota/measures.ts';

/** What each process counts by itself and hears of from the others a moment later. */
export interface Counted {
  /** An address came without a valid token. */
  readonly charged: string;
  /** An identity was given a token or a lease: the prefix of the index that it is listed under. */
  readonly given: string;
}

/** Members of what `sys/in-flight-req` shows of one request. */
export type ShownRequest = Readonly<Record<string, string>>;

export interface Peers {
  readonly take: TakeTogether;
  readonly nobodies: NobodyCounts;
  /** Tells the others, soon. */
  tell<K extends keyof Counted>(kind: K, what: Counted[K]): void;
  /** Calls `listener` with what the others tell; it takes the place of the one before. */
  hear<K extends keyof Counted>(kind: K, listener: (what: Counted[K]) => void): void;
  /** Running requests by their ids, as one shows them: what the others see of this one, and what this one sees of the others. */
  showRunning(show: () => Readonly<Record<string, ShownRequest>>): void;
  running(): Promise<Readonly<Record<string, ShownRequest>>>;
}
