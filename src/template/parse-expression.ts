/** Expressions, with the precedences of Jinja's own parser (`jinja2/parser.py`). */
import { failAt, type Place } from './problem.ts';
import type { Arguments, BinaryOperator, Comparison, Expression, FilterUse } from './syntax.ts';
import type { TokenReader } from './token-reader.ts';

/** An expression, with `… if … else …`. */
export function parseExpression(reader: TokenReader): Expression {
  return reader.deeper(() => {
    let yes = parseOr(reader);
    while (reader.sees('if')) {
      const place = placeOf(reader.next());
      const condition = parseOr(reader);
      const no = reader.takes('else') ? parseExpression(reader) : undefined;
      yes = { kind: 'choice', condition, yes, no, ...place };
    }
    return yes;
  });
}

/** Several expressions between commas are a list. */
export function parseTuple(reader: TokenReader, parse = parseExpression): Expression {
  const first = parse(reader);
  if (!reader.sees(',')) return first;
  const items = [first];
  while (reader.takes(',') && startsExpression(reader)) items.push(parse(reader));
  return { kind: 'list', items, ...placeOf(first) };
}

function startsExpression(reader: TokenReader): boolean {
  const { kind, text } = reader.peek();
  if (kind === 'operator') return ['(', '[', '{', '-', '+'].includes(text);
  return kind === 'string' || kind === 'number' || (kind === 'name' && text !== 'in');
}

function leftToRight<O extends BinaryOperator>(
  operators: readonly O[],
  operand: (reader: TokenReader) => Expression,
) {
  return (reader: TokenReader): Expression => {
    let left = operand(reader);
    for (;;) {
      const operator = operators.find((each) => reader.sees(each));
      if (operator === undefined) return left;
      const place = placeOf(reader.next());
      left = { kind: 'binary', operator, left, right: operand(reader), ...place };
    }
  };
}

const parsePower = leftToRight(['**'], (reader) => parseUnary(reader, true));
const parseProduct = leftToRight(['*', '//', '/', '%'], parsePower);
const parseConcat = leftToRight(['~'], parseProduct);
const parseSum = leftToRight(['+', '-'], parseConcat);
const parseAnd = leftToRight(['and'], parseNot);
/** Without `… if …`: what a loop goes over may be followed by an `if` of its own. */
export const parseOr = leftToRight(['or'], parseAnd);

function parseNot(reader: TokenReader): Expression {
  if (!reader.sees('not')) return parseComparison(reader);
  const place = placeOf(reader.next());
  return { kind: 'unary', operator: 'not', operand: reader.deeper(() => parseNot(reader)), ...place };
}

const comparisons: readonly Comparison[] = ['==', '!=', '<=', '<', '>=', '>', 'in'];

function parseComparison(reader: TokenReader): Expression {
  const first = parseSum(reader);
  const place = placeOf(reader.peek());
  const rest: [Comparison, Expression][] = [];
  for (;;) {
    const operator = comparisons.find((each) => reader.sees(each));
    if (operator !== undefined) {
      reader.next();
      rest.push([operator, parseSum(reader)]);
    } else if (reader.sees('not') && reader.peek(1).text === 'in') {
      reader.next();
      reader.next();
      rest.push(['not in', parseSum(reader)]);
    } else break;
  }
  return rest.length === 0 ? first : { kind: 'compare', first, rest, ...place };
}

function parseUnary(reader: TokenReader, withFilters: boolean): Expression {
  const sign = reader.sees('-', '+') ? reader.next() : undefined;
  const inner =
    sign === undefined
      ? parsePostfix(reader, parsePrimary(reader))
      : ({
          kind: 'unary',
          operator: sign.text === '-' ? '-' : '+',
          operand: reader.deeper(() => parseUnary(reader, false)),
          ...placeOf(sign),
        } as const);
  return withFilters ? parseFiltersAndTests(reader, inner) : inner;
}

const constants: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

/** Words that are no names. */
const keywords = new Set(['and', 'else', 'if', 'in', 'is', 'not', 'or', 'elif']);

function parsePrimary(reader: TokenReader): Expression {
  const token = reader.peek();
  const place = placeOf(token);
  if (token.kind === 'name' && !keywords.has(token.text)) {
    reader.next();
    const constant = constants.get(token.text);
    if (constant !== undefined) return { kind: 'literal', value: constant, ...place };
    return { kind: 'name', name: token.text, ...place };
  }
  if (token.kind === 'number') {
    reader.next();
    return { kind: 'literal', value: Number(token.text.replaceAll('_', '')), ...place };
  }
  if (token.kind === 'string') {
    let value = '';
    while (reader.peek().kind === 'string') value += reader.next().text;
    return { kind: 'literal', value, ...place };
  }
  if (reader.takes('(')) return parseGroup(reader, place);
  if (reader.takes('[')) return { kind: 'list', items: parseItems(reader, ']', parseExpression), ...place };
  if (reader.takes('{')) return { kind: 'dict', entries: parseItems(reader, '}', parseEntry), ...place };
  return reader.fail('an expression is missing before');
}

function parseGroup(reader: TokenReader, place: Place): Expression {
  if (reader.takes(')')) return { kind: 'list', items: [], ...place };
  const inner = parseTuple(reader);
  reader.expect(')');
  return inner;
}

function parseItems<T>(reader: TokenReader, end: string, parse: (reader: TokenReader) => T): readonly T[] {
  const items: T[] = [];
  while (!reader.takes(end)) {
    items.push(parse(reader));
    if (!reader.sees(end)) reader.expect(',');
  }
  return items;
}

function parseEntry(reader: TokenReader): readonly [Expression, Expression] {
  const key = parseExpression(reader);
  reader.expect(':');
  return [key, parseExpression(reader)];
}

function parsePostfix(reader: TokenReader, first: Expression): Expression {
  let target = first;
  // Where the whole begins: that is where who reads a message looks.
  const place = placeOf(first);
  for (;;) {
    if (reader.takes('.')) target = parseMember(reader, target, place);
    else if (reader.takes('[')) target = parseIndex(reader, target, place);
    else if (reader.sees('(')) target = { kind: 'call', target, args: parseArguments(reader), ...place };
    else return target;
  }
}

function parseMember(reader: TokenReader, target: Expression, place: Place): Expression {
  const token = reader.next();
  if (token.kind === 'name') return { kind: 'member', target, name: token.text, ...place };
  if (token.kind !== 'number' || !/^\d+$/.test(token.text)) failAt(token, 'a name is missing behind "."');
  const key: Expression = { kind: 'literal', value: Number(token.text), ...placeOf(token) };
  return { kind: 'index', target, keys: [key], ...place };
}

function parseIndex(reader: TokenReader, target: Expression, place: Place): Expression {
  const bounds: (Expression | undefined)[] = [];
  let bound: Expression | undefined;
  let colons = 0;
  for (; ; colons++) {
    bound = reader.sees(':', ']') ? undefined : parseExpression(reader);
    bounds.push(bound);
    if (colons === 2 || !reader.takes(':')) break;
  }
  if (colons > 0) {
    reader.expect(']');
    return { kind: 'slice', target, bounds, ...place };
  }
  if (bound === undefined) return reader.fail('a key is missing before');
  const keys = [bound];
  while (reader.takes(',') && !reader.sees(']')) keys.push(parseExpression(reader));
  reader.expect(']');
  return { kind: 'index', target, keys, ...place };
}

function parseFiltersAndTests(reader: TokenReader, first: Expression): Expression {
  let target = first;
  for (;;) {
    const place = placeOf(reader.peek());
    if (reader.sees('|')) target = { kind: 'filter', target, ...parseFilterUse(reader) };
    else if (reader.takes('is')) target = parseTest(reader, target, place);
    else if (reader.sees('(')) target = { kind: 'call', target, args: parseArguments(reader), ...place };
    else return target;
  }
}

/** `| name` or `| name(…)`. */
function parseFilterUse(reader: TokenReader): FilterUse {
  reader.expect('|');
  return parseNamedUse(reader);
}

function parseNamedUse(reader: TokenReader): FilterUse {
  const token = reader.expectKind('name', 'the name of a filter');
  const args = reader.sees('(') ? parseArguments(reader) : noArguments;
  return { name: token.text, args, ...placeOf(token) };
}

/** The filters of a tag: the first stands without a `|` where `first` says so. */
export function parseFilterUses(reader: TokenReader, first: 'bare' | 'piped'): readonly FilterUse[] {
  const uses = first === 'bare' ? [parseNamedUse(reader)] : [];
  while (reader.sees('|')) uses.push(parseFilterUse(reader));
  return uses;
}

const noArguments: Arguments = { positional: [], named: [] };

function parseTest(reader: TokenReader, target: Expression, place: Place): Expression {
  const negated = reader.takes('not');
  const { text: name } = reader.expectKind('name', 'the name of a test');
  const { kind, text } = reader.peek();
  const bare =
    kind === 'string' ||
    kind === 'number' ||
    (kind === 'operator' && (text === '[' || text === '{')) ||
    (kind === 'name' && !keywords.has(text));
  const args = reader.sees('(')
    ? parseArguments(reader)
    : { positional: bare ? [parsePostfix(reader, parsePrimary(reader))] : [], named: [] };
  const test: Expression = { kind: 'test', name, target, args, ...place };
  return negated ? { kind: 'unary', operator: 'not', operand: test, ...place } : test;
}

function parseArguments(reader: TokenReader): Arguments {
  reader.expect('(');
  const named: (readonly [string, Expression])[] = [];
  const positional = parseItems(reader, ')', (each): Expression | undefined => {
    if (each.sees('*', '**')) each.fail('a template names its arguments one by one:');
    if (each.peek().kind === 'name' && each.peek(1).kind === 'operator' && each.peek(1).text === '=') {
      const { text: name } = each.next();
      each.next();
      named.push([name, parseExpression(each)]);
      return undefined;
    }
    if (named.length > 0) each.fail('an argument without a name comes before those with one:');
    return parseExpression(each);
  });
  return { positional: positional.filter((each) => each !== undefined), named };
}

function placeOf({ line, column }: Place): Place {
  return { line, column };
}
