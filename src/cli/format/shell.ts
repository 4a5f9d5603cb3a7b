/**
 * Assignments for a POSIX shell (IEEE Std 1003.1, Shell Command Language §2.2): `export NAME='…'`. In single quotes nothing has a
 * meaning but the quote that ends them. Reading takes assignments with any of the quotes, and runs nothing: an expansion or a
 * command is refused.
 */
import {
  Assignments,
  cannotCarry,
  type FlatFormat,
  flatText,
  isVariableName,
  lineAt,
  lineError,
} from './format.ts';

export const format: FlatFormat = {
  kind: 'flat',
  exact: false,
  encode: (fields) =>
    fields
      .map(({ name, value }) => {
        if (!isVariableName(name)) throw cannotCarry('shell', name, 'it is not the name of a variable');
        const text = flatText(value);
        if (text.includes('\0')) throw cannotCarry('shell', name, 'it has a NUL character');
        if (!text.isWellFormed()) throw cannotCarry('shell', name, 'it is not valid Unicode text');
        return `export ${name}=${quoted(text)}\n`;
      })
      .join(''),
  decode(text) {
    const assignments = new Assignments();
    for (let at = 0; at < text.length; ) at = readCommand(text, at, assignments);
    return assignments.fields;
  },
};

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const skipped = /[ \t]*(?:#[^\n]*)?(?:\r?\n|;|$)/y;
const start = /[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=/y;

/** @returns where the next assignment or line begins */
function readCommand(text: string, at: number, assignments: Assignments): number {
  skipped.lastIndex = at;
  if (skipped.test(text)) return skipped.lastIndex;
  start.lastIndex = at;
  const [, name] = start.exec(text) ?? [];
  const line = () => lineAt(text, at);
  if (name === undefined) throw lineError(line(), 'not an assignment, NAME=VALUE');
  const word = readWord(text, start.lastIndex);
  if (word.value.includes('\0')) throw lineError(line(), 'the value has a NUL character');
  assignments.add(name, word.value, line);
  return word.end;
}

const wordEnd = /[ \t\n;]|\r\n/y;

/** One word: pieces in quotes and without, up to a blank, the end of a line (of either kind) or `;`. */
function readWord(text: string, begin: number): { readonly value: string; readonly end: number } {
  const pieces: string[] = [];
  let at = begin;
  for (wordEnd.lastIndex = at; at < text.length && !wordEnd.test(text); wordEnd.lastIndex = at) {
    const piece = readPiece(text, at);
    pieces.push(piece.value);
    at = piece.end;
  }
  return { value: pieces.join(''), end: at };
}

const single = /'([^']*)'/y;
const double = /"([^"\\$`]*(?:\\[\s\S][^"\\$`]*)*)"/y;
const escaped = /\\([\s\S])/y;
const plain = /[^\s'"\\$`;&|<>()]+/y;

function readPiece(text: string, at: number): { readonly value: string; readonly end: number } {
  for (const [pattern, meaning] of [
    [single, (inner: string) => inner],
    [double, unescapeDouble],
    [escaped, (inner: string) => (inner === '\n' ? '' : inner)],
  ] as const) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) return { value: meaning(found[1] ?? ''), end: pattern.lastIndex };
  }
  plain.lastIndex = at;
  const found = plain.exec(text);
  if (found !== null) return { value: found[0], end: plain.lastIndex };
  throw lineError(lineAt(text, at), problemAt(text, at));
}

/** §2.2.3: a backslash in double quotes keeps `$`, a backquote, `"`, itself and a newline; before all else it is one. */
function unescapeDouble(inner: string): string {
  return inner.replace(/\\([$`"\\\n])/g, (_, character: string) => (character === '\n' ? '' : character));
}

function problemAt(text: string, at: number): string {
  const character = text[at] ?? '';
  if (character === "'") return 'a quote is not closed';
  if (character === '"') return 'a quote is not closed, or holds an expansion, which is not carried out';
  if (character === '$' || character === '`')
    return 'an expansion is not carried out; write the value itself';
  return 'a character stands there that must be in quotes';
}
