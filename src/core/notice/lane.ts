/**
 * The way of one notifier's letters: each notifier has a lock, pauses and bounds of its own, so that one that hangs or fails holds up
 * no other. A letter goes out under the lock only, and is taken out of the store once it was accepted: it is told again where the
 * node that told it ended in between.
 */
import type { BarrierStore, KeyedSealedRecord, PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { asCofferError, CofferError, ConflictError } from '../../errors.ts';
import type { Letter } from '../../notifier/notifier.ts';
import type { DutyLock, HeldLock } from '../duty/lock.ts';
import type { Meter } from '../meter.ts';
import { everyItem } from '../pages.ts';
import { withinTime } from '../within-time.ts';
import type { ActiveNotifier } from './notifiers.ts';
import {
  deadKey,
  deadPrefix,
  decodeWaiting,
  dueOf,
  encodeWaiting,
  type WaitingLetter,
  waitingKey,
  waitingPrefix,
} from './record.ts';

/** Letters that may wait for one notifier. */
export const mostWaiting = 10_000;
/** Letters told side by side. */
const sideBySide = 8;
/** Milliseconds that a notifier has for one letter; half of a lock's time, so that none runs out under it. */
export const deliveryTime = 15_000;
/** Tries before a letter is left for a person to look at: a third of a day. */
export const mostFailures = 16;
/** Milliseconds until a letter is tried again, doubled up to the hour. */
const firstPause = 10_000;
const longestPause = 3_600_000;
/** Milliseconds until a notifier that took none of several letters is asked again, doubled up to the minute. */
const firstRest = 1_000;
const longestRest = 60_000;
/** Letters that are kept for a person; beyond them the oldest goes. */
export const mostDead = 1_000;
/** Letters told at once to one notifier because somebody waits for it. */
const mostDemands = 64;

export interface LaneOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly id: string;
  /** As of now; undefined once it is removed. */
  readonly notifier: () => ActiveNotifier | undefined;
  readonly lock: DutyLock;
  /** Whether a letter is told as soon as it is put up. */
  readonly byItself: boolean;
  readonly tally: Meter['tally'];
  /** Told when the notifier begins to fail and when it works again; not for each letter. */
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface LaneHealth {
  readonly state: 'working' | 'failing';
  /** What stood in the way of the last letter; empty while it works. */
  readonly problem: string;
}

export class Lane {
  readonly #options: LaneOptions;
  #running: Promise<void> | undefined;
  #failures = 0;
  #problem = '';
  #restsUntil = 0;
  #demands = 0;
  /** Letters at the last count, and put since. */
  #counted = 0;
  #put = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #waits = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  health(): LaneHealth {
    return { state: this.#failures > 0 ? 'failing' : 'working', problem: this.#problem };
  }

  /** Whether something was due in the last pass, and somebody else had the lock, or seemed to. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Tells what is due. Passes never overlap; one in which nothing is due costs a small read. */
  run(): Promise<void> {
    this.#running ??= this.#pass().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Begins nothing more; resolves when nothing runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => undefined);
  }

  /** One letter, at once, whatever waits. Throws `unavailable`, saying why it was not accepted. */
  async demand(letter: Letter): Promise<void> {
    if (this.#demands >= mostDemands) {
      throw new CofferError('unavailable', 'too many others wait for it already');
    }
    this.#demands += 1;
    try {
      await this.#tell(letter);
    } finally {
      this.#demands -= 1;
    }
  }

  /** Whether fewer than `most` letters wait, as far as this node knows: it counts where it might be otherwise, and not each time. */
  async hasRoom(most: number): Promise<boolean> {
    if (this.#counted + this.#put < most) return true;
    const now = this.#options.clock.steady();
    if (now - this.#countedAt < 1_000) return false;
    this.#countedAt = now;
    const put = this.#put;
    this.#counted = await this.count(mostWaiting);
    this.#put -= put;
    return this.#counted + this.#put < most;
  }

  /** A letter was put up. */
  noted(): void {
    this.#put += 1;
    this.begin();
  }

  /** A pass that nobody waits for. */
  begin(): void {
    if (this.#stopped || !this.#options.byItself) return;
    setImmediate(() => {
      if (this.#stopped) return;
      this.run().catch((error: unknown) =>
        this.#options.log('telling of notices failed', this.#fields(error)),
      );
    });
  }

  /** How many letters wait; counting ends at `most`. */
  async count(most: number): Promise<number> {
    const names = everyItem((page) => this.#options.store.children(waitingPrefix(this.#options.id), page));
    let count = 0;
    for await (const _ of names) if (++count >= most) break;
    return count;
  }

  async #pass(): Promise<void> {
    const { clock, lock } = this.#options;
    this.#waits = false;
    if (this.#stopped || clock.steady() < this.#restsUntil) return;
    if ((await this.#due(1)).length === 0) return;
    const held = await lock.acquire();
    this.#waits = held === undefined;
    if (held === undefined) return;
    try {
      // What has begun when the node is sealed tells what it is about: that the store is sealed, perhaps.
      do {
        await held.extend();
        const due = await this.#due(sideBySide);
        if (due.length === 0) return;
        const outcomes = await Promise.all(due.map((each) => this.#deliver(each, held)));
        if (outcomes.some((accepted) => accepted)) continue;
        return this.#rest();
      } while (!this.#stopped);
    } catch (error) {
      // Another node has the lock by now, or this one is sealed: what is not told is told by others, or later.
      if (!(error instanceof ConflictError)) throw error;
    } finally {
      await held.release();
    }
  }

  async #due(limit: number): Promise<readonly KeyedSealedRecord[]> {
    const { store, clock, id } = this.#options;
    const page = await store.range(waitingPrefix(id), { limit });
    return page.items.filter(({ key }) => dueOf(key) <= clock.now());
  }

  /** Whether it was accepted. */
  async #deliver(sealed: KeyedSealedRecord, held: HeldLock): Promise<boolean> {
    const { store, tally } = this.#options;
    const waiting = decodeWaiting(sealed.open());
    try {
      await held.outside((signal) => this.#tell(waiting.letter, signal));
    } catch (error) {
      if (error instanceof ConflictError) throw error;
      await this.#putOff(sealed, waiting, asCofferError(error).message, held);
      return false;
    }
    await store.commit([{ key: sealed.key, value: null }], [held.expectation()]);
    tally('notice_delivered');
    return true;
  }

  async #tell(letter: Letter, outer?: AbortSignal): Promise<void> {
    const { clock, notifier } = this.#options;
    try {
      const found = notifier();
      if (found === undefined) throw new CofferError('unavailable', 'there is no such notifier any more');
      await withinTime(clock, { milliseconds: deliveryTime, outer }, (signal) =>
        found.open().deliver(letter, signal),
      );
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    this.#recovered();
  }

  /** A letter that was taken away meanwhile stays away. */
  async #putOff(
    sealed: KeyedSealedRecord,
    { letter, failures: before }: WaitingLetter,
    problem: string,
    held: HeldLock,
  ): Promise<void> {
    const { store, clock, id, tally } = this.#options;
    const failures = before + 1;
    const givenUp = failures >= mostFailures;
    const pause = Math.min(longestPause, firstPause * 2 ** before);
    const value = encodeWaiting({ letter, failures, problem });
    const moved: readonly PlainWrite[] = givenUp
      ? [{ key: deadKey(id, letter.id), value }, ...(await this.#deadBeyond())]
      : [{ key: waitingKey(id, clock.now() + pause, letter.id), value }];
    tally(givenUp ? 'notice_given_up' : 'notice_failed');
    try {
      await store.commit(
        [{ key: sealed.key, value: null }, ...moved],
        [held.expectation(), { key: sealed.key, revision: sealed.revision }],
      );
    } catch (error) {
      if (!(error instanceof ConflictError) || error.key !== sealed.key) throw error;
    }
  }

  /** The oldest dead letter, where there is no room for another. */
  async #deadBeyond(): Promise<readonly PlainWrite[]> {
    const { store, id } = this.#options;
    const names = everyItem((page) => store.children(deadPrefix(id), page));
    let oldest: string | undefined;
    let count = 0;
    for await (const name of names) {
      oldest ??= name;
      if (++count >= mostDead) return [{ key: deadKey(id, oldest), value: null }];
    }
    return [];
  }

  #rest(): void {
    const rest = Math.min(longestRest, firstRest * 2 ** Math.min(10, Math.max(0, this.#failures - 1)));
    this.#restsUntil = this.#options.clock.steady() + rest;
  }

  #failed(error: unknown): void {
    if (this.#failures === 0) this.#options.log('a notifier fails; its notices wait', this.#fields(error));
    this.#failures += 1;
    this.#problem = asCofferError(error).message;
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#problem = '';
    this.#restsUntil = 0;
    this.#options.log('a notifier works again', this.#fields());
  }

  #fields(error?: unknown): Readonly<Record<string, unknown>> {
    const found = this.#options.notifier();
    const who = { notifier: found?.name ?? this.#options.id, type: found?.type ?? '' };
    return error === undefined ? who : { ...who, reason: asCofferError(error).message };
  }
}
