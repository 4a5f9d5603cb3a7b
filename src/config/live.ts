/** Values that may change while the server runs: SIGHUP reads the configuration again. */

/** What a room is handed that wants the value of now. Read `current` where it is used, and keep no copy. */
export interface Live<T> {
  readonly current: T;
  /** Calls `listener` with each new value, after it has become current; disposing takes it off. */
  onChange(listener: (value: T, before: T) => void): Disposable;
}

/** The side that changes it. Only `main` has one. */
export class LiveValue<T> implements Live<T> {
  readonly #listeners = new Set<(value: T, before: T) => void>();
  #current: T;

  constructor(value: T) {
    this.#current = value;
  }

  get current(): T {
    return this.#current;
  }

  set(value: T): void {
    const before = this.#current;
    this.#current = value;
    for (const listener of this.#listeners) listener(value, before);
  }

  onChange(listener: (value: T, before: T) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
