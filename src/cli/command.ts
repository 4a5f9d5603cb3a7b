/**
 * Commands are data. One declaration says what a command takes and does; parsing, `--help`, the overview and the
 * suggestions all follow from it.
 */
import type { Shell } from './shell.ts';

/** What an option's value is once parsed. */
export interface OptionTypes {
  text: string | undefined;
  flag: boolean;
  /** A whole number, not negative. */
  integer: number | undefined;
  /** May be given several times. */
  list: readonly string[];
}

export interface OptionSpec {
  readonly type: keyof OptionTypes;
  readonly help: string;
  /** What stands for the value in the help, such as `FILE`. */
  readonly value?: string;
  /** One letter. */
  readonly short?: string;
  /** The only values that are accepted. */
  readonly choices?: readonly string[];
}

/** By name. A flag `init-by-api` may also be written `--init=api` where there is a flag `init`. */
export type Options = Readonly<Record<string, OptionSpec>>;
export type OptionValues<O extends Options> = { readonly [N in keyof O]: OptionTypes[O[N]['type']] };

/**
 * How often an operand is given: exactly once, at most once, at least once, any number of times. `behind` is at least one word
 * behind `--`, where options are no longer ours.
 */
export interface OperandTypes {
  one: string;
  optional: string | undefined;
  some: readonly string[];
  many: readonly string[];
  behind: readonly string[];
}

/** In the order in which they are given; `some` and `many` come last, and only `behind` after them. */
export type Operands = Readonly<Record<string, keyof OperandTypes>>;
export type OperandValues<P extends Operands> = { readonly [N in keyof P]: OperandTypes[P[N]] };

/** Every command takes these. */
export const commonOptions = {
  format: { type: 'text', value: 'FORMAT', choices: ['text', 'json'], help: 'text (the default) or json' },
  help: { type: 'flag', short: 'h', help: 'show this help' },
} as const satisfies Options;

export interface Input<O extends Options, P extends Operands> {
  readonly options: OptionValues<O & typeof commonOptions>;
  readonly operands: OperandValues<P>;
}

export interface CommandSpec<O extends Options, P extends Operands> {
  /** One line for the overview, without full stop. */
  readonly summary: string;
  readonly operands: P;
  readonly options: O;
  /** Paragraphs of the help, below the usage line. */
  readonly details?: readonly string[];
  readonly examples?: readonly string[];
  /** Resolves when the command is done; what it throws decides the exit code (`exitCodeOf`). */
  run(input: Input<O, P>, shell: Shell): Promise<void>;
  /** In place of `run`, for another program's words: all that follows the name, as it was typed. */
  raw?(words: readonly string[], shell: Shell): Promise<void>;
}

/** A command whose own types are known only to itself. */
export type Command = CommandSpec<Options, Operands>;

/** A noun with verbs below it: `coffer policy write`. */
export interface CommandGroup {
  readonly summary: string;
  readonly commands: Readonly<Record<string, Command>>;
  /** Summaries of verbs that the program brings along (`World.programs`, as `operator backup`): they need the server's side. */
  readonly brought?: Readonly<Record<string, string>>;
}

/** Declares a command; its `run` sees options and operands typed by its own declaration. */
export function defineCommand<const O extends Options, const P extends Operands>(
  spec: CommandSpec<O, P>,
): Command {
  return spec as unknown as Command;
}

export function isGroup(command: Command | CommandGroup): command is CommandGroup {
  return 'commands' in command;
}
