/**
 * A process that can be ended between any two things that it does outside of itself: each call to the store and to the database
 * counts, and from the one it dies at on nothing reaches either.
 */
import type { Connected, DatabasePlugin, Session } from '../../src/engine/database/plugin.ts';
import { CofferError } from '../../src/errors.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { faultyStorage } from '../fault/storage-fault.ts';

export class Mortal {
  #steps = 0;
  #last = Number.POSITIVE_INFINITY;

  /** It dies at the n-th step from now: before its effect, or `after` it and before anybody hears of it. */
  dieAt(step: number): void {
    this.#steps = 0;
    this.#last = step;
  }

  /** Another process takes its place. */
  revive(): void {
    this.#last = Number.POSITIVE_INFINITY;
  }

  get dead(): boolean {
    return this.#steps >= this.#last;
  }

  /** Every step has two ends: odd ones are before it, even ones after. */
  async step<T>(action: () => Promise<T>): Promise<T> {
    this.#pass();
    const result = await action();
    this.#pass();
    return result;
  }

  #pass(): void {
    if (this.dead) throw gone();
    this.#steps += 1;
    if (this.dead) throw gone();
  }

  /** Only commits are steps: what a read tells is lost with whoever read it. */
  storage(inner: Storage): Storage {
    return faultyStorage(inner, (_count, operation) => {
      if (this.dead) return { kind: 'before' };
      if (operation !== 'commit') return undefined;
      this.#steps += 1;
      if (this.dead) return { kind: 'before' };
      this.#steps += 1;
      return this.dead ? { kind: 'after' } : undefined;
    });
  }

  plugin(inner: DatabasePlugin): DatabasePlugin {
    return {
      ...inner,
      login: async (target, limits): Promise<Connected> => {
        if (this.dead) throw gone();
        const connected = await inner.login(target, limits);
        if (connected.kind !== 'session') return connected;
        return { kind: 'session', session: this.#session(connected.session) };
      },
    };
  }

  #session(inner: Session): Session {
    const { dead } = this;
    return {
      get usable() {
        return inner.usable && !dead;
      },
      userExists: (name) => this.step(() => inner.userExists(name)),
      createUser: (user) => this.step(() => inner.createUser(user)),
      renewUser: (...words) => this.step(() => inner.renewUser(...words)),
      setPassword: (...words) => this.step(() => inner.setPassword(...words)),
      setOwnPassword: (...words) => this.step(() => inner.setOwnPassword(...words)),
      dropUser: (...words) => this.step(() => inner.dropUser(...words)),
      close: () => inner.close(),
    };
  }
}

function gone(): CofferError {
  return new CofferError('unavailable', 'the process is no more');
}
