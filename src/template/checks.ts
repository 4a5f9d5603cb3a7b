/** Tests: what stands behind `is`. https://jinja.palletsprojects.com/en/stable/templates/#list-of-builtin-tests */
import { type BoundArguments, bind } from './arguments.ts';
import type { Budget } from './budget.ts';
import { compare, isEqual } from './compare.ts';
import type { Tools } from './filter.ts';
import { numberOf } from './list-filters.ts';
import { Problem } from './problem.ts';
import type { Comparison } from './syntax.ts';
import { textOf } from './text.ts';
import {
  Bytes,
  type CallArguments,
  Callable,
  Dict,
  isKeyed,
  isList,
  Missing,
  Pending,
  present,
  Suspended,
  type Value,
} from './value.ts';

interface Check {
  readonly parameters: readonly string[];
  holds(value: Value, args: BoundArguments, tools: Tools): boolean;
}

type Checks = Readonly<Record<string, Check>>;

function about(holds: (value: ReturnType<typeof present>, tools: Tools) => boolean): Check {
  return { parameters: [], holds: (value, _args, tools) => holds(present(value), tools) };
}

function against(operator: Comparison): Check {
  return {
    parameters: ['other'],
    holds: (value, args, { budget }) => compare(operator, value, wanted(args, 'other'), budget),
  };
}

function wanted(args: BoundArguments, name: string): Value {
  const value = args.value(name);
  if (value === undefined) throw new Problem(`the argument "${name}" is missing`);
  return value;
}

const isNumber = (value: Value) => typeof value === 'number';
const equal = against('==');
const different = against('!=');
const less = against('<');
const greater = against('>');
const atMost = against('<=');
const atLeast = against('>=');

const checks: Checks = {
  // Only what is there can be asked for its kind: a name that is mistyped must not look like "no".
  defined: { parameters: [], holds: (value) => !isMissing(value) },
  undefined: { parameters: [], holds: (value) => isMissing(value) },
  none: { parameters: [], holds: (value) => !isVariableMissing(value) && present(value) === null },
  string: about((value) => typeof value === 'string'),
  number: about(isNumber),
  integer: about((value) => Number.isInteger(value)),
  float: about((value) => isNumber(value) && !Number.isInteger(value)),
  boolean: about((value) => typeof value === 'boolean'),
  true: about((value) => value === true),
  false: about((value) => value === false),
  mapping: about((value) => value instanceof Dict),
  sequence: about((value) => typeof value === 'string' || isList(value) || value instanceof Dict),
  iterable: about((value) => typeof value === 'string' || isList(value) || value instanceof Dict),
  callable: about((value) => value instanceof Callable),
  binary: about((value) => value instanceof Bytes),
  odd: about((value) => Math.abs(numberOf(value) % 2) === 1),
  even: about((value) => numberOf(value) % 2 === 0),
  lower: about((value, { budget }) => cased(value, budget, (text) => text.toLowerCase())),
  upper: about((value, { budget }) => cased(value, budget, (text) => text.toUpperCase())),
  divisibleby: {
    parameters: ['num'],
    holds: (value, args) => numberOf(value) % numberOf(wanted(args, 'num')) === 0,
  },
  in: {
    parameters: ['seq'],
    holds: (value, args, { budget }) => compare('in', value, wanted(args, 'seq'), budget),
  },
  sameas: {
    parameters: ['other'],
    holds: (value, args, { budget }) => isEqual(value, wanted(args, 'other'), budget),
  },
  eq: equal,
  equalto: equal,
  ne: different,
  lt: less,
  lessthan: less,
  gt: greater,
  greaterthan: greater,
  le: atMost,
  ge: atLeast,
};

function isMissing(value: Value): boolean {
  if (value instanceof Pending) throw new Suspended();
  return value instanceof Missing;
}

function isVariableMissing(value: Value): boolean {
  return value instanceof Missing && !value.secret;
}

/** Python: there is a letter, and none is of the other case. */
function cased(value: Value, budget: Budget, change: (text: string) => string): boolean {
  const text = textOf(value, budget);
  budget.text(3 * text.length);
  return change(text) === text && text.toLowerCase() !== text.toUpperCase();
}

/** As `requireFilter`, of tests. */
export function requireCheck(name: string): void {
  if (!Object.hasOwn(checks, name)) throw new Problem(`there is no test "${name.slice(0, 40)}"`);
}

/** Throws a problem for an unknown test. `keyed` values are told from others by nothing but `in`. */
export function runCheck(name: string, value: Value, args: CallArguments, tools: Tools): boolean {
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (check === undefined) throw new Problem('there is no such test');
  if (
    !(value instanceof Missing) &&
    !(value instanceof Pending) &&
    isKeyed(value) &&
    !/^(un)?defined$/.test(name)
  ) {
    throw new Problem(`the test "${name}" says nothing of all secrets`);
  }
  return check.holds(value, bind(`the test "${name}"`, check.parameters, args), tools);
}
