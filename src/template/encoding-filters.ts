/**
 * Filters that make a value fit another language: a shell's word, a line of variables, JSON, base64. The names `sh`, `env`,
 * `jsonify` and `minjson` are credsmash's. Its `sh` left text alone that was made of unsafe characters only, its `env` left `$` and
 * backquotes to be expanded, and its `minjson` kept blanks; ours do not.
 */
import { isUtf8 } from 'node:buffer';
import type { Budget } from './budget.ts';
import { type Filter, type Filters, ofText } from './filter.ts';
import { type JsonStyle, jsonText } from './json-text.ts';
import { Problem } from './problem.ts';
import { textOf } from './text.ts';
import { Bytes, present } from './value.ts';

export const encodingFilters: Filters = {
  sh: ofText((text) => shellWord(text)),
  env: ofText((text) => quotedVariable(text)),
  minjson: ofText((text) => minified(text)),
  jsonify: json({ item: ', ', key: ': ', ascii: true, sorted: false, forHtml: false }),
  tojson: json({ item: ', ', key: ': ', ascii: true, sorted: true, forHtml: true }),
  b64encode: {
    parameters: [],
    apply(value, _args, { budget }) {
      const known = present(value);
      const bytes = known instanceof Bytes ? known.bytes : Buffer.from(textOf(known, budget));
      budget.text(2 * bytes.length);
      return bytes.toString('base64');
    },
  },
  b64decode: ofText((text, budget) => decoded(text, budget)),
};

/** One word for a POSIX shell (XCU 2.2.2), as Python's `shlex.quote` writes it. */
function shellWord(text: string): string {
  if (text.includes('\0')) throw new Problem('a NUL character cannot be in a word of a shell');
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

/**
 * In double quotes, on one line for whoever joins lines at a backslash: a newline is `\n`, a backslash and a newline. Nothing in it is
 * expanded or run by a shell, systemd or docker compose.
 */
function quotedVariable(text: string): string {
  if (text.includes('\0')) throw new Problem('a NUL character cannot be in a variable');
  return `"${text.replace(/[\\"$`]/g, '\\$&').replaceAll('\n', '\\n\\\n')}"`;
}

function json(style: JsonStyle): Filter {
  return {
    parameters: ['indent'],
    apply(value, args, { budget }) {
      const indent = (args.value('indent') ?? null) === null ? undefined : args.integer('indent');
      if (indent !== undefined && (indent < 0 || indent > 16))
        throw new Problem('JSON is indented by 0 to 16');
      return jsonText(value, indent === undefined ? style : { ...style, item: ',', indent }, budget);
    },
  };
}

/** The same text without blanks between its parts: numbers and the order of names stay as they are written. */
function minified(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    // The parser's own message repeats a piece of the text.
    throw new Problem('minjson takes JSON, and this is none');
  }
  return text.replace(/("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\n\r]+/g, '$1');
}

function decoded(text: string, budget: Budget): string | Bytes {
  const compact = text.replace(/\s+/g, '');
  budget.text(compact.length);
  const bytes = Buffer.from(compact, 'base64');
  const same = bytes.toString('base64').replace(/=+$/, '') === compact.replace(/=+$/, '');
  if (!same) throw new Problem('b64decode takes base64, and this is none');
  return isUtf8(bytes) ? bytes.toString('utf8') : new Bytes(bytes);
}
