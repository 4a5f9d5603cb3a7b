/**
 * Commits of this process that name the same key go one after another. DynamoDB would refuse the second, and its tries would cost more
 * than the wait. A transaction that only looks at a record is in the way of others all the same.
 */
export class KeyQueue {
  readonly #last = new Map<string, Promise<void>>();
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  /** @param most actions at a time; those of the same key wait outside */
  constructor(most: number) {
    this.#most = most;
  }

  /** Runs the action when all that came before it with one of its keys has ended. */
  async run<T>(keys: readonly string[], action: () => Promise<T>): Promise<T> {
    let end = (): void => {};
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    const before = new Set<Promise<void>>();
    for (const key of keys) {
      const last = this.#last.get(key);
      if (last !== undefined) before.add(last);
      this.#last.set(key, done);
    }
    try {
      await Promise.all(before);
      await this.#enter();
      try {
        return await action();
      } finally {
        this.#leave();
      }
    } finally {
      for (const key of keys) if (this.#last.get(key) === done) this.#last.delete(key);
      end();
    }
  }

  async #enter(): Promise<void> {
    if (this.#underWay < this.#most) {
      this.#underWay += 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever waits takes the place over. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#underWay -= 1;
    else next();
  }
}
