/** Time is handed in, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Milliseconds from a beginning of its own: goes on evenly when somebody sets the time. For how long something took. */
  steady(): number;
  /** Calls `action` once after `milliseconds`; disposing takes it back. A pending timer keeps no process alive. */
  after(milliseconds: number, action: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // CLOCK_MONOTONIC: it also goes on while the process is stopped, but not while the machine sleeps.
  steady: () => performance.now(),
  after(milliseconds, action) {
    const timer = setTimeout(action, milliseconds);
    timer.unref();
    return new PendingTimer(timer);
  },
};

/** A class, since an object that is made with a computed name costs half a microsecond, and timers are many. */
class PendingTimer implements Disposable {
  readonly #timer: NodeJS.Timeout;

  constructor(timer: NodeJS.Timeout) {
    this.#timer = timer;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** RFC 3339 in UTC with nanosecond digits, as Vault's clients expect timestamps (`2026-01-02T03:04:05.678000000Z`). */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, -1)}000000Z`;
}
