/** Verbs of `coffer vault` are data too: one declaration says what a verb takes and does. */
import type { Shell } from '../shell.ts';
import type { FlagSpecs, Flags } from './flags.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';

export interface VerbCall {
  readonly shell: Shell;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly output: Output;
  readonly session: Session;
}

export interface Verb {
  /** What follows the verb in the usage line. */
  readonly usage: string;
  readonly summary: string;
  readonly flags?: FlagSpecs;
  /** Least and most arguments. */
  readonly args: readonly [least: number, most: number];
  /** Answers the exit code, where it is not 0. Throws `VaultFailure`. */
  run(call: VerbCall): Promise<number | undefined>;
}

export type Verbs = Readonly<Record<string, Verb>>;

/** What is done with an argument that must be there. */
export function argument(call: Pick<VerbCall, 'args'>, index = 0): string {
  return call.args[index] ?? '';
}

export const anyNumber = Number.POSITIVE_INFINITY;

export const fieldFlag = {
  field: { type: 'text', help: 'print this field alone' },
} as const satisfies FlagSpecs;

/** A path as the old program takes it: `/` at its beginning and end says nothing. */
export function sanitized(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

/** The same as a mount's name is shown. */
export function asMount(path: string): string {
  return `${sanitized(path)}/`;
}
