import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorCodes, exitCodeOf } from '../errors.ts';
import { programs } from '../main/programs.ts';
import { version } from '../version.ts';
import { type Command, type CommandGroup, isGroup } from './command.ts';
import { commandReference } from './reference.ts';
import { rows } from './table.ts';

const page = new URL('../../docs/reference/cli.md', import.meta.url);
const heading = '## Commands\n\n';

/** The commands of this build. */
async function present(): Promise<Map<string, Command | CommandGroup>> {
  const commands = new Map<string, Command | CommandGroup>();
  for (const [name, row] of Object.entries(rows)) {
    const load = row.load ?? programs[name];
    if (load === undefined) throw new Error(`nothing loads ${name}`);
    commands.set(name, await withBrought(name, (await load()).command));
  }
  return commands;
}

/** With the verbs that the program brings along, which say of themselves what the group says of them. */
async function withBrought(name: string, command: Command | CommandGroup): Promise<Command | CommandGroup> {
  if (!isGroup(command) || command.brought === undefined) return command;
  const commands = { ...command.commands };
  for (const [verb, summary] of Object.entries(command.brought)) {
    const brought = (await programs[`${name} ${verb}`]?.())?.command;
    if (brought === undefined || isGroup(brought)) throw new Error(`nothing loads ${name} ${verb}`);
    expect(brought.summary).toBe(summary);
    commands[verb] = brought;
  }
  return { ...command, commands };
}

test('the page on exit codes is the table of the error family', () => {
  const text = readFileSync(new URL('../../docs/reference/exit-codes.md', import.meta.url), 'utf8');
  const lines = [...text.matchAll(/^\| (\d+) \|(.*?)\|/gm)];
  const documented = lines.flatMap(([, exit, names]) =>
    [...(names ?? '').matchAll(/`(\w+)`/g)].map(([, code]) => `${code} ${exit}`),
  );
  expect(documented.toSorted()).toEqual(errorCodes.map((code) => `${code} ${exitCodeOf(code)}`).toSorted());
});

/** After a change of a declaration: `COFFER_WRITE_REFERENCE=1 npx vitest run --project unit src/cli/reference.test.ts`. */
test('the page on the command line has the help of every command', async () => {
  const commands = await present();
  const text = readFileSync(page, 'utf8');
  const intro = text.slice(0, text.indexOf(heading) + heading.length);
  const wanted = intro + commandReference(commands);
  if (process.env['COFFER_WRITE_REFERENCE'] === '1') writeFileSync(page, wanted);
  expect(readFileSync(page, 'utf8')).toBe(wanted);
});

test('help fits a terminal of 80 columns', async () => {
  const long = commandReference(await present())
    .split('\n')
    .filter((line) => line.length > 80);
  expect(long).toEqual([]);
});

test('every command says what its line in the overview says', async () => {
  for (const [name, command] of await present()) expect(command.summary).toBe(rows[name]?.summary);
});

test('the version is that of the package', () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(manifest).toMatchObject({ version });
});
