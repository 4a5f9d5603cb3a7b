/** `loop`, which the body of a loop sees. */
import type { Evaluator } from './evaluate.ts';
import { Problem } from './problem.ts';
import { Callable, Dict, type DictKey, found, Missing, type Value } from './value.ts';

/** @param changed what `loop.changed` was asked with before, kept for the whole loop */
export function loopValue(
  items: readonly Value[],
  index: number,
  changed: { last: Value | undefined },
  evaluator: Evaluator,
): Dict {
  const { length } = items;
  const neighbour = (at: number, what: string) => found(items[at], `there is no ${what} item`);
  const entries: readonly (readonly [DictKey, Value])[] = [
    ['index', index + 1],
    ['index0', index],
    ['revindex', length - index],
    ['revindex0', length - index - 1],
    ['first', index === 0],
    ['last', index === length - 1],
    ['length', length],
    ['depth', 1],
    ['depth0', 0],
    ['previtem', index === 0 ? new Missing('there is no previous item') : neighbour(index - 1, 'previous')],
    ['nextitem', neighbour(index + 1, 'next')],
    ['cycle', new Callable('cycle', ({ positional }) => cycled(positional, index))],
    [
      'changed',
      new Callable('changed', ({ positional }) => {
        const before = changed.last;
        changed.last = positional;
        return before === undefined || !evaluator.isEqual(before, positional);
      }),
    ],
  ];
  return new Dict(entries);
}

function cycled(values: readonly Value[], index: number): Value {
  const value = values[index % Math.max(1, values.length)];
  if (value === undefined) throw new Problem('loop.cycle() takes the values to go through');
  return value;
}
