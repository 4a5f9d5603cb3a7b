/** Going through tokens, and how deep the parser is. */
import type { Token } from './lexer.ts';
import { failAt } from './problem.ts';

/** Expressions and tags inside each other. */
const deepest = 100;

export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  /** @param tokens with one of kind `end` at their end */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The token that comes next, or one further on. */
  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)];
    if (token === undefined) throw new RangeError('no tokens');
    return token;
  }

  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  /** Whether an operator or a name comes next, as written. */
  sees(...texts: readonly string[]): boolean {
    const { kind, text } = this.peek();
    return (kind === 'operator' || kind === 'name') && texts.includes(text);
  }

  /** Takes an operator or a name if it comes next. */
  takes(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#at++;
    return true;
  }

  expect(text: string): Token {
    if (!this.sees(text)) this.fail(`"${text}" is missing before`);
    return this.next();
  }

  expectKind(kind: Token['kind'], what: string): Token {
    if (this.peek().kind !== kind) this.fail(`${what} is missing before`);
    return this.next();
  }

  /** Throws; the message ends with what comes next. */
  fail(message: string): never {
    return failAt(this.peek(), `${message} ${shown(this.peek())}`);
  }

  /** Runs a part of the parser one level deeper. Throws where it is too deep. */
  deeper<T>(parse: () => T): T {
    if (this.#depth >= deepest) failAt(this.peek(), `nothing is nested more than ${deepest} times`);
    this.#depth++;
    try {
      return parse();
    } finally {
      this.#depth--;
    }
  }
}

/** A token as a message names it. Strings are the template's own, but may be long. */
function shown({ kind, text }: Token): string {
  if (kind === 'end') return 'the end of the template';
  if (kind === 'text') return 'the text here';
  if (kind === 'string') return 'a string';
  if (kind === 'begin-tag') return 'a tag';
  if (kind === 'begin-output') return '"{{"';
  return `"${text.slice(0, 40)}"`;
}
