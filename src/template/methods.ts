/** Methods of texts and maps: those of Python's that configuration files use. */
import { bind } from './arguments.ts';
import type { Budget } from './budget.ts';
import { itemsOf } from './filter.ts';
import { Problem } from './problem.ts';
import { textOf } from './text.ts';
import { capitalized, replaced, stripped, titled } from './text-filters.ts';
import { Callable, Dict, keyOf, type Value } from './value.ts';

interface Method<T> {
  readonly parameters: readonly string[];
  run(self: T, args: ReturnType<typeof bind>, budget: Budget): Value;
}

type Methods<T> = Readonly<Record<string, Method<T>>>;

const ofTexts: Methods<string> = {
  upper: { parameters: [], run: (self) => self.toUpperCase() },
  lower: { parameters: [], run: (self) => self.toLowerCase() },
  capitalize: { parameters: [], run: (self) => capitalized(self) },
  title: { parameters: [], run: (self) => titled(self) },
  strip: stripping('both'),
  lstrip: stripping('start'),
  rstrip: stripping('end'),
  startswith: { parameters: ['prefix'], run: (self, args) => self.startsWith(args.text('prefix')) },
  endswith: { parameters: ['suffix'], run: (self, args) => self.endsWith(args.text('suffix')) },
  replace: {
    parameters: ['old', 'new', 'count'],
    run: (self, args, budget) =>
      replaced(self, args.text('old'), args.text('new'), args.integer('count', -1), budget),
  },
  split: {
    parameters: ['sep', 'maxsplit'],
    run: (self, args, budget) =>
      counted(
        split(
          self,
          (args.value('sep') ?? null) === null ? undefined : args.text('sep'),
          args.integer('maxsplit', -1),
        ),
        budget,
      ),
  },
  splitlines: {
    parameters: [],
    run: (self, _args, budget) => counted(self.replace(/\n$/, '').split('\n'), budget),
  },
  join: {
    parameters: ['items'],
    run(self, args, budget) {
      const parts = itemsOf(args.value('items') ?? [], budget).map((each) => textOf(each, budget));
      budget.text(parts.reduce((sum, part) => sum + part.length + self.length, 0));
      return parts.join(self);
    },
  },
  isdigit: { parameters: [], run: (self) => /^\p{Nd}+$/u.test(self) },
};

const ofDicts: Methods<Dict> = {
  keys: { parameters: [], run: (self) => [...self.entries.keys()] },
  values: { parameters: [], run: (self) => [...self.entries.values()] },
  items: { parameters: [], run: (self) => [...self.entries].map(([key, value]) => [key, value]) },
  get: {
    parameters: ['key', 'default'],
    run(self, args) {
      const entry = self.entries.get(keyOf(args.or('key', null)));
      return entry === undefined ? args.or('default', null) : entry;
    },
  },
};

/** Undefined where the value has no such method. */
export function methodOf(value: Value, name: string, budget: Budget): Value | undefined {
  if (typeof value === 'string') return bound(ofTexts, name, value, budget);
  if (value instanceof Dict) return bound(ofDicts, name, value, budget);
  return undefined;
}

function bound<T extends string | Dict>(
  methods: Methods<T>,
  name: string,
  self: T,
  budget: Budget,
): Value | undefined {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined) return undefined;
  return new Callable(name, (args) => {
    if (typeof self === 'string') budget.text(self.length);
    else budget.items(self.entries.size);
    return method.run(self, bind(`${name}()`, method.parameters, args), budget);
  });
}

function stripping(side: 'both' | 'start' | 'end'): Method<string> {
  return {
    parameters: ['chars'],
    run: (self, args) =>
      stripped(self, (args.value('chars') ?? null) === null ? undefined : args.text('chars'), side),
  };
}

/** A text of blanks becomes a list of as many parts, which weigh more than the text. */
function counted(parts: readonly string[], budget: Budget): readonly string[] {
  budget.items(parts.length);
  return parts;
}

function split(text: string, separator: string | undefined, most: number): readonly string[] {
  if (separator === '') throw new Problem('the separator of split() is empty');
  if (separator === undefined && most < 0) return text.split(/\s+/).filter((part) => part !== '');
  const parts = separator === undefined ? text.trimStart().split(/(?<=\s)(?=\S)/) : text.split(separator);
  if (most < 0 || parts.length <= most + 1)
    return separator === undefined ? parts.map((part) => part.trim()) : parts;
  const rest = parts.slice(most).join(separator ?? '');
  return [...parts.slice(0, most).map((part) => (separator === undefined ? part.trim() : part)), rest];
}
