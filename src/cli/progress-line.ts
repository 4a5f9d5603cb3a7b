/** How far a long command has come: one line that is written over on a terminal, a line now and then elsewhere. */
import type { Clock } from '../clock.ts';
import type { Shell } from './shell.ts';

/** Milliseconds between two lines. */
const onTerminal = 100;
const elsewhere = 10_000;

export class ProgressLine {
  readonly #shell: Pick<Shell, 'stderr' | 'ui'>;
  readonly #clock: Clock;
  #next: number;
  #shown = false;

  constructor(shell: Pick<Shell, 'stderr' | 'ui'>, clock: Clock) {
    this.#shell = shell;
    this.#clock = clock;
    // A command that is done at once need not talk about it.
    this.#next = clock.now() + this.#every;
  }

  /** `line` is asked for only when it is shown. */
  show(line: () => string): void {
    if (this.#shell.ui.format === 'json') return;
    const now = this.#clock.now();
    if (now < this.#next) return;
    this.#next = now + this.#every;
    if (!this.#isTerminal) {
      this.#shell.ui.talk(line());
      return;
    }
    this.#shown = true;
    // ECMA-48: to the first column, and erase to the end of the line.
    this.#shell.stderr.write(`\r\u001b[K${line().slice(0, (this.#shell.stderr.columns ?? 80) - 1)}`);
  }

  /** Takes the line away again, so that what is said next has the terminal to itself. */
  end(): void {
    if (this.#shown) this.#shell.stderr.write('\r\u001b[K');
    this.#shown = false;
  }

  get #isTerminal(): boolean {
    return this.#shell.stderr.isTTY === true;
  }

  get #every(): number {
    return this.#isTerminal ? onTerminal : elsewhere;
  }
}

/** `1,234 records, 5.6 MB`. */
export function amountText(records: number, bytes: number): string {
  const megabytes =
    bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
  return `${records.toLocaleString('en-US')} ${records === 1 ? 'record' : 'records'}, ${megabytes}`;
}
