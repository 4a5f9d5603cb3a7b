/** A bounded number of connections, each lent to one user at a time. */
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { stateOf } from './failure.ts';
import type { Session } from './session.ts';

/** SQLSTATE too_many_connections. */
const noneLeft = '53300';

export interface SessionPoolOptions {
  readonly open: () => Promise<Session>;
  /** Connections at most. */
  readonly most: number;
  /** Milliseconds that somebody waits for one while all are lent. */
  readonly patience: number;
  readonly clock: Clock;
}

interface Waiting {
  /** A connection, or the word that there is room for one more. */
  readonly resolve: (handed: Session | 'vacancy') => void;
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

  /** Gives up what nobody has: the next user gets a new connection. */
  renew(): void {
    for (const session of this.#idle) session.drop();
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
    const { clock, patience } = this.#options;
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.usable) return idle;
      this.#count -= 1;
    }
    if (this.#count < this.#options.most) {
      try {
        return await this.#open();
      } catch (error) {
        // The server has none left for us, but some of them are ours: one will be free.
        if (stateOf(error) !== noneLeft || this.#count === 0) throw error;
      }
    }
    for (const until = clock.now() + patience; ; ) {
      const handed = await this.#wait(until - clock.now());
      if (handed === 'late') throw new CofferError('unavailable', 'all connections to the store are in use');
      if (handed !== 'vacancy') return handed;
      if (this.#count < this.#options.most) return this.#open();
    }
  }

  #wait(milliseconds: number): Promise<Session | 'vacancy' | 'late'> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(Math.max(0, milliseconds), () => {
        this.#waiting.delete(waiting);
        resolve('late');
      });
      const waiting: Waiting = { resolve, timer };
      this.#waiting.add(waiting);
    });
  }

  async #open(): Promise<Session> {
    this.#count += 1;
    try {
      return await this.#options.open();
    } catch (error) {
      this.#count -= 1;
      this.#wakeOne('vacancy');
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
    this.#wakeOne('vacancy');
  }

  #wakeOne(handed: Session | 'vacancy'): boolean {
    const [first] = this.#waiting;
    if (first === undefined) return false;
    this.#waiting.delete(first);
    first.timer[Symbol.dispose]();
    first.resolve(handed);
    return true;
  }
}
