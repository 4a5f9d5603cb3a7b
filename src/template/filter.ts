/** What a filter is: a pure function from values to a value. It sees nothing but what it is given. */
import type { BoundArguments } from './arguments.ts';
import type { Budget } from './budget.ts';
import { Problem } from './problem.ts';
import { textOf } from './text.ts';
import { type CallArguments, Dict, isList, kindOf, present, type Value } from './value.ts';

/** What filters may ask of the interpreter. */
export interface Tools {
  readonly budget: Budget;
  filter(name: string, value: Value, args: CallArguments): Value;
  test(name: string, value: Value, args: CallArguments): boolean;
  /** `value.name`, or along several names between dots; digits are an index. */
  attribute(value: Value, path: Value): Value;
}

export interface Filter {
  /** Names of arguments, in their order. */
  readonly parameters: readonly string[];
  /** Takes what is not there, which is an error for every other. */
  readonly takesMissing?: true;
  /** The arguments are another filter's or test's, and are handed on as `rest`. */
  readonly passesOn?: true;
  apply(value: Value, args: BoundArguments, tools: Tools, rest: CallArguments): Value;
}

export type Filters = Readonly<Record<string, Filter>>;

/** A filter of text without arguments. Anything else is printed first. */
export function ofText(change: (text: string, budget: Budget) => Value): Filter {
  return {
    parameters: [],
    apply(value, _args, { budget }) {
      const text = textOf(value, budget);
      budget.text(text.length);
      return change(text, budget);
    },
  };
}

/** The items of a list, the characters of a text, the keys of a map. Throws a problem for anything else. */
export function itemsOf(value: Value, budget: Budget): readonly Value[] {
  const known = present(value);
  if (isList(known)) {
    budget.items(known.length);
    return known;
  }
  if (typeof known === 'string') {
    budget.items(known.length);
    return [...known];
  }
  if (known instanceof Dict) {
    budget.items(known.entries.size);
    return [...known.entries.keys()];
  }
  throw new Problem(`${kindOf(known)} has no items to go through`);
}
