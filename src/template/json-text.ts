/** Values as JSON, in the shape in which Python's `json.dumps` writes it. */
import type { Budget } from './budget.ts';
import { Problem } from './problem.ts';
import { Bytes, Callable, type Dict, isKeyed, isList, kindOf, present, type Value } from './value.ts';

export interface JsonStyle {
  /** Between items; blanks at its end are left out where lines are broken. */
  readonly item: string;
  /** Between a name and its value. */
  readonly key: string;
  /** Other characters than ASCII are escaped. */
  readonly ascii: boolean;
  readonly sorted: boolean;
  /** What HTML would take for its own is escaped too: still the same JSON. */
  readonly forHtml: boolean;
  /** A line for each item, with so many blanks a level; one line for all unless given. */
  readonly indent?: number;
}

/** Throws a problem for what JSON does not know. */
export function jsonText(value: Value, style: JsonStyle, budget: Budget, level = 0): string {
  const known = present(value);
  budget.spend(1);
  if (typeof known === 'string') return stringText(known, style, budget);
  if (known === null || typeof known === 'boolean') return String(known);
  if (typeof known === 'number') {
    if (!Number.isFinite(known)) throw new Problem('JSON has no infinite numbers');
    return String(known);
  }
  const inner = (each: Value) => budget.deeper(() => jsonText(each, style, budget, level + 1));
  if (isList(known)) return enclosed('[', known.map(inner), ']', style, level, budget);
  if (known instanceof Bytes || known instanceof Callable || isKeyed(known)) {
    throw new Problem(`${kindOf(known)} cannot be JSON`);
  }
  return enclosed('{', members(known, style, inner, budget), '}', style, level, budget);
}

function members(
  dict: Dict,
  style: JsonStyle,
  inner: (value: Value) => string,
  budget: Budget,
): readonly string[] {
  const entries = [...dict.entries].map(
    ([key, each]) => [key === null ? 'null' : String(key), each] as const,
  );
  const ordered = style.sorted
    ? entries.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : entries;
  return ordered.map(([name, each]) => stringText(name, style, budget) + style.key + inner(each));
}

function enclosed(
  open: string,
  parts: readonly string[],
  close: string,
  { item, indent }: JsonStyle,
  level: number,
  budget: Budget,
): string {
  const breaks = indent !== undefined && parts.length > 0;
  const margin = breaks ? `\n${' '.repeat(indent * (level + 1))}` : '';
  budget.text(parts.reduce((sum, part) => sum + part.length + item.length + margin.length, 2));
  const end = breaks ? `\n${' '.repeat(indent * level)}` : '';
  return open + margin + parts.join(item + margin) + end + close;
}

function stringText(text: string, { ascii, forHtml }: JsonStyle, budget: Budget): string {
  budget.text(6 * text.length);
  const plain = JSON.stringify(text);
  const escaped = ascii ? plain.replace(/[\u007f-\uffff]/g, unicodeEscape) : plain;
  return forHtml ? escaped.replace(/[<>&']/g, unicodeEscape) : escaped;
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
