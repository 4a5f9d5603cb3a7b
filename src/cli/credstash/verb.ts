/** Verbs of `coffer credstash` and `coffer credsmash` are data: one declaration says what a verb takes and does. */
import type { Shell } from '../shell.ts';
import type { Given, OptionRules } from './words.ts';

export interface VerbCall<Session> {
  readonly shell: Shell;
  readonly options: Given;
  readonly operands: readonly string[];
  readonly session: Session;
}

export interface Verb<Session> {
  /** What follows the verb in the usage line. */
  readonly usage: string;
  readonly summary: string;
  readonly options: OptionRules;
  /** Least and most operands. */
  readonly operands: readonly [least: number, most: number];
  run(call: VerbCall<Session>): Promise<void>;
}

export type Verbs<Session> = Readonly<Record<string, Verb<Session>>>;

export const anyNumber = Number.POSITIVE_INFINITY;

export const helpOption = {
  help: { names: ['-h', '--help'], takes: 0, help: 'show this help' },
} as const satisfies OptionRules;

export function operand({ operands }: { readonly operands: readonly string[] }, index = 0): string {
  return operands[index] ?? '';
}
