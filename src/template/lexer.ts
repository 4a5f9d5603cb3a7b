/**
 * Templates as tokens, by Jinja's rules with `trim_blocks` and `lstrip_blocks` on: the newline behind a tag or a remark is dropped,
 * and so are blanks before one that begins its line; `-` takes all blanks on its side, `+` none.
 * https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control
 *
 * Everything goes forward, a character at a time or by `indexOf`: time grows with the template's length and no faster.
 */
import { scanCode } from './lexer-code.ts';
import { failAt, type Place } from './problem.ts';

export interface Token extends Place {
  readonly kind:
    | 'text'
    | 'begin-output'
    | 'end-output'
    | 'begin-tag'
    | 'end-tag'
    | 'name'
    | 'number'
    | 'string'
    | 'operator'
    | 'end';
  /** Text as it is; a string's value; anything else as written. */
  readonly text: string;
}

/** Where the lexer stands, and what it has found. */
export interface Scan {
  readonly source: string;
  readonly tokens: Token[];
  at: number;
  placeOf(offset: number): Place;
}

/** Ends with a token of kind `end`. Throws a placed problem. */
export function tokenize(template: string): readonly Token[] {
  const source = withoutLastNewline(template.replace(/\r\n?/g, '\n'));
  const scan: Scan = { source, tokens: [], at: 0, placeOf: placesOf(source) };
  while (scan.at < source.length) scanText(scan);
  scan.tokens.push({ kind: 'end', text: '', ...scan.placeOf(source.length) });
  return scan.tokens;
}

/** Jinja keeps no final newline, and those who write templates count on it. */
function withoutLastNewline(source: string): string {
  return source.endsWith('\n') ? source.slice(0, -1) : source;
}

function scanText(scan: Scan): void {
  const { source, at: start } = scan;
  const open = nextOpening(source, start);
  const opening = source.slice(open, open + 2);
  pushText(scan, start, textEnd(source, start, open, opening));
  if (opening === '') {
    scan.at = source.length;
    return;
  }
  scan.at = open + opening.length + (/[-+]/.test(source[open + 2] ?? '') ? 1 : 0);
  if (opening === '{#') skipRemark(scan, open);
  else if (opening === '{%' && isRaw(source, scan.at)) scanRaw(scan, open);
  else scanInner(scan, open, opening === '{{' ? 'output' : 'tag');
}

function nextOpening(source: string, from: number): number {
  for (let at = source.indexOf('{', from); at !== -1; at = source.indexOf('{', at + 1)) {
    const next = source[at + 1];
    if (next === '{' || next === '%' || next === '#') return at;
  }
  return source.length;
}

/** Where the text before an opening ends, once the opening has taken its blanks. */
function textEnd(source: string, start: number, open: number, opening: string): number {
  const sign = source[open + 2];
  if (opening === '') return open;
  if (sign === '-') return blanksBefore(source, start, open, isBlank);
  if (opening === '{{' || sign === '+') return open;
  const end = blanksBefore(source, start, open, (character) => character !== '\n' && isBlank(character));
  return end === 0 || source[end - 1] === '\n' ? end : open;
}

function blanksBefore(
  source: string,
  start: number,
  end: number,
  blank: (character: string) => boolean,
): number {
  let at = end;
  while (at > start && blank(source[at - 1] ?? '')) at--;
  return at;
}

function isBlank(character: string): boolean {
  return /\s/.test(character);
}

function pushText({ source, tokens, placeOf }: Scan, start: number, end: number): void {
  if (end > start) tokens.push({ kind: 'text', text: source.slice(start, end), ...placeOf(start) });
}

/** Goes past what a closing takes behind itself. */
function skipBehind(scan: Scan, sign: string, trims: boolean): void {
  const { source } = scan;
  if (sign === '-') while (scan.at < source.length && isBlank(source[scan.at] ?? '')) scan.at++;
  else if (sign !== '+' && trims && source[scan.at] === '\n') scan.at++;
}

function skipRemark(scan: Scan, open: number): void {
  const end = scan.source.indexOf('#}', scan.at);
  if (end === -1) failAt(scan.placeOf(open), 'the remark {# is not closed by #}');
  const sign = end > scan.at ? (scan.source[end - 1] ?? '') : '';
  scan.at = end + 2;
  skipBehind(scan, sign, true);
}

const rawTag = /\s*raw\s*(-?)%\}/y;
const endOfRaw = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g;

function isRaw(source: string, at: number): boolean {
  rawTag.lastIndex = at;
  return rawTag.test(source);
}

/** What is between `raw` and `endraw` is text, whatever it looks like. */
function scanRaw(scan: Scan, open: number): void {
  const { source } = scan;
  rawTag.lastIndex = scan.at;
  const [, sign = ''] = rawTag.exec(source) ?? [];
  scan.at = rawTag.lastIndex;
  skipBehind(scan, sign, false);
  endOfRaw.lastIndex = scan.at;
  const found = endOfRaw.exec(source);
  if (found === null) failAt(scan.placeOf(open), '{% raw %} is not closed by {% endraw %}');
  pushText(scan, scan.at, textEnd(source, scan.at, found.index, '{%'));
  scan.at = endOfRaw.lastIndex;
  skipBehind(scan, found[2] ?? '', true);
}

function scanInner(scan: Scan, open: number, kind: 'output' | 'tag'): void {
  const place = scan.placeOf(open);
  const closing = kind === 'output' ? '}}' : '%}';
  scan.tokens.push({ kind: `begin-${kind}`, text: '', ...place });
  const sign = scanCode(scan, closing, () =>
    failAt(place, `${kind === 'output' ? '{{' : '{%'} is not closed by ${closing}`),
  );
  scan.tokens.push({ kind: `end-${kind}`, text: closing, ...scan.placeOf(scan.at - 1) });
  skipBehind(scan, sign, kind === 'tag');
}

/** Offsets are asked for in rising order, so that lines are counted once. */
function placesOf(source: string): (offset: number) => Place {
  let line = 1;
  let start = 0;
  let end = lineEnd(source, 0);
  return (offset) => {
    while (end < offset) {
      line++;
      start = end + 1;
      end = lineEnd(source, start);
    }
    return { line, column: Math.max(1, offset - start + 1) };
  };
}

function lineEnd(source: string, start: number): number {
  const end = source.indexOf('\n', start);
  return end === -1 ? source.length : end;
}
