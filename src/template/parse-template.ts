/** Whole templates: text, what is put out, and tags. */
import { tokenize } from './lexer.ts';
import { parseExpression, parseFilterUses, parseOr, parseTuple } from './parse-expression.ts';
import { failAt, type Place } from './problem.ts';
import type { Body, Expression, Parameter, Statement } from './syntax.ts';
import { TokenReader } from './token-reader.ts';

/** Characters. */
const longest = 1024 * 1024;

/** Throws a placed problem for what is no template, `PlacedProblem` at its beginning for one that is too long. */
export function parseTemplate(template: string): Body {
  if (template.length > longest) {
    failAt({ line: 1, column: 1 }, `a template has at most ${longest.toLocaleString('en')} characters`);
  }
  const reader = new TokenReader(tokenize(template));
  const body = parseBody(reader, []);
  if (reader.peek().kind !== 'end') reader.fail('no tag is open that ends with');
  return body;
}

/** Up to a tag with one of these names, which is left to the caller with its `begin-tag` taken. */
function parseBody(reader: TokenReader, ends: readonly string[]): Body {
  const body: Statement[] = [];
  for (;;) {
    const token = reader.peek();
    const place = { line: token.line, column: token.column };
    if (token.kind === 'end') return body;
    reader.next();
    if (token.kind === 'text') body.push({ kind: 'text', text: token.text, ...place });
    else if (token.kind === 'begin-output') {
      body.push({ kind: 'output', value: parseTuple(reader), ...place });
      reader.expectKind('end-output', 'an operator or "}}"');
    } else {
      if (ends.some((end) => reader.sees(end))) return body;
      body.push(...reader.deeper(() => parseTag(reader, place)));
    }
  }
}

type TagParser = (reader: TokenReader, place: Place) => readonly Statement[];

const tags: Readonly<Record<string, TagParser>> = {
  if: parseIf,
  for: parseFor,
  set: parseSet,
  filter: parseFiltered,
  macro: parseMacro,
  with: parseWith,
  block: (reader, place) => {
    reader.expectKind('name', 'the name of a block');
    while (reader.takes('scoped') || reader.takes('required'));
    const body = parseInner(reader, 'endblock');
    return [{ kind: 'with', bindings: [], body, ...place }];
  },
};

const oneFile = 'a template is one file and reads no other';
/** Jinja's tags that are refused, and why. */
const refused: Readonly<Record<string, string>> = {
  include: oneFile,
  extends: oneFile,
  import: oneFile,
  from: oneFile,
  call: 'macros are called with {{ name(…) }}',
  do: 'a template changes nothing; {% set %} gives a value a name',
  autoescape: 'nothing is escaped by itself; use a filter such as sh or tojson',
};

function parseTag(reader: TokenReader, place: Place): readonly Statement[] {
  const { text: name } = reader.expectKind('name', 'the name of a tag');
  const parse = Object.hasOwn(tags, name) ? tags[name] : undefined;
  if (parse !== undefined) return parse(reader, place);
  const why = Object.hasOwn(refused, name) ? refused[name] : undefined;
  if (why !== undefined) return failAt(place, `{% ${name} %} is not supported: ${why}`);
  const end = /^(end|el)/.test(name);
  return failAt(
    place,
    end ? `{% ${name} %} ends nothing here` : `there is no tag {% ${name.slice(0, 40)} %}`,
  );
}

function endTag(reader: TokenReader): void {
  reader.expectKind('end-tag', 'an operator or "%}"');
}

/** The rest of a tag, and all up to the one that ends it. */
function parseInner(reader: TokenReader, end: string): Body {
  endTag(reader);
  const body = parseBody(reader, [end]);
  closeTag(reader, end);
  return body;
}

function closeTag(reader: TokenReader, end: string): void {
  reader.expect(end);
  // A block may say once more which one ends.
  if (end === 'endblock' && reader.peek().kind === 'name') reader.next();
  endTag(reader);
}

function parseIf(reader: TokenReader, place: Place): readonly Statement[] {
  const branches: { condition: Expression; body: Body }[] = [];
  let otherwise: Body = [];
  for (;;) {
    const condition = parseTuple(reader);
    endTag(reader);
    branches.push({ condition, body: parseBody(reader, ['elif', 'else', 'endif']) });
    if (!reader.takes('elif')) break;
  }
  if (reader.takes('else')) {
    endTag(reader);
    otherwise = parseBody(reader, ['endif']);
  }
  closeTag(reader, 'endif');
  return [{ kind: 'if', branches, otherwise, ...place }];
}

function parseFor(reader: TokenReader, place: Place): readonly Statement[] {
  const targets = parseTargets(reader);
  reader.expect('in');
  const iterable = parseTuple(reader, parseOr);
  const condition = reader.takes('if') ? parseExpression(reader) : undefined;
  if (reader.sees('recursive')) reader.fail('loops do not call themselves:');
  endTag(reader);
  const body = parseBody(reader, ['else', 'endfor']);
  let otherwise: Body = [];
  if (reader.takes('else')) {
    endTag(reader);
    otherwise = parseBody(reader, ['endfor']);
  }
  closeTag(reader, 'endfor');
  return [{ kind: 'for', targets, iterable, condition, body, otherwise, ...place }];
}

/** One name, or several between commas, perhaps in brackets. */
function parseTargets(reader: TokenReader): readonly string[] {
  const brackets = reader.takes('(');
  const names: string[] = [];
  do {
    if (names.length > 0 && reader.peek().kind !== 'name') break;
    names.push(parseTarget(reader));
  } while (reader.takes(','));
  if (brackets) reader.expect(')');
  return names;
}

const notAssigned = new Set([
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
  'in',
  'if',
  'else',
  'not',
  'and',
  'or',
  'is',
]);

function parseTarget(reader: TokenReader): string {
  const token = reader.expectKind('name', 'a name');
  if (notAssigned.has(token.text)) failAt(token, `"${token.text}" is not a name that can be given`);
  return token.text;
}

function parseSet(reader: TokenReader, place: Place): readonly Statement[] {
  const targets = parseTargets(reader);
  const [first = ''] = targets;
  const member = targets.length === 1 && reader.takes('.') ? parseTarget(reader) : undefined;
  if (reader.takes('=')) {
    const value = parseTuple(reader);
    endTag(reader);
    return [{ kind: 'set', targets, member, value, ...place }];
  }
  if (targets.length > 1 || member !== undefined) reader.fail('"=" is missing before');
  const filters = parseFilterUses(reader, 'piped');
  return [{ kind: 'capture', target: first, filters, body: parseInner(reader, 'endset'), ...place }];
}

function parseFiltered(reader: TokenReader, place: Place): readonly Statement[] {
  const filters = parseFilterUses(reader, 'bare');
  return [{ kind: 'filtered', filters, body: parseInner(reader, 'endfilter'), ...place }];
}

function parseMacro(reader: TokenReader, place: Place): readonly Statement[] {
  const name = parseTarget(reader);
  reader.expect('(');
  const parameters: Parameter[] = [];
  while (!reader.takes(')')) {
    const parameter = parseTarget(reader);
    parameters.push({ name: parameter, fallback: reader.takes('=') ? parseExpression(reader) : undefined });
    if (!reader.sees(')')) reader.expect(',');
  }
  return [{ kind: 'macro', name, parameters, body: parseInner(reader, 'endmacro'), ...place }];
}

function parseWith(reader: TokenReader, place: Place): readonly Statement[] {
  const bindings: (readonly [string, Expression])[] = [];
  while (reader.peek().kind === 'name') {
    const name = parseTarget(reader);
    reader.expect('=');
    bindings.push([name, parseExpression(reader)]);
    if (!reader.takes(',')) break;
  }
  return [{ kind: 'with', bindings, body: parseInner(reader, 'endwith'), ...place }];
}
