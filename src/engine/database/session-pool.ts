/** Sessions to one server, bounded in number; those that wait do so in order and not for ever. */
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { Session } from './plugin.ts';

export interface PoolOptions {
  readonly mostOpen: number;
  readonly mostIdle: number;
  /** Milliseconds that a session is used for; 0 sets no limit. */
  readonly lifetime: number;
  readonly clock: Clock;
}

/** Requests that may wait for a session, and milliseconds that each does. */
const mostWaiting = 256;
const longestWait = 10_000;
/** Milliseconds until a session that nobody needs is closed. */
const idleTime = 60_000;

interface Idle {
  readonly session: Session;
  readonly openedAt: number;
  readonly timer: Disposable;
}

interface Waiting {
  readonly go: () => void;
  readonly fail: (error: CofferError) => void;
}

export class SessionPool {
  readonly #options: PoolOptions;
  readonly #idle: Idle[] = [];
  readonly #waiting: Waiting[] = [];
  #open = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Whether a session waits to be used. */
  get hasIdle(): boolean {
    return this.#idle.some(({ session }) => session.usable);
  }

  /**
   * Lends a session for as long as `action` runs; `open` makes one where none is idle. Throws what either throws, and `unavailable`
   * where it is no turn of this one's.
   */
  async use<T>(
    open: () => Promise<Session>,
    action: (session: Session) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    await this.#turn(signal);
    let session: Session | undefined;
    let openedAt = 0;
    try {
      ({ session, openedAt } = await this.#take(open));
      return await action(session);
    } finally {
      this.#giveBack(session, openedAt);
    }
  }

  /** Idle sessions are closed now, the others once they come back. */
  close(): void {
    this.#closed = true;
    for (const { session, timer } of this.#idle.splice(0)) {
      timer[Symbol.dispose]();
      session.close();
    }
  }

  /** Resolves when one more session may be open. */
  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#open < this.#options.mostOpen) {
      this.#open += 1;
      return Promise.resolve();
    }
    if (this.#waiting.length >= mostWaiting) {
      return Promise.reject(
        new CofferError('unavailable', 'too many requests wait for a connection to this database'),
      );
    }
    return new Promise((resolve, reject) => {
      const leave = (error: CofferError) => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        waiting.fail(error);
      };
      const gone = () => leave(new CofferError('unavailable', 'the request took too long'));
      const late = this.#options.clock.after(longestWait, () =>
        leave(new CofferError('unavailable', 'all connections to this database are in use')),
      );
      const done = () => {
        late[Symbol.dispose]();
        signal?.removeEventListener('abort', gone);
      };
      const waiting: Waiting = {
        go: () => {
          done();
          resolve();
        },
        fail: (error) => {
          done();
          reject(error);
        },
      };
      signal?.addEventListener('abort', gone, { once: true });
      this.#waiting.push(waiting);
    });
  }

  async #take(open: () => Promise<Session>): Promise<{ session: Session; openedAt: number }> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      idle.timer[Symbol.dispose]();
      if (idle.session.usable) return idle;
      idle.session.close();
    }
    try {
      return { session: await open(), openedAt: this.#options.clock.now() };
    } catch (error) {
      // Whoever waits behind would only find out the same, one after the other.
      const failure = error instanceof CofferError ? error : new CofferError('unavailable', 'no connection');
      for (const waiting of this.#waiting.splice(0)) waiting.fail(failure);
      throw error;
    }
  }

  #giveBack(session: Session | undefined, openedAt: number): void {
    if (session !== undefined) this.#keepOrClose(session, openedAt);
    const next = this.#waiting.shift();
    if (next === undefined) this.#open -= 1;
    else next.go();
  }

  #keepOrClose(session: Session, openedAt: number): void {
    const { mostIdle, lifetime, clock } = this.#options;
    const old = lifetime > 0 && clock.now() - openedAt >= lifetime;
    if (!session.usable || this.#closed || old || this.#idle.length >= mostIdle) {
      session.close();
      return;
    }
    const timer = clock.after(idleTime, () => {
      const at = this.#idle.indexOf(idle);
      if (at >= 0) this.#idle.splice(at, 1);
      session.close();
    });
    const idle: Idle = { session, openedAt, timer };
    this.#idle.push(idle);
  }
}
