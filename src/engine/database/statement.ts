/**
 * Statements with places for values: `{{name}}`, `{{username}}`, `{{password}}`, `{{expiration}}`. A value never becomes part of
 * the text as it is: what it stands in (a text, a name) is read by the database's own rules, filled, and quoted again by the
 * driver. Where neither is possible (comments, bodies between dollars) only values of harmless characters are taken.
 */
import { CofferError } from '../../errors.ts';

/** How a database reads quotes and comments. Sessions are set up so that this holds. */
export interface StatementSyntax {
  /** A quoted text has backslash escapes, also without an E before it. */
  readonly backslashes: boolean;
  /** What stands between double quotes is a text, not a name. */
  readonly doubleQuotedText: boolean;
  readonly backticks: boolean;
  readonly dollarBodies: boolean;
  readonly hashComments: boolean;
}

/** The driver's own quoting. */
export interface Quoting {
  text(value: string): string;
  name(value: string): string;
  /** How a place outside of any quotes is filled with a user's name. */
  bareName(value: string): string;
}

export type Values = Readonly<Partial<Record<PlaceName, string>>>;
type PlaceName = (typeof placeNames)[number];
const placeNames = ['name', 'username', 'password', 'expiration'] as const;

const place = /\{\{\s*(\w+)\s*\}\}/g;

/** Characters of one statement, and statements of one kind. */
export const longestStatement = 16_384;
export const mostStatements = 64;

type PieceKind = 'bare' | 'text' | 'name' | 'closed' | 'end';

interface Piece {
  readonly kind: PieceKind;
  readonly source: string;
}

/** Names of places in a statement that nothing is known for. */
export function unknownPlaces(statement: string): readonly string[] {
  return [...statement.matchAll(place)]
    .map(([, name = '']) => name)
    .filter((name) => !placeNames.some((known) => known === name));
}

/**
 * The statements of a text, one by one, filled. Throws `invalid_request` for a text whose quotes do not end, a place that has no
 * value, or a value that cannot stand where it should; never quotes a value.
 */
export function fillStatements(
  statements: readonly string[],
  values: Values,
  syntax: StatementSyntax,
  quoting: Quoting,
): readonly string[] {
  for (const value of Object.values(values)) checkValue(value);
  return statements.flatMap((statement) => fillOne(statement, values, syntax, quoting));
}

function fillOne(statement: string, values: Values, syntax: StatementSyntax, quoting: Quoting): string[] {
  const filled: string[] = [];
  let current = '';
  for (const piece of piecesOf(statement, syntax)) {
    if (piece.kind === 'end') {
      filled.push(current);
      current = '';
    } else current += fillPiece(piece, values, syntax, quoting);
  }
  return [...filled, current].map((text) => text.trim()).filter((text) => text !== '');
}

function fillPiece(
  { kind, source }: Piece,
  values: Values,
  syntax: StatementSyntax,
  quoting: Quoting,
): string {
  if (source.search(place) < 0) return source;
  switch (kind) {
    case 'text':
      return quoting.text(filledWith(unquoted(source, syntax.backslashes), values));
    case 'name':
      return quoting.name(filledWith(unquoted(source, false), values));
    case 'bare':
      return source.replace(place, (_place, name: string) =>
        name === 'name' || name === 'username'
          ? quoting.bareName(filling(values, name))
          : quoting.text(filling(values, name)),
      );
    case 'closed':
    case 'end':
      return source.replace(place, (_place, name: string) => plain(filling(values, name)));
  }
}

function filledWith(content: string, values: Values): string {
  return content.replace(place, (_place, name: string) => filling(values, name));
}

function filling(values: Values, name: string): string {
  const known = placeNames.find((one) => one === name);
  const value = known === undefined ? undefined : values[known];
  if (value !== undefined) return value;
  throw new CofferError(
    'invalid_request',
    `a statement has a place {{${name.slice(0, 40)}}} that nothing stands for here`,
  );
}

/** A text of the protocol ends at NUL, and half a character becomes another one on the way. */
function checkValue(value: string): void {
  if (value.includes('\0') || !value.isWellFormed()) {
    throw new CofferError(
      'invalid_request',
      'a name or password for a database has no NUL and no half characters',
    );
  }
}

function plain(value: string): string {
  // The second is an end of life; a blank is nothing that any other value may bring here.
  if (/^[\w.:+-]*$/.test(value) || /^[\d-]{10} [\d:]{8}[+-]\d{4}$/.test(value)) return value;
  throw new CofferError(
    'invalid_request',
    'a value with special characters cannot stand in a comment, a body between dollars or a text with escapes of its own',
  );
}

/** What stands between the quotes. */
function unquoted(source: string, backslashes: boolean): string {
  const quote = source.charAt(0);
  const inner = source.slice(1, -1);
  if (!backslashes) return inner.replaceAll(quote + quote, quote);
  const doubledOrEscaped = quote === "'" ? /''|\\([\s\S])/g : /""|\\([\s\S])/g;
  return inner.replace(doubledOrEscaped, (_all, next?: string) =>
    next === undefined ? quote : (escaped[next] ?? next),
  );
}

const escaped: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  Z: '\x1a',
  '%': '\\%',
  _: '\\_',
};

/** Cuts a statement into pieces: each quoted text, name, comment and body by itself. */
function* piecesOf(statement: string, syntax: StatementSyntax): Generator<Piece> {
  let bare = '';
  let at = 0;
  while (at < statement.length) {
    const next = pieceAt(statement, at, syntax);
    if (next === undefined) {
      bare += statement.charAt(at);
      at += 1;
      continue;
    }
    // E'…' and U&'…' have escapes of their own, which only their database reads.
    const ownEscapes = next.kind !== 'closed' && next.kind !== 'end' && /(?:^|[^\w$])(?:e|u&)$/i.test(bare);
    if (bare !== '') yield { kind: 'bare', source: bare };
    bare = '';
    yield ownEscapes ? { kind: 'closed', source: next.source } : next;
    at += next.source.length;
  }
  if (bare !== '') yield { kind: 'bare', source: bare };
}

/** The quoted thing, comment or end that begins here, if one does. */
function pieceAt(statement: string, at: number, syntax: StatementSyntax): Piece | undefined {
  const char = statement.charAt(at);
  switch (char) {
    case ';':
      return { kind: 'end', source: char };
    case "'": {
      const before = statement.slice(Math.max(0, at - 2), at);
      const backslashes = syntax.backslashes || /(?:^|[^\w$])e$/i.test(before);
      return { kind: 'text', source: quotedAt(statement, at, backslashes) };
    }
    case '"':
      return syntax.doubleQuotedText
        ? { kind: 'text', source: quotedAt(statement, at, syntax.backslashes) }
        : { kind: 'name', source: quotedAt(statement, at, false) };
    case '`':
      return syntax.backticks ? { kind: 'name', source: quotedAt(statement, at, false) } : undefined;
    default:
      return closedAt(statement, at, syntax);
  }
}

function closedAt(statement: string, at: number, syntax: StatementSyntax): Piece | undefined {
  const rest = statement.slice(at, at + 80);
  if ((syntax.hashComments ? /^(?:--(?:\s|$)|#)/ : /^--/).test(rest)) {
    const end = statement.indexOf('\n', at);
    return { kind: 'closed', source: statement.slice(at, end < 0 ? undefined : end + 1) };
  }
  if (rest.startsWith('/*'))
    return { kind: 'closed', source: statement.slice(at, commentEnd(statement, at)) };
  const tag =
    syntax.dollarBodies && !/[\w$]$/.test(statement.slice(Math.max(0, at - 1), at))
      ? /^\$(?:[A-Za-z_]\w{0,60})?\$/.exec(rest)?.[0]
      : undefined;
  if (tag === undefined) return undefined;
  const end = statement.indexOf(tag, at + tag.length);
  if (end < 0) throw unfinished();
  return { kind: 'closed', source: statement.slice(at, end + tag.length) };
}

/** Behind a comment that begins at `at`; comments may lie in comments. */
function commentEnd(statement: string, at: number): number {
  let depth = 0;
  for (let index = at; index < statement.length - 1; index++) {
    const two = statement.slice(index, index + 2);
    if (two === '/*') depth += 1;
    else if (two === '*/') depth -= 1;
    else continue;
    index += 1;
    if (depth === 0) return index + 1;
  }
  throw unfinished();
}

/** From the quote that opens to the one that closes; a doubled quote stands for itself. */
function quotedAt(statement: string, at: number, backslashes: boolean): string {
  const quote = statement.charAt(at);
  for (let index = at + 1; index < statement.length; index++) {
    const char = statement.charAt(index);
    if (backslashes && char === '\\') index += 1;
    else if (char === quote) {
      if (statement.charAt(index + 1) !== quote) return statement.slice(at, index + 1);
      index += 1;
    }
  }
  throw unfinished();
}

function unfinished(): CofferError {
  return new CofferError('invalid_request', 'a statement has a quote, comment or body that does not end');
}

/** Whether a statement may leave something behind in its session: such a session is not used again. */
export function altersSession(statement: string): boolean {
  return /\b(?:set|set_config|do|call|reset|begin|start|commit|rollback|discard|use|lock|prepare|listen|load)\b/i.test(
    statement,
  );
}

/** Whether such a statement may commit something and be refused nonetheless. */
export function commitsItself(statement: string): boolean {
  return /\b(?:commit|end|call|do)\b/i.test(statement);
}

/** A refusal that does not say that nothing has happened. Others are as they were. */
export function asUncertain(error: unknown): unknown {
  if (!(error instanceof CofferError) || error.code !== 'invalid_request') return error;
  const text = `${error.message}; what came before it may have counted`;
  return new CofferError('unavailable', text, { cause: error });
}
