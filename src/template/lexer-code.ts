/** What stands between `{{` and `}}`, or `{%` and `%}`: names, numbers, strings and operators, as Jinja spells them. */
import type { Scan, Token } from './lexer.ts';
import { failAt } from './problem.ts';

const patterns: readonly (readonly [Token['kind'] | 'blank', RegExp])[] = [
  ['blank', /\s+/y],
  ['number', /0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|\d+(?:_\d+)*(?:\.\d+)?(?:[eE][-+]?\d+)?/y],
  ['name', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['operator', /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,;]/y],
];

const closers: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/**
 * Scans up to the closing, which counts only where every bracket is closed again.
 * @param unclosed called at the end of the template
 * @returns the sign before the closing
 */
export function scanCode(scan: Scan, closing: string, unclosed: () => never): string {
  const { source } = scan;
  const open: string[] = [];
  for (;;) {
    if (scan.at >= source.length) unclosed();
    if (open.length === 0) {
      const sign = closingSign(source, scan.at, closing);
      if (sign !== undefined) {
        scan.at += closing.length + sign.length;
        return sign;
      }
    }
    const token = scanToken(scan);
    if (token?.kind === 'operator') trackBrackets(open, token);
    if (token !== undefined) scan.tokens.push(token);
  }
}

function closingSign(source: string, at: number, closing: string): string | undefined {
  if (source.startsWith(closing, at)) return '';
  const sign = source[at];
  const signed = sign === '-' || (sign === '+' && closing === '%}');
  return signed && source.startsWith(closing, at + 1) ? sign : undefined;
}

function trackBrackets(open: string[], token: Token): void {
  const closer = closers[token.text];
  if (closer !== undefined) open.push(closer);
  else if (/^[)\]}]$/.test(token.text)) {
    const wanted = open.pop();
    if (wanted !== token.text) {
      failAt(
        token,
        wanted === undefined
          ? `"${token.text}" closes nothing`
          : `"${wanted}" should come before "${token.text}"`,
      );
    }
  }
}

/** Undefined for blanks. */
function scanToken(scan: Scan): Token | undefined {
  const { source, at } = scan;
  const first = source[at] ?? '';
  if (first === '"' || first === "'") return scanString(scan, first);
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text === undefined) continue;
    scan.at += text.length;
    return kind === 'blank' ? undefined : { kind, text, ...scan.placeOf(at) };
  }
  failAt(scan.placeOf(at), `"${String.fromCodePoint(source.codePointAt(at) ?? 0)}" means nothing here`);
}

const escapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const hexDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** As Python reads a string: what is no escape keeps its backslash. */
function scanString(scan: Scan, quote: string): Token {
  const { source } = scan;
  const place = scan.placeOf(scan.at);
  let text = '';
  for (scan.at++; scan.at < source.length; ) {
    const character = source[scan.at] ?? '';
    scan.at++;
    if (character === quote) return { kind: 'string', text, ...place };
    text += character === '\\' ? scanEscape(scan) : character;
  }
  return failAt(place, `the string is not closed by ${quote}`);
}

function scanEscape(scan: Scan): string {
  const { source } = scan;
  const letter = source[scan.at] ?? '';
  scan.at++;
  const plain = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
  if (plain !== undefined) return plain;
  const digits = Object.hasOwn(hexDigits, letter) ? (hexDigits[letter] ?? 0) : 0;
  const hex = source.slice(scan.at, scan.at + digits);
  const code = Number.parseInt(hex, 16);
  if (digits === 0) return `\\${letter}`;
  if (!/^[\da-fA-F]+$/.test(hex) || hex.length < digits || code > 0x10ffff) {
    failAt(scan.placeOf(scan.at - 2), `\\${letter} needs ${digits} hexadecimal digits of a character`);
  }
  scan.at += digits;
  return String.fromCodePoint(code);
}
