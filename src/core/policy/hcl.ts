/**
 * Reads policy text, HCL 1 or JSON, into one form. Only the part of HCL 1 that policies use: blocks with labels, assignments,
 * strings, heredocs, numbers, booleans, lists, objects and comments; no interpolation. Members keep their order and their
 * duplicates, since a rule that is written twice must not vanish.
 */
import { CofferError } from '../../errors.ts';
import { Scanner, type Syntax, type Token } from './hcl-scanner.ts';
import { type Position, quote, syntaxError } from './position.ts';

export type HclValue =
  | { readonly kind: 'text'; readonly text: string; readonly at: Position }
  | { readonly kind: 'number'; readonly value: number; readonly at: Position }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly at: Position }
  | { readonly kind: 'null'; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly HclValue[]; readonly at: Position }
  | HclObject;

export interface HclObject {
  readonly kind: 'object';
  readonly members: readonly HclMember[];
  readonly at: Position;
}

/** `a "b" { … }` is a member `a` whose value is an object with the one member `b`. */
export interface HclMember {
  readonly key: string;
  readonly at: Position;
  readonly value: HclValue;
}

export const hclLimits = {
  /** Bytes of UTF-8. */
  textBytes: 256 * 1024,
  /** Objects, lists and labels inside each other. */
  nesting: 32,
} as const;

/**
 * The text's outermost object. Text whose first character is `{` is JSON, as for HCL 1. Throws `invalid_request` with line and
 * column for the first thing that cannot be read.
 */
export function parseHcl(text: string): HclObject {
  checkText(text);
  // A byte order mark is what some editors leave at the start; anywhere else it is an unexpected character.
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  return body.trimStart().startsWith('{')
    ? new Parser(body, 'json').document()
    : new Parser(body, 'hcl').document();
}

function checkText(text: string): void {
  // The first test keeps the second from walking through what is far too long.
  if (text.length > hclLimits.textBytes || Buffer.byteLength(text) > hclLimits.textBytes) {
    throw new CofferError('invalid_request', `the text is longer than ${hclLimits.textBytes} bytes`);
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) throw syntaxError(positionOf(text, nul), 'the text holds a NUL character');
  if (!text.isWellFormed()) {
    throw new CofferError('invalid_request', 'the text is not Unicode: it holds half of a surrogate pair');
  }
}

function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

class Parser {
  readonly #scanner: Scanner;
  readonly #syntax: Syntax;
  #token: Token;
  #depth = 0;

  constructor(text: string, syntax: Syntax) {
    this.#scanner = new Scanner(text, syntax);
    this.#syntax = syntax;
    this.#token = this.#scanner.next();
  }

  document(): HclObject {
    const at = this.#token.at;
    const root =
      this.#syntax === 'json'
        ? this.#object()
        : { kind: 'object' as const, members: this.#members(false), at };
    if (this.#token.kind !== 'end') throw this.#unexpected('the end of the text');
    return root;
  }

  #advance(): Token {
    const token = this.#token;
    this.#token = this.#scanner.next();
    return token;
  }

  #sees(mark: string): boolean {
    return this.#token.kind === 'mark' && this.#token.text === mark;
  }

  #accept(mark: string): boolean {
    if (!this.#sees(mark)) return false;
    this.#advance();
    return true;
  }

  #expect(mark: string, whenNot: string): void {
    if (!this.#accept(mark)) throw this.#unexpected(whenNot);
  }

  #unexpected(expected: string): CofferError {
    const token = this.#token;
    const found =
      token.kind === 'end'
        ? 'the text ends'
        : token.kind === 'mark'
          ? `there is ${quote(token.text)}`
          : 'there is a value';
    const shown = token.kind === 'word' ? `there is ${quote(token.text)}` : found;
    return syntaxError(token.at, `expected ${expected}, but ${shown}`);
  }

  #descend<T>(levels: number, read: () => T): T {
    this.#depth += levels;
    if (this.#depth > hclLimits.nesting) {
      throw syntaxError(this.#token.at, `nested deeper than ${hclLimits.nesting} levels`);
    }
    const result = read();
    this.#depth -= levels;
    return result;
  }

  #object(): HclObject {
    const at = this.#token.at;
    this.#expect('{', '"{"');
    const members = this.#descend(1, () =>
      this.#syntax === 'json' ? this.#jsonMembers() : this.#members(true),
    );
    this.#expect('}', this.#syntax === 'json' ? '"," or "}"' : 'a key or "}"');
    return { kind: 'object', members, at };
  }

  #jsonMembers(): readonly HclMember[] {
    const members: HclMember[] = [];
    if (this.#sees('}')) return members;
    do {
      const key = this.#token;
      if (key.kind !== 'string') throw this.#unexpected('a key in double quotes');
      this.#advance();
      this.#expect(':', '":"');
      members.push({ key: key.text, at: key.at, value: this.#value() });
    } while (this.#accept(','));
    return members;
  }

  #members(insideBraces: boolean): readonly HclMember[] {
    const members: HclMember[] = [];
    while (this.#token.kind === 'word' || this.#token.kind === 'string') {
      members.push(this.#member());
      // Between braces HCL 1 lets a comma stand where a line break would do.
      if (insideBraces) this.#accept(',');
    }
    return members;
  }

  #member(): HclMember {
    const keys: { readonly text: string; readonly at: Position }[] = [];
    while (this.#token.kind === 'word' || this.#token.kind === 'string') {
      keys.push(this.#token);
      this.#advance();
      if (keys.length > hclLimits.nesting) throw this.#unexpected('"{" after so many labels');
    }
    const last = keys.at(-1);
    if (last === undefined) throw this.#unexpected('a key');
    const value = this.#descend(keys.length - 1, () => this.#assigned());
    return keys.slice(0, -1).reduceRight<HclMember>(
      (inner, { text, at }) => ({
        key: text,
        at,
        value: { kind: 'object', members: [inner], at: inner.at },
      }),
      { key: last.text, at: last.at, value },
    );
  }

  #assigned(): HclValue {
    if (this.#accept('=')) return this.#value();
    if (this.#sees('{')) return this.#object();
    throw this.#unexpected('"=" or "{"');
  }

  #value(): HclValue {
    const token = this.#token;
    if (this.#sees('{')) return this.#object();
    if (this.#sees('[')) return this.#list();
    if (token.kind === 'string' || token.kind === 'heredoc') {
      this.#advance();
      return { kind: 'text', text: token.text, at: token.at };
    }
    if (token.kind === 'number') {
      this.#advance();
      return { kind: 'number', value: token.value, at: token.at };
    }
    if (token.kind === 'word' && (token.text === 'true' || token.text === 'false')) {
      this.#advance();
      return { kind: 'boolean', value: token.text === 'true', at: token.at };
    }
    if (token.kind === 'word' && token.text === 'null' && this.#syntax === 'json') {
      this.#advance();
      return { kind: 'null', at: token.at };
    }
    throw this.#unexpected('a value (text is written in double quotes)');
  }

  #list(): HclValue {
    const at = this.#advance().at;
    const items = this.#descend(1, () => this.#items());
    this.#expect(']', '"," or "]"');
    return { kind: 'list', items, at };
  }

  #items(): readonly HclValue[] {
    const items: HclValue[] = [];
    const trailingComma = this.#syntax === 'hcl';
    if (this.#sees(']')) return items;
    do {
      if (trailingComma && items.length > 0 && this.#sees(']')) return items;
      items.push(this.#value());
    } while (this.#accept(','));
    return items;
  }
}
