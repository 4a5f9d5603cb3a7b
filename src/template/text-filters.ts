/** Filters of text, as Jinja has them. https://jinja.palletsprojects.com/en/stable/templates/#list-of-builtin-filters */
import type { Budget } from './budget.ts';
import { type Filters, itemsOf, ofText } from './filter.ts';
import { Problem } from './problem.ts';
import { textOf } from './text.ts';
import { Dict, isList, type Value } from './value.ts';

const upper = ofText((text) => text.toUpperCase());
const escaped = ofText((text) => text.replace(/[&<>"']/g, (character) => entities[character] ?? character));
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

export const textFilters: Filters = {
  upper,
  lower: ofText((text) => text.toLowerCase()),
  capitalize: ofText((text) => capitalized(text)),
  title: ofText((text) => titled(text)),
  string: ofText((text) => text),
  safe: ofText((text) => text),
  e: escaped,
  escape: escaped,
  forceescape: escaped,
  wordcount: ofText((text) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  trim: {
    parameters: ['chars'],
    apply(value, args, { budget }) {
      const text = textOf(value, budget);
      budget.text(text.length);
      return stripped(text, args.value('chars') === undefined ? undefined : args.text('chars'), 'both');
    },
  },
  replace: {
    parameters: ['old', 'new', 'count'],
    apply(value, args, { budget }) {
      const count = args.value('count') ?? null;
      return replaced(
        textOf(value, budget),
        args.text('old'),
        args.text('new'),
        count === null ? -1 : args.integer('count'),
        budget,
      );
    },
  },
  indent: {
    parameters: ['width', 'first', 'blank'],
    apply(value, args, { budget }) {
      const width = args.value('width') ?? 4;
      const margin = typeof width === 'string' ? width : repeated(' ', args.integer('width', 4), budget);
      return indented(
        textOf(value, budget),
        margin,
        args.flag('first', false),
        args.flag('blank', false),
        budget,
      );
    },
  },
  center: {
    parameters: ['width'],
    apply(value, args, { budget }) {
      const text = textOf(value, budget);
      budget.items(text.length);
      const room = args.integer('width', 80) - [...text].length;
      if (room <= 0) return text;
      // As Python does: of an odd number of blanks the last one goes left where the width is odd.
      const left = Math.floor(room / 2) + (room % 2 === 1 && args.integer('width', 80) % 2 === 1 ? 1 : 0);
      return repeated(' ', left, budget) + text + repeated(' ', room - left, budget);
    },
  },
  truncate: {
    parameters: ['length', 'killwords', 'end', 'leeway'],
    apply(value, args, { budget }) {
      const whole = textOf(value, budget);
      budget.items(whole.length);
      const text = [...whole];
      const [length, leeway] = [args.integer('length', 255), args.integer('leeway', 5)];
      const end = args.text('end', '...');
      if (text.length <= length + leeway) return text.join('');
      const cut = text.slice(0, Math.max(0, length - [...end].length)).join('');
      if (args.flag('killwords', false)) return cut + end;
      const blank = cut.lastIndexOf(' ');
      return (blank === -1 ? cut : cut.slice(0, blank)) + end;
    },
  },
  urlencode: {
    parameters: [],
    apply(value, _args, { budget }) {
      if (value instanceof Dict) return encodedPairs([...value.entries], budget);
      if (isList(value))
        return encodedPairs(
          value.map((pair) => pairOf(pair, budget)),
          budget,
        );
      return urlText(textOf(value, budget), '/', budget);
    },
  },
  format: {
    parameters: ['1', '2', '3', '4', '5', '6', '7', '8', '9'],
    apply(value, args, { budget }) {
      let next = 0;
      const pattern = textOf(value, budget);
      budget.text(pattern.length);
      return pattern.replace(/%(%|s|d|[\s\S])?/g, (_, letter: string | undefined) => {
        if (letter === '%') return '%';
        if (letter !== 's' && letter !== 'd')
          throw new Problem('the filter "format" knows %s, %d and %% only');
        const argument = args.value(String(++next));
        if (argument === undefined)
          throw new Problem('the filter "format" has fewer arguments than its text asks for');
        if (letter === 'd' && typeof argument !== 'number') throw new Problem('%d takes a number');
        const text = textOf(argument, budget);
        budget.text(text.length);
        return text;
      });
    },
  },
};

export function capitalized(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Each word capitalized; one begins behind a blank, a hyphen or an opening bracket. */
export function titled(text: string): string {
  return text.replace(/[^-\s({[<]+/g, capitalized);
}

/** Text so many times; the length is checked before it is made. */
export function repeated(text: string, times: number, budget: Budget): string {
  const count = Math.max(0, times);
  budget.text(text.length * count);
  return text.repeat(count);
}

/** Without `characters` (blanks unless told) at its ends. */
export function stripped(
  text: string,
  characters: string | undefined,
  side: 'both' | 'start' | 'end',
): string {
  const drops = new Set(characters);
  const isDropped = (character = '') =>
    characters === undefined ? /\s/.test(character) : drops.has(character);
  let [start, end] = [0, text.length];
  if (side !== 'end') while (start < end && isDropped(text[start])) start++;
  if (side !== 'start') while (end > start && isDropped(text[end - 1])) end--;
  return text.slice(start, end);
}

/** @param count of replacements at most; negative for all */
export function replaced(text: string, old: string, by: string, count: number, budget: Budget): string {
  budget.text(text.length);
  if (old === '') budget.items(text.length);
  const parts = old === '' ? ['', ...text, ''] : text.split(old);
  budget.items(parts.length);
  const times = Math.min(parts.length - 1, count < 0 ? Number.POSITIVE_INFINITY : count);
  budget.text(text.length + times * by.length);
  return (
    parts.slice(0, times + 1).join(by) +
    parts
      .slice(times + 1)
      .map((part) => old + part)
      .join('')
  );
}

function indented(text: string, margin: string, first: boolean, blank: boolean, budget: Budget): string {
  const lines = text.split('\n');
  budget.text(text.length + lines.length * margin.length);
  return lines
    .map((line, index) =>
      (index > 0 || first) && (blank || line.trim() !== '' || index === 0) ? margin + line : line,
    )
    .join('\n');
}

function encodedPairs(pairs: readonly (readonly [Value, Value])[], budget: Budget): string {
  return pairs.map(([name, value]) => `${queryText(name, budget)}=${queryText(value, budget)}`).join('&');
}

function pairOf(value: Value, budget: Budget): readonly [Value, Value] {
  const [name, second, ...more] = itemsOf(value, budget);
  if (name === undefined || second === undefined || more.length > 0)
    throw new Problem('urlencode takes pairs');
  return [name, second];
}

/** A part of a query, as forms write it. */
function queryText(value: Value, budget: Budget): string {
  return urlText(textOf(value, budget), '', budget).replaceAll('%20', '+');
}

/** RFC 3986 §2.1, with the characters left alone that Python leaves alone. */
function urlText(text: string, alone: string, budget: Budget): string {
  const bytes = Buffer.from(text);
  budget.text(3 * bytes.length);
  let encoded = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    const plain = byte < 0x80 && (/[\w.~-]/.test(character) || alone.includes(character));
    encoded += plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
