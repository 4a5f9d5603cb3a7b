/**
 * Whether a worker still runs. One that was stopped inside a write holds the store's lock, and everybody's writes would wait for it:
 * ended, the kernel frees what it holds. Counted in rounds of the parent and not by the clock, so that a machine that slept, or a
 * parent that was stopped itself, ends nobody.
 */
import { readFileSync } from 'node:fs';

/** Milliseconds between two rounds. */
export const pulseEvery = 1_000;
/** Rounds without an answer after which a worker is ended: one that the kernel says is stopped, and any other. */
const stoppedRounds = 5;
const silentRounds = 60;

export type PulseWord = 'well' | 'stopped' | 'silent';

export class Pulse {
  readonly #isStopped: () => boolean;
  #silent = 0;
  #waiting = false;

  /** @param isStopped whether the kernel has the process stopped */
  constructor(isStopped: () => boolean) {
    this.#isStopped = isStopped;
  }

  answered(): void {
    this.#waiting = false;
    this.#silent = 0;
  }

  /** To be called once a round, before it is asked again. */
  round(): PulseWord {
    if (this.#waiting) this.#silent++;
    this.#waiting = true;
    if (this.#silent >= stoppedRounds && this.#isStopped()) return 'stopped';
    return this.#silent >= silentRounds ? 'silent' : 'well';
  }
}

/** Stopped by a signal or a debugger, by proc(5). Where there is no /proc nobody is known to be. */
export function isStoppedProcess(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return /^ [Tt] /.test(text.slice(text.lastIndexOf(')') + 1));
  } catch {
    return false;
  }
}
