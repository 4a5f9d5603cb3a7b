/**
 * Prints every word that a command says. House rules: data on standard output, talk on standard error; with `--format json` the
 * data is one JSON document and an error is `{"error":{"code","message"}}`; text from elsewhere is escaped on a terminal.
 */
import { asCofferError, type CofferError, type ErrorCode } from '../errors.ts';
import type { JsonValue } from '../json.ts';
import { type OutputStream, variable, type World } from './shell.ts';
import { layRecord, layTable } from './table-layout.ts';
import { escapeJson, escapeLine, escapeLines } from './terminal-text.ts';
import { wrapText } from './text-wrap.ts';
import { jsonFrame, jsonItem, lineFrame, streamItems, writePieces } from './ui-stream.ts';

export type Format = 'text' | 'json';

/** SGR parameters by their use. */
export const styles = {
  strong: '1',
  faint: '2',
  added: '32',
  removed: '31',
  changed: '33',
  folder: '34',
} as const;
export type Style = keyof typeof styles;

export interface Ui {
  readonly format: Format;
  /** Standard output is a terminal. */
  readonly terminal: boolean;
  /** One JSON document, whatever the format. */
  json(document: JsonValue): void;
  /** One item a line; with `--format json` an array of them. */
  lines(items: readonly string[]): void;
  /**
   * As `lines`, but written as the items come and no faster than somebody reads them. `shown` is an item's line, the item itself
   * unless told; styles of `paint` in it stay. Answers how many there were.
   */
  stream(items: AsyncIterable<string>, shown?: (item: string) => string): Promise<number>;
  /** Lines on standard output, each in a style where colour is wanted. They must be escaped already. */
  painted(lines: readonly (readonly [Style, string])[]): void;
  /** Colour on standard output, where that is wanted. For text of our own: nothing is escaped here. */
  paint(text: string, style: Style): string;
  /** A table on a terminal; tab-separated rows without heading elsewhere; `document` with `--format json`. */
  table(heading: readonly string[], lines: readonly (readonly string[])[], document: JsonValue): void;
  /** Names and values: aligned on a terminal, tab-separated elsewhere; `document` with `--format json`. */
  record(entries: readonly (readonly [string, string])[], document: JsonValue): void;
  /** Text as it is. A terminal gets it escaped and ended with a newline; anything else gets exactly these characters. */
  text(text: string): void;
  /** As `text`, of pieces that each end where a character ends, no faster than somebody reads them. */
  pieces(pieces: Iterable<string> | AsyncIterable<string>): Promise<void>;
  /** Bytes as they are. */
  bytes(bytes: Uint8Array): void;
  /** Talk: plain lines on standard error, left out with `--format json`. */
  talk(text: string): void;
  /** What was done: talk, or `document` with `--format json`. */
  done(text: string, document: JsonValue): void;
  /** What the user should know although the command goes on. */
  warn(text: string): void;
  /** Tells an error, and says which it was. */
  fail(thrown: unknown): ErrorCode;
}

export function openUi(world: Pick<World, 'stdout' | 'stderr' | 'env'>, format: Format): Ui {
  const { env } = world;
  const out = (text: string) => void world.stdout.write(text);
  const say = (text: string) => void world.stderr.write(text);
  const lines = (text: string, first = 0) => fitLines(text, world.stderr, first);
  const isTerminal = () => world.stdout.isTTY === true;
  const talk = (text: string) => {
    if (format !== 'json') say(`${lines(escapeLines(text).replace(/\n$/, ''))}\n`);
  };
  const json = (document: JsonValue) => out(`${escapeJson(JSON.stringify(document, null, 2))}\n`);
  return {
    format,
    get terminal() {
      return isTerminal();
    },
    json,
    lines: (items) =>
      format === 'json' ? json(items) : out(items.map((item) => `${escapeLine(item)}\n`).join('')),
    stream: (items, shown = escapeLine) =>
      format === 'json'
        ? streamItems(world.stdout, items, jsonItem, jsonFrame)
        : streamItems(world.stdout, items, shown, lineFrame),
    painted: (lines) =>
      out(ended(lines.map(([style, line]) => paint(line, styles[style], world.stdout, env)))),
    paint: (text, style) => paint(text, styles[style], world.stdout, env),
    table(heading, lines, document) {
      if (format === 'json') return json(document);
      out(tableText(heading, lines, world.stdout, env));
    },
    record(entries, document) {
      if (format === 'json') return json(document);
      const lines = entries.map(([name, value]) => [escapeLine(name), escapeLine(value)]);
      out(ended(isTerminal() ? layRecord(lines) : lines.map((cells) => cells.join('\t'))));
    },
    text: (text) => out(isTerminal() ? onTerminal(text) : text),
    async pieces(pieces) {
      const isEnded = await writePieces(world.stdout, pieces, isTerminal() ? escapeLines : (text) => text);
      if (isTerminal() && !isEnded) out('\n');
    },
    bytes: (bytes) => void world.stdout.write(bytes),
    talk,
    done: (text, document) => (format === 'json' ? json(document) : talk(text)),
    warn: (text) =>
      say(
        format === 'json'
          ? `${JSON.stringify({ warning: { message: text } })}\n`
          : `${paint('warning:', '33', world.stderr, env)} ${lines(escapeLine(text), 'warning: '.length)}\n`,
      ),
    fail(thrown) {
      const error = asCofferError(thrown);
      say(
        format === 'json'
          ? errorJson(error)
          : `${paint('error:', '31', world.stderr, env)} ${lines(escapeLine(error.message), 'error: '.length)}\n`,
      );
      // Only our own faults have a story to tell, and only to who asks: a stack may quote what the user typed.
      if (error.code === 'internal' && variable(env, 'COFFER_DEBUG') !== undefined)
        say(`${stackOf(error)}\n`);
      return error.code;
    },
  };
}

function stackOf(error: CofferError): string {
  return error.cause instanceof Error
    ? (error.cause.stack ?? error.cause.message)
    : (error.stack ?? error.message);
}

function errorJson(error: CofferError): string {
  return `${escapeJson(JSON.stringify({ error: { code: error.code, message: error.message } }))}\n`;
}

function tableText(
  heading: readonly string[],
  lines: readonly (readonly string[])[],
  stdout: OutputStream,
  env: World['env'],
): string {
  const escaped = lines.map((cells) => cells.map(escapeLine));
  if (stdout.isTTY !== true) return ended(escaped.map((cells) => cells.join('\t')));
  const [first = '', ...rest] = layTable([heading, ...escaped], stdout.columns ?? 80);
  return ended([paint(first, '1', stdout, env), ...rest]);
}

/** Broken between words where the terminal would break a line anywhere. What is indented is laid out already. */
function fitLines(text: string, { isTTY, columns = 80 }: OutputStream, first: number): string {
  if (isTTY !== true) return text;
  return text
    .split('\n')
    .flatMap((line, index) =>
      line.startsWith(' ') ? [line] : wrapText(line, columns, index === 0 ? first : 0),
    )
    .join('\n');
}

function ended(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function onTerminal(text: string): string {
  const shown = escapeLines(text);
  return shown.endsWith('\n') ? shown : `${shown}\n`;
}

/** SGR colour, on a terminal that wants it: https://no-color.org, and `TERM=dumb`. */
function paint(text: string, style: string, stream: OutputStream, env: World['env']): string {
  const wanted = stream.isTTY === true && variable(env, 'NO_COLOR') === undefined && env['TERM'] !== 'dumb';
  return wanted ? `\u001b[${style}m${text}\u001b[0m` : text;
}
