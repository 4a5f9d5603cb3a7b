/** One call of an old program: its own options, the verb and its words, and how it ended. */
import { asCofferError, CofferError } from '../../errors.ts';
import { suggest } from '../../suggest.ts';
import { type Shell, variable } from '../shell.ts';
import { escapeLine } from '../terminal-text.ts';
import { misuse, OldFailure } from './failure.ts';
import { programHelp, verbHelp } from './help.ts';
import type { Verb, Verbs } from './verb.ts';
import { Given, type Manner, type OptionRules, readWords } from './words.ts';

export interface Program<Session> {
  readonly name: string;
  readonly kind: Manner['kind'];
  /** Options before the verb. */
  readonly globals: OptionRules;
  /** Those of them that are taken behind it too. */
  readonly late: OptionRules;
  readonly verbs: Verbs<Session>;
  open(globals: Given): Session;
  /** The line on standard error for a mistake in the words. */
  misused(message: string): string;
  /** The same for all else that goes wrong. */
  failed(error: CofferError): string;
}

/** @returns the exit code of the old programs. Never rejects. */
export async function runProgram<Session>(
  words: readonly string[],
  shell: Shell,
  program: Program<Session>,
): Promise<number> {
  try {
    await dispatch(words, shell, program);
    return 0;
  } catch (thrown) {
    const error = asCofferError(thrown);
    const misused = error instanceof OldFailure ? error.exit === 2 : error.code === 'usage';
    // A name in it may be anybody's who may write the table: it makes no second line, and steers no terminal.
    const message = escapeLine(error.message);
    const line = misused
      ? program.misused(message)
      : program.failed(
          error instanceof OldFailure
            ? new OldFailure(error.exit, message, error.code)
            : new CofferError(error.code, message, { cause: error }),
        );
    shell.stderr.write(`${line}\n`);
    if (error.code === 'internal' && variable(shell.env, 'COFFER_DEBUG') !== undefined)
      shell.stderr.write(`${error.cause instanceof Error ? error.cause.stack : error.stack}\n`);
    return misused ? 2 : 1;
  }
}

async function dispatch<Session>(
  words: readonly string[],
  shell: Shell,
  program: Program<Session>,
): Promise<void> {
  const { name, kind, globals, verbs } = program;
  const { given, operands } = readWords(globals, words, { kind, untilOperand: true });
  const [verb, ...rest] = operands;
  if (given.has('help') || verb === undefined) return shell.ui.text(programHelp(name, globals, verbs));
  const found = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (found === undefined) throw unknownVerb(verb, verbs);
  const read = readWords({ ...found.options, ...program.late }, rest, { kind });
  const options = new Given(read.given);
  if (options.has('help')) return shell.ui.text(verbHelp(name, verb, found));
  checkCount(found, read.operands);
  const session = program.open(new Given(joined(given, read.given, program.late)));
  await found.run({ shell, options, operands: read.operands, session });
}

type Words = ReadonlyMap<string, readonly (readonly string[])[]>;

/** What stands behind the verb counts before what stands in front of it. */
function joined(early: Words, late: Words, rules: OptionRules): Words {
  const all = new Map(early);
  for (const key of Object.keys(rules)) {
    const more = late.get(key);
    if (more !== undefined) all.set(key, [...(early.get(key) ?? []), ...more]);
  }
  return all;
}

function checkCount<Session>(
  { operands: [least, most], usage }: Verb<Session>,
  words: readonly string[],
): void {
  if (words.length < least) throw misuse(`the following arguments are required: ${usage}`);
  if (words.length > most)
    throw misuse(`unrecognized arguments (${words.length - most} too many); wanted: ${usage || 'none'}`);
}

function unknownVerb<Session>(verb: string, verbs: Verbs<Session>): OldFailure {
  const near = suggest(verb, Object.keys(verbs));
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  return misuse(`no such command${hint}; choose from ${Object.keys(verbs).join(', ')}`);
}
