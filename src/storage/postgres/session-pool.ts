/** A bounded number of connections, each lent to one user at a time. */
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { Session } from './session.ts';

export interface SessionPoolOptions {
  readonly open: () => Promise<Session>;
  /** Connections at most. */
  readonly most: number;
  /** Milliseconds that somebody waits for one while all are lent. */
  readonly patience: number;
  readonly clock: Clock;
}

interface Waiting {
  readonly resolve: (session: Session | undefined) => void;
  readonly timer: Disposable;
}

export class SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #idle: Session[] = [];
  readonly #waiting = new Set<Waiting>();
  /** Lent, idle and being opened. */
  #count = 0;
  #lent = 0;
  #closed = false;
  #whenQuiet: (() => void) | undefined;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
  }

  /** Nothing is lent and nothing waits. */
  get quiet(): boolean {
    return this.#lent === 0;
  }

  /**
   * Runs `action` with a connection of its own. One that is not usable afterwards is given up.
   * Rejects with `unavailable` when none was free in time, with what `open` said, and as `action` does.
   */
  async lend<T>(action: (session: Session) => Promise<T>): Promise<T> {
    if (this.#closed) throw new CofferError('unavailable', 'the store is closed');
    this.#lent += 1;
    try {
      const session = await this.#take();
      try {
        return await action(session);
      } finally {
        this.#giveBack(session);
      }
    } finally {
      this.#lent -= 1;
      if (this.#lent === 0) this.#whenQuiet?.();
    }
  }

  /** Waits for everything that is lent. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#lent > 0) {
      await new Promise<void>((resolve) => {
        this.#whenQuiet = resolve;
      });
    }
    await Promise.all(this.#idle.splice(0).map((session) => session.close()));
  }

  async #take(): Promise<Session> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.usable) return idle;
      this.#count -= 1;
    }
    if (this.#count < this.#options.most) return this.#open();
    const handed = await new Promise<Session | undefined>((resolve) => {
      const timer = this.#options.clock.after(this.#options.patience, () => {
        this.#waiting.delete(waiting);
        resolve(undefined);
      });
      const waiting: Waiting = { resolve, timer };
      this.#waiting.add(waiting);
    });
    if (handed !== undefined) return handed;
    // The wait ended by time, or because a place is free again.
    if (this.#count < this.#options.most) return this.#open();
    throw new CofferError('unavailable', 'all connections to the store are in use; nothing was written');
  }

  async #open(): Promise<Session> {
    this.#count += 1;
    try {
      return await this.#options.open();
    } catch (error) {
      this.#count -= 1;
      this.#wakeOne(undefined);
      throw error;
    }
  }

  #giveBack(session: Session): void {
    if (session.usable) {
      if (!this.#wakeOne(session)) this.#idle.push(session);
      return;
    }
    this.#count -= 1;
    session.drop();
    this.#wakeOne(undefined);
  }

  #wakeOne(session: Session | undefined): boolean {
    const [first] = this.#waiting;
    if (first === undefined) return false;
    this.#waiting.delete(first);
    first.timer[Symbol.dispose]();
    first.resolve(session);
    return true;
  }
}
