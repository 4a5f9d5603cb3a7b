/** Filters of lists and numbers, and those that answer for what is not there. */
import { bind } from './arguments.ts';
import type { Budget } from './budget.ts';
import { isEqual, order } from './compare.ts';
import { type Filter, type Filters, itemsOf, type Tools } from './filter.ts';
import { Problem } from './problem.ts';
import { textOf } from './text.ts';
import {
  type CallArguments,
  Dict,
  found,
  isTrue,
  kindOf,
  Missing,
  type Pending,
  present,
  type Value,
} from './value.ts';

const fallback: Filter = {
  parameters: ['default_value', 'boolean'],
  takesMissing: true,
  apply(value, args) {
    const other = args.or('default_value', '');
    if (value instanceof Missing) return other;
    return args.flag('boolean', false) && !isTrue(value) ? other : value;
  },
};

const length: Filter = {
  parameters: [],
  apply: (value, _args, { budget }) => itemsOf(value, budget).length,
};

export const listFilters: Filters = {
  default: fallback,
  d: fallback,
  length,
  count: length,
  first: {
    parameters: [],
    apply: (value, _args, { budget }) =>
      found(itemsOf(value, budget)[0], 'a list is empty and has no first item'),
  },
  last: {
    parameters: [],
    apply: (value, _args, { budget }) =>
      found(itemsOf(value, budget).at(-1), 'a list is empty and has no last item'),
  },
  list: { parameters: [], apply: (value, _args, { budget }) => itemsOf(value, budget) },
  join: {
    parameters: ['d', 'attribute'],
    apply(value, args, tools) {
      const between = textOf(args.or('d', ''), tools.budget);
      const parts = attributes(value, args.value('attribute'), tools).map((each) =>
        textOf(each, tools.budget),
      );
      tools.budget.text(parts.reduce((sum, part) => sum + part.length + between.length, 0));
      return parts.join(between);
    },
  },
  reverse: {
    parameters: [],
    apply(value, _args, { budget }) {
      const items = itemsOf(value, budget).toReversed();
      return typeof value === 'string' ? items.join('') : items;
    },
  },
  sort: {
    parameters: ['reverse', 'case_sensitive', 'attribute'],
    apply(value, args, tools) {
      const items = itemsOf(value, tools.budget);
      const keys = keysOf(items, args.value('attribute'), args.flag('case_sensitive', false), tools);
      const sign = args.flag('reverse', false) ? -1 : 1;
      return sorted(items, keys, sign, tools);
    },
  },
  unique: {
    parameters: ['case_sensitive', 'attribute'],
    apply(value, args, tools) {
      const items = itemsOf(value, tools.budget);
      const keys = keysOf(items, args.value('attribute'), args.flag('case_sensitive', false), tools);
      return items.filter((_, index) => {
        tools.budget.items(index);
        return keys.findIndex((key) => isEqual(key, keys[index] ?? null, tools.budget)) === index;
      });
    },
  },
  min: extreme(-1),
  max: extreme(1),
  sum: {
    parameters: ['attribute', 'start'],
    apply(value, args, tools) {
      let sum = numberOf(args.or('start', 0));
      for (const each of attributes(value, args.value('attribute'), tools)) sum += numberOf(each);
      return sum;
    },
  },
  batch: {
    parameters: ['linecount', 'fill_with'],
    apply(value, args, { budget }) {
      const items = itemsOf(value, budget);
      const size = args.integer('linecount');
      if (size < 1) throw new Problem('batch takes a number from 1');
      const fill = args.value('fill_with') ?? null;
      return Array.from({ length: Math.ceil(items.length / size) }, (_, row) => {
        const part = items.slice(row * size, (row + 1) * size);
        if (fill === null) return part;
        budget.items(size);
        return [...part, ...Array.from({ length: size - part.length }, () => fill)];
      });
    },
  },
  dictsort: {
    parameters: ['case_sensitive', 'by', 'reverse'],
    apply(value, args, tools) {
      const pairs = pairsOf(value);
      const by = args.text('by', 'key');
      if (by !== 'key' && by !== 'value') throw new Problem('dictsort sorts by "key" or "value"');
      const keys = keysOf(pairs, by === 'key' ? 0 : 1, args.flag('case_sensitive', false), tools);
      return sorted(pairs, keys, args.flag('reverse', false) ? -1 : 1, tools);
    },
  },
  items: { parameters: [], apply: (value) => pairsOf(value) },
  map: {
    parameters: [],
    passesOn: true,
    apply(value, _args, tools, rest) {
      const items = itemsOf(value, tools.budget);
      const attribute = rest.named.get('attribute');
      if (attribute !== undefined) {
        const other = rest.named.get('default');
        return items.map((each) => {
          const held = tools.attribute(each, attribute);
          return held instanceof Missing && other !== undefined ? other : held;
        });
      }
      const { name, args } = nameAndRest('map', rest);
      return items.map((each) => tools.filter(name, each, args));
    },
  },
  select: choosing(true, false),
  reject: choosing(false, false),
  selectattr: choosing(true, true),
  rejectattr: choosing(false, true),
  abs: { parameters: [], apply: (value) => Math.abs(numberOf(value)) },
  int: {
    parameters: ['default', 'base'],
    apply(value, args, { budget }) {
      const whole = wholeNumber(present(value), args.integer('base', 10), budget);
      return whole ?? args.or('default', 0);
    },
  },
  float: {
    parameters: ['default'],
    apply(value, args, { budget }) {
      const known = present(value);
      if (typeof known === 'number' || typeof known === 'boolean') return Number(known);
      const text = typeof known === 'string' ? known : '';
      budget.text(text.length);
      return decimal.test(text.trim()) ? Number(text) : args.or('default', 0);
    },
  },
  round: {
    parameters: ['precision', 'method'],
    apply(value, args) {
      const method = args.text('method', 'common');
      const step = 10 ** Math.min(15, Math.max(-15, args.integer('precision', 0)));
      const scaled = numberOf(value) * step;
      if (method === 'floor') return Math.floor(scaled) / step;
      if (method === 'ceil') return Math.ceil(scaled) / step;
      if (method !== 'common') throw new Problem('round knows "common", "ceil" and "floor"');
      return halfToEven(scaled) / step;
    },
  },
};

/** Python's `round`. */
function halfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function extreme(sign: 1 | -1): Filter {
  return {
    parameters: ['case_sensitive', 'attribute'],
    apply(value, args, tools) {
      const items = itemsOf(value, tools.budget);
      const keys = keysOf(items, args.value('attribute'), args.flag('case_sensitive', false), tools);
      let best = 0;
      for (const [index, key] of keys.entries())
        if (sign * order(key, keys[best] ?? null, tools.budget) > 0) best = index;
      return found(items[best], 'a list is empty');
    },
  };
}

function choosing(wanted: boolean, byAttribute: boolean): Filter {
  return {
    parameters: [],
    passesOn: true,
    apply(value, _args, tools, rest) {
      const attribute = byAttribute ? rest.positional[0] : undefined;
      const others = byAttribute ? rest.positional.slice(1) : rest.positional;
      if (byAttribute && attribute === undefined) throw new Problem('the name of an attribute is missing');
      const args = { positional: others, named: rest.named };
      const test = others.length === 0 ? undefined : nameAndRest('select', args);
      return itemsOf(value, tools.budget).filter((each) => {
        const held = attribute === undefined ? each : tools.attribute(each, attribute);
        return (test === undefined ? isTrue(held) : tools.test(test.name, held, test.args)) === wanted;
      });
    },
  };
}

function nameAndRest(
  what: string,
  { positional, named }: CallArguments,
): { name: string; args: CallArguments } {
  const [name, ...rest] = positional;
  const bound = bind(what, ['name'], { positional: name === undefined ? [] : [name], named: new Map() });
  return { name: bound.text('name'), args: { positional: rest, named } };
}

function attributes(value: Value, attribute: Value | undefined, tools: Tools): readonly Value[] {
  const items = itemsOf(value, tools.budget);
  return (attribute ?? null) === null ? items : items.map((each) => tools.attribute(each, attribute ?? null));
}

function keysOf(
  items: readonly Value[],
  attribute: Value | undefined,
  caseSensitive: boolean,
  tools: Tools,
): readonly Value[] {
  return items.map((each) => {
    const key = (attribute ?? null) === null ? each : tools.attribute(each, attribute ?? null);
    if (typeof key !== 'string' || caseSensitive) return key;
    tools.budget.text(key.length);
    return key.toLowerCase();
  });
}

function sorted(
  items: readonly Value[],
  keys: readonly Value[],
  sign: number,
  { budget }: Tools,
): readonly Value[] {
  return items
    .map((item, index) => ({ item, key: keys[index] ?? null }))
    .toSorted((a, b) => {
      budget.spend(1);
      return sign * order(a.key, b.key, budget);
    })
    .map(({ item }) => item);
}

function pairsOf(value: Value): readonly Value[] {
  const known = present(value);
  if (!(known instanceof Dict)) throw new Problem(`${kindOf(known)} has no names and values`);
  return [...known.entries].map(([key, each]) => [key, each]);
}

/** Throws a problem for what is no number. */
export function numberOf(value: Value): number {
  const known = present(value);
  if (typeof known === 'number') return known;
  if (typeof known === 'boolean') return Number(known);
  throw new Problem(`${kindOf(known)} is no number`);
}

/** Each digit can be read in one way only: else the work would grow with the square of the text. */
const decimal = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i;

function wholeNumber(
  value: Exclude<Value, Missing | Pending>,
  base: number,
  budget: Budget,
): number | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return Math.trunc(Number(value));
  if (typeof value !== 'string') return undefined;
  if (base < 2 || base > 36) throw new Problem('the base of a number is from 2 to 36');
  budget.items(value.length);
  const text = value.trim();
  const prefix = { 16: /^0x/i, 8: /^0o/i, 2: /^0b/i }[base] ?? /^(?!)/;
  const digits = text.replace(/^[-+]/, '').replace(prefix, '').replaceAll('_', '').toLowerCase();
  const valid = digits !== '' && [...digits].every((digit) => Number.parseInt(digit, 36) < base);
  if (valid) return Number.parseInt(digits, base) * (text.startsWith('-') ? -1 : 1);
  const float = base === 10 && decimal.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(float) ? Math.trunc(float) : undefined;
}
