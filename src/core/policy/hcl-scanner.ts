/**
 * Text to tokens, for the small part of HCL 1 that policies are written in, and for JSON. One pass, no look-back: the work is
 * linear in the text whatever the text is.
 */
import { readEscape } from './hcl-escape.ts';
import { type Heredoc, readHeredoc } from './hcl-heredoc.ts';
import { type Position, quote, syntaxError } from './position.ts';

export type Syntax = 'hcl' | 'json';

export type Token =
  /** A bare word: a key, or `true` and its like. */
  | { readonly kind: 'word'; readonly text: string; readonly at: Position }
  | { readonly kind: 'string'; readonly text: string; readonly at: Position }
  /** A string too, but one that cannot be a key. */
  | { readonly kind: 'heredoc'; readonly text: string; readonly at: Position }
  | { readonly kind: 'number'; readonly value: number; readonly at: Position }
  | { readonly kind: 'mark'; readonly text: '{' | '}' | '[' | ']' | ',' | '=' | ':'; readonly at: Position }
  | { readonly kind: 'end'; readonly at: Position };

const marks = { hcl: '{}[],=', json: '{}[],:' } as const;

export class Scanner {
  readonly #text: string;
  readonly #syntax: Syntax;
  #offset = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string, syntax: Syntax) {
    this.#text = text;
    this.#syntax = syntax;
  }

  /** The next token; after the last one always `end`. Throws `invalid_request` with line and column. */
  next(): Token {
    this.#skipBlanksAndComments();
    const at = this.#position(this.#offset);
    const character = this.#text[this.#offset];
    if (character === undefined) return { kind: 'end', at };
    if (marks[this.#syntax].includes(character)) {
      this.#offset++;
      return { kind: 'mark', text: character as '{', at };
    }
    if (character === '"') return { kind: 'string', text: this.#string(at), at };
    if (character === '-' || isDigit(character)) return { kind: 'number', value: this.#number(at), at };
    if (this.#syntax === 'hcl' && this.#text.startsWith('<<', this.#offset)) {
      return { kind: 'heredoc', text: this.#heredoc(at), at };
    }
    const word = this.#word();
    if (word === '')
      throw syntaxError(at, `unexpected character ${quote(characterAt(this.#text, this.#offset))}`);
    return { kind: 'word', text: word, at };
  }

  #position(offset: number): Position {
    return { line: this.#line, column: offset - this.#lineStart + 1 };
  }

  /** Takes note of a line break that was just passed. */
  #startLine(): void {
    this.#line++;
    this.#lineStart = this.#offset;
  }

  #skipBlanksAndComments(): void {
    for (;;) {
      const character = this.#text[this.#offset];
      if (character === ' ' || character === '\t' || character === '\r') this.#offset++;
      else if (character === '\n') {
        this.#offset++;
        this.#startLine();
      } else if (!this.#skipComment()) return;
    }
  }

  #skipComment(): boolean {
    if (this.#syntax === 'json') return false;
    if (this.#text.startsWith('/*', this.#offset)) {
      this.#skipBlockComment();
      return true;
    }
    if (this.#text[this.#offset] !== '#' && !this.#text.startsWith('//', this.#offset)) return false;
    const end = this.#text.indexOf('\n', this.#offset);
    this.#offset = end === -1 ? this.#text.length : end;
    return true;
  }

  #skipBlockComment(): void {
    const at = this.#position(this.#offset);
    const end = this.#text.indexOf('*/', this.#offset + 2);
    if (end === -1) throw syntaxError(at, 'this comment is never closed; it needs "*/"');
    let newline = this.#text.indexOf('\n', this.#offset);
    while (newline !== -1 && newline < end) {
      this.#offset = newline + 1;
      this.#startLine();
      newline = this.#text.indexOf('\n', this.#offset);
    }
    this.#offset = end + 2;
  }

  #string(at: Position): string {
    let text = '';
    let from = ++this.#offset;
    for (;;) {
      const character = this.#text[this.#offset];
      if (character === undefined || character === '\n') {
        throw syntaxError(at, 'this string is never closed; it needs a double quote on the same line');
      }
      if (character === '"') {
        text += this.#text.slice(from, this.#offset++);
        break;
      }
      if (character === '\\') {
        text += this.#text.slice(from, this.#offset);
        const decoded = readEscape(this.#text, this.#offset, this.#syntax);
        if (decoded === undefined) {
          throw syntaxError(this.#position(this.#offset), 'unknown escape; a backslash is written "\\\\"');
        }
        text += decoded.text;
        this.#offset = from = decoded.end;
      } else if (this.#syntax === 'json' && character < ' ') {
        throw syntaxError(
          this.#position(this.#offset),
          'a control character in a JSON string must be escaped',
        );
      } else this.#offset++;
    }
    if (!text.isWellFormed()) throw syntaxError(at, 'this string escapes half of a surrogate pair');
    return text;
  }

  #heredoc(at: Position): string {
    const heredoc: Heredoc | string = readHeredoc(this.#text, this.#offset);
    if (typeof heredoc === 'string') throw syntaxError(at, heredoc);
    for (const lineStart of heredoc.lineStarts) {
      this.#offset = lineStart;
      this.#startLine();
    }
    this.#offset = heredoc.end;
    return heredoc.text;
  }

  #number(at: Position): number {
    const from = this.#offset;
    while (isNumberPart(this.#text[this.#offset])) this.#offset++;
    const written = this.#text.slice(from, this.#offset);
    const isHex = this.#syntax === 'hcl' && /^0[xX][0-9a-fA-F]+$/.test(written);
    if (!isHex && !/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(written)) {
      throw syntaxError(at, 'this is not a number; text is written in double quotes');
    }
    const value = Number(written);
    // Beyond this a comparison with what a client sends would hold for numbers that differ.
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      throw syntaxError(at, 'this number is too large to be compared exactly');
    }
    return value;
  }

  #word(): string {
    const from = this.#offset;
    while (isWordPart(characterAt(this.#text, this.#offset), this.#offset === from)) {
      this.#offset += characterAt(this.#text, this.#offset).length;
    }
    return this.#text.slice(from, this.#offset);
  }
}

function characterAt(text: string, offset: number): string {
  const code = text.codePointAt(offset);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

function isNumberPart(character: string | undefined): boolean {
  return character !== undefined && /^[0-9A-Za-z_.+-]$/.test(character);
}

/** HCL 1's identifiers: a letter or `_`, then also digits, `-` and `.`. */
function isWordPart(character: string, first: boolean): boolean {
  return (first ? /^[\p{L}_]$/u : /^[\p{L}\p{Nd}_.-]$/u).test(character);
}
