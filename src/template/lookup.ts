/** `value.name`, `value[key]` and `value[from:to]`: of maps their own entries, of lists and texts their items, and nothing else. */
import type { Budget } from './budget.ts';
import { itemsOf } from './filter.ts';
import { methodOf } from './methods.ts';
import { Problem } from './problem.ts';
import {
  Dict,
  found,
  isKeyed,
  isList,
  keyOf,
  kindOf,
  Missing,
  Pending,
  pending,
  present,
  type Value,
} from './value.ts';

/**
 * As Jinja: a method before an entry of the same name. Throws a problem for names such as `__class__`, which have no business here.
 * @param shown what messages call it: the template's own word, and never a value that it was computed from
 */
export function memberOf(value: Value, name: string, budget: Budget, shown: string): Value {
  if (name.startsWith('__')) throw new Problem(`${shown} cannot be asked for`);
  if (value instanceof Pending) return pending;
  const known = present(value);
  if (isKeyed(known)) return known.member(name);
  return methodOf(known, name, budget) ?? entryOf(known, name, shown);
}

/**
 * An entry before a method of the same name. Several keys are a tuple, which only secrets are named by.
 * @param shown as of `memberOf`
 */
export function indexOf(value: Value, keys: readonly Value[], budget: Budget, shown: string): Value {
  if (value instanceof Pending) return pending;
  const known = present(value);
  if (isKeyed(known)) return known.at(keys);
  const [key = null, ...more] = keys;
  if (more.length > 0) throw new Problem('only secrets are named by several parts');
  const wanted = present(key);
  if (isList(known) || typeof known === 'string') return itemOf(known, wanted, budget, shown);
  return entryOf(known, keyOf(wanted), shown);
}

function itemOf(value: readonly Value[] | string, key: Value, budget: Budget, shown: string): Value {
  const missing = `${kindOf(value)} has no ${shown}`;
  if (typeof key !== 'number' || !Number.isInteger(key)) return new Missing(missing);
  return found(itemsOf(value, budget).at(key), missing);
}

function entryOf(value: Value, key: ReturnType<typeof keyOf>, shown: string): Value {
  if (!(value instanceof Dict)) return new Missing(`${kindOf(value)} has no ${shown}`);
  const entry = value.entries.get(key);
  if (entry !== undefined) return entry;
  return value.secret === undefined
    ? new Missing(`a map has no ${shown}`)
    : new Missing(`the secret ${value.secret} has no field ${shown}`, true);
}

export function sliceOf(value: Value, bounds: readonly Value[], budget: Budget): Value {
  if (value instanceof Pending) return pending;
  const known = present(value);
  if (!isList(known) && typeof known !== 'string') throw new Problem(`${kindOf(known)} has no parts`);
  const items = itemsOf(known, budget);
  const [from, to, step] = bounds.map(boundOf);
  if (step === 0) throw new Problem('the step of a part is not 0');
  const part = pick(items, from, to, step ?? 1);
  return typeof known === 'string' ? part.join('') : part;
}

function boundOf(value: Value): number | undefined {
  const known = present(value);
  if (known === null) return undefined;
  if (typeof known !== 'number' || !Number.isInteger(known))
    throw new Problem('the bounds of a part are whole numbers');
  return known;
}

function pick<T>(
  items: readonly T[],
  from: number | undefined,
  to: number | undefined,
  step: number,
): readonly T[] {
  const { length } = items;
  const clamp = (at: number, low: number, high: number) =>
    Math.min(high, Math.max(low, at < 0 ? at + length : at));
  if (step > 0) {
    const part = items.slice(clamp(from ?? 0, 0, length), clamp(to ?? length, 0, length));
    return part.filter((_, index) => index % step === 0);
  }
  const start = from === undefined ? length - 1 : clamp(from, -1, length - 1);
  const end = to === undefined ? -1 : clamp(to, -1, length - 1);
  const part: T[] = [];
  for (let at = start; at > end; at += step) {
    const item = items[at];
    if (item !== undefined) part.push(item);
  }
  return part;
}

/** What messages call a name that is no word of the template's. */
export const computed = 'such entry';

/** Along `a.b.0`, as the arguments `attribute` of filters are written. */
export function attributeOf(value: Value, path: Value, budget: Budget): Value {
  const known = present(path);
  if (typeof known === 'number') return indexOf(value, [known], budget, computed);
  if (typeof known !== 'string') throw new Problem('an attribute is named by text');
  budget.items(known.length);
  return known
    .split('.')
    .reduce<Value>(
      (held, name) =>
        /^\d+$/.test(name)
          ? indexOf(held, [Number(name)], budget, computed)
          : memberOf(held, name, budget, computed),
      value,
    );
}
