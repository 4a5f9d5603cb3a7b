/** `coffer vault`: finds the verb, reads its flags, runs it, and tells how it ended in the old program's words and exit codes. */
import { asCofferError } from '../../errors.ts';
import { suggest } from '../../suggest.ts';
import { type Shell, variable } from '../shell.ts';
import { misuse, VaultFailure } from './failure.ts';
import { type FlagSpecs, parseFlags } from './flags.ts';
import { overview, verbHelp } from './help.ts';
import { Output, type OutputFormat, outputFormats } from './output.ts';
import { connectionFlags, Session } from './session.ts';
import { canonicalWords, families, refused, verbNames } from './table.ts';
import type { Verb } from './verb.ts';

/** Of every verb. */
const commonFlags = {
  ...connectionFlags,
  format: { type: 'text', help: 'table (the default), json or yaml (VAULT_FORMAT)' },
  help: { type: 'bool', help: 'show this help' },
  h: { type: 'bool', help: 'the same' },
} as const satisfies FlagSpecs;

/** @returns 0, 1 for what is wrong here, 2 for what is wrong there; `status` has its own meanings */
export async function runVault(words: readonly string[], shell: Shell): Promise<number> {
  const talk = new Output(shell, 'table');
  try {
    return await dispatch(words, shell, talk);
  } catch (thrown) {
    const error = asCofferError(thrown);
    talk.warn(error.code === 'internal' ? 'internal error' : error.message);
    if (error.code === 'internal' && variable(shell.env, 'COFFER_DEBUG') !== undefined)
      talk.warn(String(error.cause instanceof Error ? error.cause.stack : error.stack));
    return thrown instanceof VaultFailure ? thrown.exit : error.code === 'usage' ? 1 : 2;
  }
}

async function dispatch(words: readonly string[], shell: Shell, talk: Output): Promise<number> {
  const [first] = words;
  if (first === undefined) {
    talk.warn(overview());
    return 127;
  }
  if (['-h', '-help', '--help', 'help'].includes(first) && words.length === 1) {
    talk.line(overview());
    return 0;
  }
  const found = await findVerb(canonicalWords(first === 'help' ? words.slice(1) : words));
  if (found === undefined) return unknownVerb(words, talk);
  const { name, verb, rest } = found;
  if (first === 'help') {
    talk.line(verbHelp(name, verb));
    return 0;
  }
  return runVerb(name, verb, rest, shell, talk);
}

interface Found {
  readonly name: string;
  readonly verb: Verb;
  readonly rest: readonly string[];
}

/** The longest name that the words begin with: `kv metadata get` before `kv metadata` before `kv`. */
async function findVerb(words: readonly string[]): Promise<Found | undefined> {
  for (let length = Math.min(3, words.length); length > 0; length--) {
    const name = words.slice(0, length).join(' ');
    if (Object.hasOwn(refused, name)) throw misuse(`\`vault ${name}\` is not here: ${refused[name]}`);
    const load = Object.hasOwn(families, name) ? families[name] : undefined;
    const verb = (await load?.())?.verbs[name];
    if (verb !== undefined) return { name, verb, rest: words.slice(length) };
  }
  return undefined;
}

function unknownVerb(words: readonly string[], talk: Output): number {
  const [first = '', second] = words;
  const below = verbNames.filter((name) => name.startsWith(`${first} `));
  if (below.length > 0) {
    const near = second === undefined ? undefined : suggest(`${first} ${second}`, below);
    talk.warn(
      `\`vault ${first}\` needs one of: ${below.map((name) => name.slice(first.length + 1)).join(', ')}`,
    );
    if (near !== undefined) talk.warn(`did you mean \`vault ${near}\`?`);
    return 1;
  }
  const near = suggest(first, verbNames);
  talk.warn(
    `there is no such command; see \`vault -help\`${near === undefined ? '' : ` (did you mean \`vault ${near}\`?)`}`,
  );
  return 127;
}

async function runVerb(
  name: string,
  verb: Verb,
  words: readonly string[],
  shell: Shell,
  talk: Output,
): Promise<number> {
  const { flags, args, late } = parseFlags({ ...commonFlags, ...verb.flags }, words);
  if (flags.bool('help') || flags.bool('h')) {
    talk.line(verbHelp(name, verb));
    return 0;
  }
  if (late.length > 0)
    talk.warn(
      `Command flags must be provided before positional arguments. The following arguments will not be parsed as flags: [${late.join(' ')}]`,
    );
  checkCount(name, verb, args.length);
  const output = new Output(shell, formatOf(flags.text('format') ?? variable(shell.env, 'VAULT_FORMAT')));
  return (await verb.run({ shell, flags, args, output, session: new Session(shell, flags) })) ?? 0;
}

function checkCount(name: string, { args: [least, most], usage }: Verb, count: number): void {
  if (count >= least && count <= most) return;
  const wanted =
    least === most
      ? `${least}`
      : most === Number.POSITIVE_INFINITY
        ? `at least ${least}`
        : `${least}-${most}`;
  const problem = count < least ? 'Not enough' : 'Too many';
  throw misuse(
    `${problem} arguments (expected ${wanted}, got ${count}); usage: vault ${name} [options] ${usage}`.trimEnd(),
  );
}

function formatOf(text: string | undefined): OutputFormat {
  if (text === undefined) return 'table';
  const wanted = text.toLowerCase() === 'yml' ? 'yaml' : text.toLowerCase();
  const found = outputFormats.find((format) => format === wanted);
  if (found === undefined) throw misuse(`Invalid output format: it is one of ${outputFormats.join(', ')}`);
  return found;
}
