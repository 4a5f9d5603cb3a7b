/** One call: find the command, read its arguments, run it, tell how it ended. */
import { places } from '../config/paths.ts';
import { CofferError, exitCodeOf } from '../errors.ts';
import { suggest } from '../suggest.ts';
import { parseInput } from './args.ts';
import { type Command, type CommandGroup, isGroup } from './command.ts';
import { helpText, overview } from './help.ts';
import { ourWord } from './other-words.ts';
import { type Shell, variable, type World } from './shell.ts';
import { type Load, rows, sections } from './table.ts';
import { type Format, openUi } from './ui.ts';

/** @returns the exit code of the table in `errors.ts` */
export async function run(words: readonly string[], world: World): Promise<number> {
  const ui = openUi(world, wantedFormat(words, world));
  let own = 0;
  const ends: (() => Promise<void>)[] = [];
  const shell: Shell = {
    env: world.env,
    ...(world.programs === undefined ? {} : { programs: world.programs }),
    get stdin() {
      return world.stdin;
    },
    get stdout() {
      return world.stdout;
    },
    get stderr() {
      return world.stderr;
    },
    interrupt: () => world.interrupt(),
    ui,
    places: places(world.env),
    now: world.now ?? Date.now,
    pause: world.pause ?? ((milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))),
    commands: () => commandsOf(world),
    atEnd: (work) => void ends.push(work),
    endWith: (code) => {
      own = code;
    },
  };
  let code: number;
  try {
    code = (await dispatch(words, shell)) || own;
  } catch (thrown) {
    code = exitCodeOf(ui.fail(thrown));
  }
  for (const end of ends) {
    try {
      await end();
    } catch (thrown) {
      const failed = exitCodeOf(ui.fail(thrown));
      code = code === 0 ? failed : code;
    }
  }
  return code;
}

async function dispatch(words: readonly string[], shell: Shell): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined) {
    shell.ui.talk(overview(sections));
    return exitCodeOf('usage');
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    await help(rest, shell);
    return 0;
  }
  if (name === '__complete') {
    await (await import('./complete.ts')).complete(rest, shell);
    return 0;
  }
  await runFound(await find(name, shell), name, rest, shell);
  return 0;
}

async function help(words: readonly string[], shell: Shell): Promise<void> {
  const [name, verb] = words;
  if (name === undefined || name.startsWith('-')) {
    shell.ui.text(overview(sections));
    return;
  }
  const found = await find(name, shell);
  if (isGroup(found) && verb !== undefined) {
    shell.ui.text(helpText(`${name} ${verb}`, await findVerb(found, name, verb, shell)));
  } else {
    shell.ui.text(helpText(name, found));
  }
}

function commandsOf({ programs = {} }: World): ReadonlyMap<string, Load> {
  const own = Object.entries(rows).flatMap(([name, { load = programs[name] }]): [string, Load][] =>
    load === undefined ? [] : [[name, load]],
  );
  return new Map([...own, ...Object.entries(programs).filter(([name]) => !Object.hasOwn(rows, name))]);
}

async function find(name: string, { programs }: World): Promise<Command | CommandGroup> {
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  const load =
    row?.load ?? (programs !== undefined && Object.hasOwn(programs, name) ? programs[name] : undefined);
  if (row !== undefined && load !== undefined) return (await load()).command;
  if (row !== undefined)
    throw new CofferError('unsupported_operation', `this program has no \`coffer ${name}\``);
  throw unknown('command', name, [...Object.keys(rows), 'help'], '');
}

async function runFound(
  found: Command | CommandGroup,
  name: string,
  words: readonly string[],
  shell: Shell,
): Promise<void> {
  if (!isGroup(found)) return runCommand(found, name, words, shell);
  const [verb, ...rest] = words;
  if (verb === '--help' || verb === '-h' || verb === 'help') return shell.ui.text(helpText(name, found));
  if (verb === undefined || verb.startsWith('-')) {
    const verbs = verbsOf(found).join(', ');
    throw new CofferError(
      'usage',
      `\`coffer ${name}\` needs one of: ${verbs}; see \`coffer ${name} --help\``,
    );
  }
  return runCommand(await findVerb(found, name, verb, shell), `${name} ${verb}`, rest, shell);
}

async function runCommand(
  command: Command,
  name: string,
  words: readonly string[],
  shell: Shell,
): Promise<void> {
  if (command.raw !== undefined && !isPlainHelp(words)) return command.raw(words, shell);
  const input = parseInput(command, name, words);
  if (input.options['help'] === true) shell.ui.text(helpText(name, command));
  else await command.run(input, shell);
}

/** `coffer vault --help` is about our side of it. */
function isPlainHelp(words: readonly string[]): boolean {
  return words.length === 1 && words[0] === '--help';
}

async function findVerb(
  group: CommandGroup,
  name: string,
  verb: string,
  { programs }: World,
): Promise<Command> {
  const command = Object.hasOwn(group.commands, verb) ? group.commands[verb] : undefined;
  if (command !== undefined) return command;
  const full = `${name} ${verb}`;
  if (group.brought !== undefined && Object.hasOwn(group.brought, verb)) {
    const load = programs !== undefined && Object.hasOwn(programs, full) ? programs[full] : undefined;
    const brought = (await load?.())?.command;
    if (brought !== undefined && !isGroup(brought)) return brought;
    throw new CofferError('unsupported_operation', `this program has no \`coffer ${full}\``);
  }
  const known = verbsOf(group).map((each) => `${name} ${each}`);
  throw unknown('command', full, known, name);
}

function verbsOf(group: CommandGroup): readonly string[] {
  return [...Object.keys(group.commands), ...Object.keys(group.brought ?? {})];
}

function unknown(kind: string, name: string, known: readonly string[], helpOf: string): CofferError {
  const near = ourWord(name, known) ?? suggest(name, known);
  const hint = near === undefined ? '' : ` (did you mean \`coffer ${near}\`?)`;
  const help = ['coffer', 'help', helpOf].filter((word) => word !== '').join(' ');
  return new CofferError('usage', `unknown ${kind} "${name.slice(0, 60)}"${hint}; see \`${help}\``);
}

/** Read ahead of everything else, so that even a mistake on the command line is told in the format that was asked for. */
function wantedFormat(words: readonly string[], world: World): Format {
  const end = words.indexOf('--');
  const options = end === -1 ? words : words.slice(0, end);
  const at = options.lastIndexOf('--format');
  const inline = options.findLast((word) => word.startsWith('--format='))?.slice('--format='.length);
  const asked = inline ?? (at === -1 ? undefined : options[at + 1]) ?? variable(world.env, 'COFFER_FORMAT');
  return asked === 'json' ? 'json' : 'text';
}
