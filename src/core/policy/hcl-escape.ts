/** Escapes in strings: HCL 1 knows Go's, JSON its own (RFC 8259 §7). */
import type { Syntax } from './hcl-scanner.ts';

const short: Readonly<Record<Syntax, Readonly<Record<string, string>>>> = {
  hcl: {
    a: '\u0007',
    b: '\b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
    v: '\v',
    '\\': '\\',
    '"': '"',
  },
  json: { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', '/': '/' },
};

/** How many hexadecimal digits follow the letter. */
const hexLengths: Readonly<Record<Syntax, Readonly<Record<string, number>>>> = {
  hcl: { x: 2, u: 4, U: 8 },
  json: { u: 4 },
};

export interface Escape {
  readonly text: string;
  /** Offset behind the escape. */
  readonly end: number;
}

/** Reads the escape whose backslash is at `offset`; undefined if there is no such escape. */
export function readEscape(text: string, offset: number, syntax: Syntax): Escape | undefined {
  const letter = text[offset + 1];
  if (letter === undefined) return undefined;
  const plain = Object.hasOwn(short[syntax], letter) ? short[syntax][letter] : undefined;
  if (plain !== undefined) return { text: plain, end: offset + 2 };
  const length = Object.hasOwn(hexLengths[syntax], letter) ? hexLengths[syntax][letter] : undefined;
  if (length !== undefined) return readCode(text, offset + 2, length, 16);
  if (syntax === 'hcl' && letter >= '0' && letter <= '7') return readCode(text, offset + 1, 3, 8);
  return undefined;
}

function readCode(text: string, from: number, length: number, base: 8 | 16): Escape | undefined {
  const digits = text.slice(from, from + length);
  const isCode = (base === 8 ? /^[0-7]+$/ : /^[0-9a-fA-F]+$/).test(digits);
  if (!isCode || digits.length !== length) return undefined;
  const code = Number.parseInt(digits, base);
  return code > 0x10ffff ? undefined : { text: String.fromCodePoint(code), end: from + length };
}
