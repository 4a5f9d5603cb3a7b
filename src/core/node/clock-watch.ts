/**
 * Whether this node's clock can be relied on. Ending what is due cannot be taken back, so it waits while the clock may run ahead:
 * after a jump forwards until another machine agrees with it or it has stood for a while, at the start beside other machines
 * until the first of them was heard, and for as long as it is ahead of at least half of the others. Nodes of one machine have one
 * clock, and are neither witnesses for each other nor more than one vote. Refusing requests goes by the clock all the same: that
 * is over once the clock is right.
 */
import type { Clock } from '../../clock.ts';

/** Milliseconds that clocks of nodes may differ by, and a clock may be set by, without a word. */
export const toleratedSkew = 10_000;
/** Milliseconds that a jump forwards, or a clock that nobody vouches for at the start, must stand before it is believed. */
export const settlingTime = 300_000;

/** Milliseconds for which a jump is told of. */
const toldFor = 86_400_000;

/** What this node saw of another one's clock; milliseconds, positive where our own is ahead. Never more than it is. */
export interface SeenSkew {
  readonly id: string;
  /** Whose clock it is: the same for all nodes of a machine. */
  readonly machine: string;
  readonly ahead: number;
}

export interface ClockState {
  /** Milliseconds: how far this clock is ahead of others (negative: behind), where it differs most. As far as can be told: 0 if not. */
  readonly skew: number;
  /** The last jump of a day, in milliseconds by which the time was set; undefined if there was none. */
  readonly jump: number | undefined;
  /** Nothing that is due is ended now. */
  readonly inDoubt: boolean;
}

export type ClockLog = (message: string, fields: Readonly<Record<string, unknown>>) => void;

export class ClockWatch {
  readonly #clock: Clock;
  readonly #log: ClockLog;
  /** The time less the steady time: the same at each look, unless somebody set the time. */
  #offset: number;
  /** And steady time when it was seen. */
  #jump: { readonly by: number; readonly at: number } | undefined;
  /** Steady time until when a jump forwards is not believed. */
  #settlesAt: number | undefined;
  /** Steady time until when a clock that others may contradict, and none has been heard, is not believed; 0 before the first look. */
  #unheardUntil: number | undefined = 0;
  #others: readonly SeenSkew[] = [];
  #told = false;

  constructor(clock: Clock, log: ClockLog) {
    this.#clock = clock;
    this.#log = log;
    this.#offset = clock.now() - clock.steady();
  }

  /** Looks whether the time was set since the last look. Costs two readings of the clock. */
  look(): void {
    const offset = this.#clock.now() - this.#clock.steady();
    const by = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(by) > toleratedSkew) this.#jumped(by);
    if (this.#settlesAt !== undefined && this.#clock.steady() >= this.#settlesAt) this.#settlesAt = undefined;
    this.#tell();
  }

  /**
   * What was seen of the clocks of nodes of other machines, each by something that it wrote since the look before.
   *
   * @param live which of these are there at all: of whom nothing new was seen, what was seen before goes on to count
   */
  compare(seen: readonly SeenSkew[], live: ReadonlySet<string>): void {
    // First, so that what is kept was seen by the clock as it is now.
    this.look();
    const heard = seen.filter(({ id }) => live.has(id));
    const fresh = new Set(heard.map(({ id }) => id));
    const kept = this.#others.filter(({ id }) => live.has(id) && !fresh.has(id));
    this.#others = [...heard, ...kept];
    // Another witness: a machine that slept has the right time when it wakes.
    if (fresh.size > 0 && !this.#isAhead()) this.#settlesAt = undefined;
    // A machine often starts with a wrong clock: what it would end may be far from over, and the others can tell.
    if (fresh.size > 0 || live.size === 0) this.#unheardUntil = undefined;
    else if (this.#unheardUntil === 0) this.#unheardUntil = this.#clock.steady() + settlingTime;
    this.#tell();
  }

  /** Whether what is due may be ended now. */
  mayEnd(): boolean {
    this.look();
    return !this.#inDoubt();
  }

  /** As of now: looks first. */
  state(): ClockState {
    this.look();
    const jump = this.#jump;
    const told = jump !== undefined && this.#clock.steady() - jump.at < toldFor;
    return { skew: this.#mostSkew(), jump: told ? jump.by : undefined, inDoubt: this.#inDoubt() };
  }

  /** Milliseconds: how far this clock is ahead of one other node's, as far as can be told; 0 if not. */
  skewOf(id: string): number {
    return this.#others.find((other) => other.id === id)?.ahead ?? 0;
  }

  #jumped(by: number): void {
    const seconds = Math.round(by / 1_000);
    this.#jump = { by, at: this.#clock.steady() };
    // What others had seemed to be was seen by the clock before.
    this.#others = [];
    if (by > 0) this.#settlesAt = this.#clock.steady() + settlingTime;
    this.#log('the clock jumped: was the time set, or did the machine sleep?', { seconds });
  }

  #tell(): void {
    // Not that nobody was heard yet: so begins each start beside others.
    const inDoubt = this.#settlesAt !== undefined || this.#isAhead();
    if (inDoubt === this.#told) return;
    this.#told = inDoubt;
    const skew = Math.round(this.#mostSkew() / 1_000);
    if (inDoubt) this.#log('the clock may be ahead: nothing that is due is ended meanwhile', { skew });
    else this.#log('the clock is relied on again', { skew });
  }

  #mostSkew(): number {
    const skews = this.#others.map(({ ahead }) => ahead);
    return skews.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0);
  }

  #inDoubt(): boolean {
    return this.#settlesAt !== undefined || this.#isUnheard() || this.#isAhead();
  }

  #isUnheard(): boolean {
    return this.#unheardUntil !== undefined && this.#clock.steady() < this.#unheardUntil;
  }

  #isAhead(): boolean {
    const machines = new Set(this.#others.map(({ machine }) => machine)).size;
    const behind = this.#others.filter(({ ahead }) => ahead > toleratedSkew);
    const ahead = new Set(behind.map(({ machine }) => machine)).size;
    return ahead > 0 && ahead * 2 >= machines;
  }
}
