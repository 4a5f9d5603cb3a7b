/** Reads queries of PromQL as far as names go: which series they take, with which labels, and what they group by. */

export interface Selector {
  readonly metric: string;
  /** Labels in its braces. */
  readonly labels: readonly string[];
  /** What stands in brackets behind it: a range. */
  readonly range: boolean;
  /** The function right around it, and `by` labels of aggregations do not count. */
  readonly inside: string | undefined;
}

export interface Query {
  readonly selectors: readonly Selector[];
  /** Labels of `by (…)`. */
  readonly groups: readonly string[];
}

const words = new Set(['by', 'without', 'and', 'or', 'unless', 'on', 'ignoring', 'bool', 'offset']);
const functions = new Set([
  'rate',
  'increase',
  'histogram_quantile',
  'sum',
  'max',
  'min',
  'count',
  'avg',
  'label_values',
]);

/** Throws for a word that is neither a known function nor a series. */
export function readQuery(text: string): Query {
  const groups: string[] = [];
  const code = text.replaceAll(/\b(?:by|without)\s*\(([^)]*)\)/g, (_, list: string) => {
    groups.push(...list.split(',').map((label) => label.trim()));
    return ' ';
  });
  if (count(code, '(') !== count(code, ')')) throw new Error(`parentheses do not match: ${text}`);
  const selectors: Selector[] = [];
  const name = /([a-zA-Z_:][\w:]*)\s*(\{([^}]*)\})?\s*(\[[^\]]*\])?/g;
  for (const match of code.matchAll(name)) {
    const [all, metric = '', , braces = '', range] = match;
    const before = code.slice(0, match.index);
    // Within braces or brackets of another, or a number's unit.
    if (count(before, '{') !== count(before, '}') || count(before, '[') !== count(before, ']')) continue;
    if (words.has(metric) || /[\w.]$/.test(before)) continue;
    if (code.slice(match.index + all.length).startsWith('(') || functions.has(metric)) {
      if (!functions.has(metric)) throw new Error(`a function that is not known here: ${metric}`);
      continue;
    }
    selectors.push({
      metric,
      labels: [...braces.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
      range: range !== undefined,
      inside: /(\w+)\s*\(\s*$/.exec(before)?.[1],
    });
  }
  return { selectors, groups };
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
