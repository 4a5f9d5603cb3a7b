/** Reads `name = literal` lines of HCL: the part of the language that has one meaning without running anything. */
import { emptyObject, type JsonValue } from '../../json.ts';
import { isExact } from '../../json-loss.ts';
import { Assignments, type Field, lineAt, lineError } from './format.ts';

const deepest = 100;

const space = /(?:[ \t\r]|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const spaceAndLines = /(?:\s|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const identifier = /[A-Za-z_][\w-]*/y;
const text = /"([^"\\\n]*(?:\\.[^"\\\n]*)*)"/y;
const number = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const sequence = /\\(?:([nrt"\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|(\$\$|%%)(?=\{)|\\|[$%]\{/g;
const escaped: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };
const words: Readonly<Record<string, JsonValue>> = { true: true, false: false, null: null };

export function readAssignments(source: string): readonly Field[] {
  const reader = new Reader(source);
  const assignments = new Assignments();
  for (reader.skip(spaceAndLines); !reader.ended; reader.skip(spaceAndLines)) {
    const line = reader.here();
    const name = reader.take(identifier)?.[0];
    if (name === undefined) throw reader.fail('not name = value');
    reader.skip(space);
    if (!reader.takeSign('=')) throw reader.fail('"=" is missing behind the name');
    reader.skip(space);
    const value = reader.value(0);
    reader.skip(space);
    if (!reader.ended && !reader.takeSign('\n')) throw reader.fail('more stands behind the value');
    assignments.add(name, value, line);
  }
  return assignments.fields;
}

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get ended(): boolean {
    return this.#at >= this.#source.length;
  }

  /** Tells the line of this place later, if somebody asks: counting takes time in proportion to the text. */
  here(): () => number {
    const at = this.#at;
    return () => lineAt(this.#source, at);
  }

  fail(problem: string) {
    return lineError(this.here()(), problem);
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  skip(pattern: RegExp): void {
    this.take(pattern);
  }

  takeSign(sign: string): boolean {
    if (!this.#source.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  value(depth: number): JsonValue {
    if (depth > deepest) throw this.fail('too deeply nested');
    if (this.takeSign('[')) return this.#list(depth);
    if (this.takeSign('{')) return this.#map(depth);
    if (this.#source.startsWith('<<', this.#at))
      throw this.fail('a heredoc is not taken; write "…" with \\n');
    const quoted = this.#text();
    if (quoted !== undefined) return quoted;
    const line = this.here();
    const digits = this.take(number)?.[0];
    if (digits !== undefined) {
      if (!isExact(digits))
        throw lineError(line(), 'a number is too large to be kept exactly; write it in quotes');
      return Number(digits);
    }
    const word = this.take(identifier)?.[0];
    if (word !== undefined && Object.hasOwn(words, word)) return words[word] ?? null;
    throw lineError(
      line(),
      'the value is no literal: text in quotes, a number, true, false, null, a list or a map',
    );
  }

  #text(): string | undefined {
    const line = this.here();
    const inner = this.take(text)?.[1];
    if (inner === undefined) {
      if (this.#source.startsWith('"', this.#at)) throw this.fail('a quote is not closed');
      return undefined;
    }
    return inner.replace(sequence, (found, short?: string, four?: string, eight?: string, sign?: string) => {
      if (short !== undefined) return escaped[short] ?? '';
      if (sign !== undefined) return sign.slice(1);
      const digits = four ?? eight;
      if (digits === undefined)
        throw lineError(
          line(),
          found === '\\'
            ? 'an escape is not one of HCL'
            : 'a template is not carried out; write "$${" for "${"',
        );
      const point = Number.parseInt(digits, 16);
      if (point > 0x10ffff) throw lineError(line(), 'an escape is beyond Unicode');
      return String.fromCodePoint(point);
    });
  }

  #list(depth: number): JsonValue {
    const entries: JsonValue[] = [];
    for (;;) {
      this.skip(spaceAndLines);
      if (this.takeSign(']')) return entries;
      entries.push(this.value(depth + 1));
      this.skip(spaceAndLines);
      if (this.takeSign(',')) continue;
      if (this.takeSign(']')) return entries;
      throw this.fail('"," or "]" is missing in a list');
    }
  }

  #map(depth: number): JsonValue {
    const map = emptyObject();
    for (;;) {
      this.skip(spaceAndLines);
      if (this.takeSign('}')) return map;
      const name = this.#text() ?? this.take(identifier)?.[0];
      if (name === undefined) throw this.fail('a name is missing in a map');
      if (Object.hasOwn(map, name)) throw this.fail('a name is given twice');
      this.skip(space);
      if (!this.takeSign('=') && !this.takeSign(':')) throw this.fail('"=" is missing behind a name');
      this.skip(space);
      map[name] = this.value(depth + 1);
      this.skip(space);
      if (!this.takeSign(',') && !this.takeSign('\n') && !/[}#/]/.test(this.#source[this.#at] ?? ''))
        throw this.fail('"," or "}" is missing in a map');
    }
  }
}
