/** Arguments by the names of a filter's or function's parameters. */
import { Problem } from './problem.ts';
import { type CallArguments, isTrue, kindOf, present, type Value } from './value.ts';

export const noArguments: CallArguments = { positional: [], named: new Map() };

export class BoundArguments {
  readonly #values: ReadonlyMap<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values;
  }

  value(name: string): Value | undefined {
    return this.#values.get(name);
  }

  /** One that was given as none is none. */
  or(name: string, fallback: Value): Value {
    const value = this.#values.get(name);
    return value === undefined ? fallback : value;
  }

  /** Throws a problem for one that is missing without a fallback, and for what is no text. */
  text(name: string, fallback?: string): string {
    const value = this.#values.get(name) ?? fallback;
    if (value === undefined) throw new Problem(`the argument "${name}" is missing`);
    const known = present(value);
    if (typeof known !== 'string')
      throw new Problem(`the argument "${name}" must be text, not ${kindOf(known)}`);
    return known;
  }

  /** A whole number. */
  integer(name: string, fallback?: number): number {
    const value = this.#values.get(name) ?? fallback;
    if (value === undefined) throw new Problem(`the argument "${name}" is missing`);
    const known = present(value);
    if (typeof known !== 'number' || !Number.isSafeInteger(known)) {
      throw new Problem(`the argument "${name}" must be a whole number, not ${kindOf(known)}`);
    }
    return known;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#values.get(name);
    return value === undefined ? fallback : isTrue(value);
  }
}

/** Throws a problem for too many arguments, unknown ones, and one given twice. */
export function bind(what: string, parameters: readonly string[], args: CallArguments): BoundArguments {
  const values = new Map<string, Value>();
  for (const [index, value] of args.positional.entries()) {
    const name = parameters[index];
    if (name === undefined) {
      throw new Problem(
        `${what} takes ${parameters.length === 0 ? 'no arguments' : `at most ${parameters.length} arguments`}`,
      );
    }
    values.set(name, value);
  }
  for (const [name, value] of args.named) {
    if (!parameters.includes(name)) throw new Problem(`${what} has no argument "${name.slice(0, 40)}"`);
    if (values.has(name)) throw new Problem(`${what} is given "${name}" twice`);
    values.set(name, value);
  }
  return new BoundArguments(values);
}
