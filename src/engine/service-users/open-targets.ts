/** Targets that are open on this node: many applications use one, and opening costs. */
import { type OpenTarget, targetTypeOf } from '../../delivery/target.ts';
import type { WantedTarget } from './application.ts';
import type { ServiceUsersParts } from './parts.ts';

/** Targets kept open that nobody uses just now. */
const mostIdle = 256;

interface Opened {
  readonly target: OpenTarget;
  users: number;
}

export class OpenTargets {
  readonly #parts: ServiceUsersParts;
  /** Those used last are at the end. */
  readonly #opened = new Map<string, Opened>();
  #closed = false;

  constructor(parts: ServiceUsersParts) {
    this.#parts = parts;
  }

  /** Throws what `TargetType.open` does. */
  async use<T>(wanted: WantedTarget, action: (target: OpenTarget) => Promise<T>): Promise<T> {
    const key = JSON.stringify([wanted.address, wanted.entityId]);
    const opened = this.#opened.get(key) ?? { target: this.#open(wanted), users: 0 };
    this.#opened.delete(key);
    this.#opened.set(key, opened);
    opened.users++;
    try {
      return await action(opened.target);
    } finally {
      opened.users--;
      this.#tidy(this.#closed ? 0 : mostIdle);
    }
  }

  close(): void {
    this.#closed = true;
    this.#tidy(0);
  }

  #open(wanted: WantedTarget): OpenTarget {
    const { environment, clock, targets } = this.#parts;
    return targetTypeOf(wanted.address, targets).open(wanted.address, {
      clock,
      random: environment.random,
      entityId: wanted.entityId,
      askAs: environment.askAs,
    });
  }

  #tidy(most: number): void {
    if (this.#opened.size <= most) return;
    for (const [key, opened] of this.#opened) {
      if (opened.users > 0) continue;
      this.#opened.delete(key);
      opened.target.close();
      if (this.#opened.size <= most) return;
    }
  }
}
