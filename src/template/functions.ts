/** The few functions that every template has. */
import { bind } from './arguments.ts';
import type { Budget } from './budget.ts';
import { Problem } from './problem.ts';
import { type CallArguments, Callable, Dict, type DictKey, type Value } from './value.ts';

export function globalFunctions(budget: Budget): readonly Callable[] {
  return [
    new Callable('range', (args) => range(args, budget)),
    new Callable('dict', ({ positional, named }) => {
      bind('dict()', [], { positional, named: new Map() });
      return new Dict(named);
    }),
    new Callable('namespace', (args) => namespace(args, budget)),
  ];
}

function range(args: CallArguments, budget: Budget): Value {
  const { length } = args.positional;
  const bound = bind('range()', length === 1 ? ['to'] : ['from', 'to', 'step'], args);
  const [from, to, step] = [bound.integer('from', 0), bound.integer('to'), bound.integer('step', 1)];
  if (step === 0) throw new Problem('the step of range() is not 0');
  const count = Math.max(0, Math.ceil((to - from) / step));
  // Before there is a list of that length.
  budget.spend(count);
  return Array.from({ length: count }, (_, index) => from + index * step);
}

function namespace({ positional, named }: CallArguments, budget: Budget): Value {
  const [given, ...more] = positional;
  if (more.length > 0) throw new Problem('namespace() takes one map, and names');
  const entries: (readonly [DictKey, Value])[] = [];
  if (given instanceof Dict) entries.push(...given.entries);
  else if (given !== undefined) throw new Problem('namespace() takes one map, and names');
  budget.items(entries.length);
  return new Dict([...entries, ...named], { changeable: true });
}
