/**
 * Prints for `coffer vault`: data on standard output, talk and errors on standard error, in the old program's layouts. What comes
 * from elsewhere is escaped on a terminal, where it could steer it; anywhere else it is as it is.
 */
import type { JsonValue } from '../../json.ts';
import type { Shell } from '../shell.ts';
import { escapeJson, escapeLines } from '../terminal-text.ts';
import { aligned, underlined } from './columns.ts';
import { goValue, sorted } from './go-text.ts';

export const outputFormats = ['table', 'json', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export class Output {
  readonly format: OutputFormat;
  readonly #shell: Pick<Shell, 'stdout' | 'stderr'>;

  constructor(shell: Pick<Shell, 'stdout' | 'stderr'>, format: OutputFormat) {
    this.#shell = shell;
    this.format = format;
  }

  /** One or more lines of data. */
  line(text: string): void {
    const { stdout } = this.#shell;
    stdout.write(`${stdout.isTTY === true ? escapeLines(text) : text}\n`);
  }

  /** A value alone: a line on a terminal, and nothing but the value elsewhere. */
  raw(text: string): void {
    const { stdout } = this.#shell;
    stdout.write(stdout.isTTY === true ? `${escapeLines(text)}\n` : text);
  }

  /** That something was done; scripts that read a format are not told. */
  success(text: string): void {
    if (this.format === 'table') this.line(text);
  }

  /** Talk. */
  warn(text: string): void {
    this.#shell.stderr.write(`${escapeLines(text)}\n`);
  }

  /** Names and values below `Key` and `Value`. */
  record(rows: readonly (readonly [string, string])[]): void {
    this.rows([['Key', 'Value'], ...rows]);
  }

  /** Rows below an underlined heading. */
  rows(rows: readonly (readonly string[])[]): void {
    this.line(underlined(rows).join('\n'));
  }

  /** Rows as programs of the first years had them: two blanks apart, nothing underlined. */
  plainRows(rows: readonly (readonly string[])[]): void {
    this.line(aligned(rows, 2).join('\n'));
  }

  /** The value in the format that was asked for; as a table by `asTable`. */
  async document(value: JsonValue, asTable: () => void): Promise<void> {
    if (this.format === 'table') return asTable();
    const ordered = sorted(value);
    if (this.format === 'json') return this.#write(`${escapeJson(JSON.stringify(ordered, null, 2))}\n`);
    const { stringify } = await import('yaml');
    this.#write(stringify(ordered, { lineWidth: 0 }));
  }

  /** One field's value: a text as it is, anything else as Go prints it; as JSON or YAML where that was asked for. */
  async field(value: JsonValue): Promise<void> {
    await this.document(value, () => this.raw(goValue(value)));
  }

  #write(text: string): void {
    const { stdout } = this.#shell;
    stdout.write(stdout.isTTY === true ? escapeLines(text) : text);
  }
}
