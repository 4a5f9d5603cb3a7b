/** Every filter there is. All are pure: none reads a file, asks a host, or looks at the clock. */
import { bind } from './arguments.ts';
import { encodingFilters } from './encoding-filters.ts';
import type { Filters, Tools } from './filter.ts';
import { listFilters } from './list-filters.ts';
import { Problem } from './problem.ts';
import { textFilters } from './text-filters.ts';
import { type CallArguments, Missing, Pending, pending, present, type Value } from './value.ts';

export const filters: Filters = { ...textFilters, ...listFilters, ...encodingFilters };

/** Throws a problem with a filter's name where there is none: for names that stand in the template, and were not computed. */
export function requireFilter(name: string): void {
  if (!Object.hasOwn(filters, name)) throw new Problem(`there is no filter "${name.slice(0, 40)}"`);
}

/** Throws a problem for an unknown filter, or a value it does not take. What waits for a secret is handed on. */
export function runFilter(name: string, value: Value, args: CallArguments, tools: Tools): Value {
  const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
  if (filter === undefined) throw new Problem('there is no such filter');
  tools.budget.spend(1);
  if (value instanceof Pending) return pending;
  if (value instanceof Missing && filter.takesMissing !== true) present(value);
  const bound = bind(
    `the filter "${name}"`,
    filter.parameters,
    filter.passesOn === true ? noneOf(args) : args,
  );
  return filter.apply(value, bound, tools, args);
}

function noneOf(_args: CallArguments): CallArguments {
  return { positional: [], named: new Map() };
}
