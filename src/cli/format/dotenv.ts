/**
 * dotenv, in the dialect of the npm package `dotenv`, which Node's own `--env-file` reads alike (but for `\r`): `NAME=value`, `#`
 * begins a remark; '…' and `…` are literal, newlines too; "…" knows `\n` and `\r` and nothing else; a bare value ends at `#`.
 * There is no way to write a quote inside its own quotes, so a value is written in the first form that carries it, and refused
 * when none does. Nothing is expanded: readers that expand `$NAME` (docker compose, python-dotenv) leave '…' alone or have a
 * switch for it.
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
        if (!isVariableName(name)) throw cannotCarry('dotenv', name, 'it is not the name of a variable');
        const written = encodeText(flatText(value));
        if (typeof written !== 'string') throw cannotCarry('dotenv', name, written.problem);
        return `${name}=${written}\n`;
      })
      .join(''),
  decode(source) {
    const text = source.replace(/\r\n?/g, '\n');
    const assignments = new Assignments();
    for (let at = 0; at < text.length; ) at = readLine(text, at, assignments);
    return assignments.fields;
  },
};

function encodeText(text: string): string | { readonly problem: string } {
  if (text.includes('\0')) return { problem: 'it has a NUL character' };
  if (!text.isWellFormed()) return { problem: 'it is not valid Unicode text' };
  if (/^[\w.,:@%+=/-]+$/.test(text)) return text;
  const forms = [inQuotes("'", text), inDoubleQuotes(text), inQuotes('`', text), bare(text)];
  return forms.find((form) => form !== undefined) ?? { problem: 'its quotes and backslashes fit in no form' };
}

/** A backslash at the end would be read as one that keeps the closing quote. */
function inQuotes(quote: string, text: string): string | undefined {
  return text.includes(quote) || /\r|\\$/.test(text) ? undefined : quote + text + quote;
}

function inDoubleQuotes(text: string): string | undefined {
  return /"|\\[nr]|\\$/.test(text) ? undefined : `"${text.replaceAll('\r', '\\r')}"`;
}

function bare(text: string): string | undefined {
  return text === '' || /[\r\n#]|^['"`]/.test(text) || text.trim() !== text ? undefined : text;
}

const blank = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y;
const name = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*/y;
const forms: Readonly<Record<string, RegExp>> = {
  "'": /'([^'\\]*(?:\\'?[^'\\]*)*)'[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y,
  '"': /"([^"\\]*(?:\\"?[^"\\]*)*)"[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y,
  '`': /`([^`\\]*(?:\\`?[^`\\]*)*)`[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y,
};
const bareForm = /([^#\n]*)(?:#[^\n]*)?(?:\n|$)/y;

/** @returns where the next line begins */
function readLine(text: string, start: number, assignments: Assignments): number {
  const skipped = matchAt(blank, text, start);
  if (skipped !== undefined) return skipped.end;
  const named = matchAt(name, text, start);
  const line = () => lineAt(text, start);
  if (named === undefined) {
    throw lineError(line(), 'not NAME=VALUE with a name of letters, digits, "_", "." and "-"');
  }
  const quote = text[named.end] ?? '';
  const form = forms[quote];
  const found = matchAt(form ?? bareForm, text, named.end);
  if (found === undefined)
    throw lineError(line(), `the value's opening ${quote} has no closing one at the end of a line`);
  const value = form === undefined ? found.group.trim() : quote === '"' ? expanded(found.group) : found.group;
  if (value.includes('\0')) throw lineError(line(), 'the value has a NUL character');
  assignments.add(named.group, value, line);
  return found.end;
}

function expanded(text: string): string {
  return text.replaceAll('\\n', '\n').replaceAll('\\r', '\r');
}

function matchAt(pattern: RegExp, text: string, at: number): { group: string; end: number } | undefined {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found === null ? undefined : { group: found[1] ?? '', end: pattern.lastIndex };
}
