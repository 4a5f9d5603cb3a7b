/** Names and their values. What a loop or a macro sets ends with it. */
import type { Value } from './value.ts';

export class Scope {
  readonly #outer: Scope | undefined;
  readonly #names = new Map<string, Value>();

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  find(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#outer) {
      const value = scope.#names.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#names.set(name, value);
  }
}
