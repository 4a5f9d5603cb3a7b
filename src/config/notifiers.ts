/** The `[[notifier]]` tables of a configuration file. There are no flags and variables of theirs: what runs is said in one place. */
import type { ConfigFile } from './file.ts';
import { byFile, type FileTable, type Found, readSaid } from './found.ts';
import type { Problem } from './problem.ts';
import type { NotifierCommand } from './settings.ts';
import { type NotifierValues, notifierTable, type Setting } from './table.ts';
import { isTable, unknownNotifierKeys } from './unknown-keys.ts';

export type FoundNotifier = { readonly [N in keyof NotifierValues]: Found<NotifierValues[N]> };

export function readNotifiers(file: ConfigFile | undefined, problems: Problem[]): readonly FoundNotifier[] {
  if (file === undefined || !Object.hasOwn(file.values, 'notifier')) return [];
  const written = file.values['notifier'];
  if (!Array.isArray(written) || !written.every(isTable)) {
    problems.push(
      byFile(file, ['notifier']).problem('notifier must be a list of tables, each written [[notifier]]'),
    );
    return [];
  }
  const found = written.map((members, index) =>
    readOne(file, { members, path: ['notifier', index] }, problems),
  );
  const names = found.map(({ name }) => name);
  for (const [at, name] of names.entries()) {
    if (name.value !== '' && names.findIndex(({ value }) => value === name.value) < at) {
      problems.push(name.origin.problem(`two notifiers have the name ${name.value}`));
    }
  }
  return found;
}

function readOne(file: ConfigFile, table: FileTable, problems: Problem[]): FoundNotifier {
  problems.push(...unknownNotifierKeys(file, table));
  const prefix = `notifier[${table.path.at(-1)}].`;
  for (const name of ['name', 'command']) {
    if (Object.hasOwn(table.members, name)) continue;
    problems.push(byFile(file, table.path).problem(`this notifier has no ${name}`));
  }
  const rows = Object.entries<Setting<unknown>>(notifierTable).map(([name, setting]) => {
    const spoken = Object.hasOwn(table.members, name)
      ? { raw: table.members[name], base: file.directory, origin: byFile(file, [...table.path, name]) }
      : undefined;
    return [name, readSaid(prefix + name, setting, spoken, problems)] as const;
  });
  return Object.fromEntries(rows) as unknown as FoundNotifier;
}

export function assembleNotifier({ name, command, kinds, timeout }: FoundNotifier): NotifierCommand {
  return { name: name.value, command: command.value, kinds: kinds.value, timeout: timeout.value };
}
