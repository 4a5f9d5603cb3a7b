/** Which workers have readers of the log, and from which level on: those get the lines of all others too. */
import type { LogLevel } from '../../log.ts';

const ranks = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

/** Whether somebody who reads from `least` on gets a line of `level`. */
export function isRead(least: LogLevel | null, level: LogLevel): boolean {
  return least !== null && ranks[level] >= ranks[least];
}

/** The one of two levels that lets more through. */
export function leastOf(one: LogLevel | null, other: LogLevel | null): LogLevel | null {
  if (one === null || other === null) return one ?? other;
  return ranks[one] <= ranks[other] ? one : other;
}

export class Watches {
  readonly #byWorker = new Map<number, LogLevel>();
  readonly #told = new Map<number, LogLevel | null>();

  set(worker: number, level: LogLevel | null): void {
    if (level === null) this.#byWorker.delete(worker);
    else this.#byWorker.set(worker, level);
  }

  of(worker: number): LogLevel | null {
    return this.#byWorker.get(worker) ?? null;
  }

  /** What the others want of a worker; null for nothing. */
  leastBeside(worker: number): LogLevel | null {
    let least: LogLevel | null = null;
    for (const [other, level] of this.#byWorker) if (other !== worker) least = leastOf(least, level);
    return least;
  }

  /** Whether the worker has not been told this yet. From now on it has. */
  isNews(worker: number, level: LogLevel | null): boolean {
    if ((this.#told.get(worker) ?? null) === level) return false;
    this.#told.set(worker, level);
    return true;
  }

  /** Its place is another's now, who was told nothing. */
  forget(worker: number): void {
    this.#byWorker.delete(worker);
    this.#told.delete(worker);
  }
}
