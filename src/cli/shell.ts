/** The world a command runs in. Everything a command reads or writes comes in here, so that tests can hand in their own. */
import type { Readable, Writable } from 'node:stream';
import type { Places } from '../config/paths.ts';
import type { Load } from './table.ts';
import type { Ui } from './ui.ts';

/** Standard input: possibly a terminal. */
export interface InputStream extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
}

/** Standard output or error: possibly a terminal. */
export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  /** Width in cells, on a terminal. */
  readonly columns?: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface World {
  /** Commands that are not the client's own, by name: those of the server. */
  readonly programs?: Readonly<Record<string, Load>>;
  readonly env: Environment;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Called when somebody presses Ctrl-C at a hidden prompt, where the terminal no longer does it itself. */
  interrupt(): void;
  /** Milliseconds since 1970; the system's clock unless told. */
  readonly now?: () => number;
  /** Resolves after so many milliseconds; a timer unless told. */
  readonly pause?: (milliseconds: number) => Promise<void>;
}

export interface Shell extends World {
  readonly ui: Ui;
  readonly places: Places;
  now(): number;
  pause(milliseconds: number): Promise<void>;
  /** Every command of this program, by name as typed, in the order of the overview; verbs that `programs` bring come last. */
  commands(): ReadonlyMap<string, Load>;
  /** Work to be done once the command has ended, however it did: closing what it opened. */
  atEnd(work: () => Promise<void>): void;
  /** The exit code of a command that has one of its own to give, such as its child's. */
  endWith(code: number): void;
}

/** An environment variable; one that is set but empty counts as not set. */
export function variable(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}
