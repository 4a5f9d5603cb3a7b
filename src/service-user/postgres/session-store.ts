/** Sessions that wait for the next call. There are never more than calls side by side. */
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { connect, during, type Session } from './session.ts';
import type { Login, Place } from './settings.ts';

interface Waiting {
  readonly session: Session;
  readonly since: number;
}

/** Milliseconds after which a session that waits is taken for dead by something on the way. */
const freshness = 60_000;

export class SessionStore {
  readonly #place: Place;
  readonly #login: Login;
  readonly #clock: Clock;
  readonly #most: number;
  #waiting: Waiting[] = [];
  #closed = false;

  constructor(place: Place, login: Login, clock: Clock, most: number) {
    this.#place = place;
    this.#login = login;
    this.#clock = clock;
    this.#most = most;
  }

  /** Throws as the seam of providers says, and what the action throws. */
  async use<T>(signal: AbortSignal, action: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#take() ?? (await this.#open(signal));
    try {
      return await during(signal, session, () => action(session));
    } finally {
      this.#giveBack(session);
    }
  }

  close(): void {
    this.#closed = true;
    for (const { session } of this.#waiting) session.close();
    this.#waiting = [];
  }

  #take(): Session | undefined {
    for (;;) {
      const last = this.#waiting.pop();
      if (last === undefined) return undefined;
      if (last.session.usable && this.#clock.steady() - last.since < freshness) return last.session;
      last.session.close();
    }
  }

  #giveBack(session: Session): void {
    if (this.#closed || !session.usable || this.#waiting.length >= this.#most) session.close();
    else this.#waiting.push({ session, since: this.#clock.steady() });
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const session = await connect(this.#place, this.#login, signal);
    if (session !== undefined) return session;
    throw new CofferError('permission_denied', 'the database does not take the provider’s own login');
  }
}
