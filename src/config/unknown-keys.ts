/** What a file or the environment says that nobody reads: a typing mistake, most likely. */
import { suggest } from '../suggest.ts';
import type { ConfigFile } from './file.ts';
import { byFile, byVariable, type FileTable, type Sources } from './found.ts';
import type { Problem } from './problem.ts';
import { listenerTable, notifierTable, table, variableOf } from './table.ts';

const names = Object.keys(table);
/** Tables that hold settings: `limits`, `log`, … */
export const sections: readonly string[] = [
  ...new Set(names.filter((name) => name.includes('.')).map((name) => name.slice(0, name.indexOf('.')))),
];
const topLevel = [...names.filter((name) => !name.includes('.')), ...sections, 'listener', 'notifier'];

export function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Members of the file that are no settings, and sections that are no tables. */
export function unknownKeys(file: ConfigFile): readonly Problem[] {
  const problems = strangers(file, { members: file.values, path: [] }, topLevel, '');
  for (const section of sections) {
    const members = file.values[section];
    if (members === undefined) continue;
    if (!isTable(members)) {
      problems.push(byFile(file, [section]).problem(`${section} must be a table: [${section}]`));
      continue;
    }
    const known = names
      .filter((name) => name.startsWith(`${section}.`))
      .map((name) => name.slice(section.length + 1));
    problems.push(...strangers(file, { members, path: [section] }, known, `${section}.`));
  }
  return problems;
}

/** The same for one `[[listener]]`. */
export function unknownListenerKeys(file: ConfigFile, listener: FileTable): readonly Problem[] {
  return strangers(file, listener, Object.keys(listenerTable), 'listener.');
}

/** The same for one `[[notifier]]`. */
export function unknownNotifierKeys(file: ConfigFile, notifier: FileTable): readonly Problem[] {
  return strangers(file, notifier, Object.keys(notifierTable), 'notifier.');
}

function strangers(
  file: ConfigFile,
  { members, path }: FileTable,
  known: readonly string[],
  prefix: string,
): Problem[] {
  return Object.keys(members)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const shown = JSON.stringify(`${prefix}${key}`.slice(0, 80));
      return byFile(file, [...path, key]).problem(`unknown key ${shown}${elsewhere(key, known, prefix)}`);
    });
}

function elsewhere(key: string, known: readonly string[], prefix: string): string {
  const near = suggest(key, known);
  if (near !== undefined) return ` (did you mean "${prefix}${near}"?)`;
  const home = names.find((name) => name.endsWith(`.${key}`));
  if (home !== undefined) return ` (it belongs to the table [${home.slice(0, home.indexOf('.'))}])`;
  return Object.hasOwn(listenerTable, key) ? ' (it belongs to a [[listener]])' : '';
}

/** Variables that begin like settings and are none. Others that begin with COFFER_ are the command line's. */
export function unknownVariables(env: Sources['env']): readonly Problem[] {
  const known = Object.entries(table).map(([name, setting]) => variableOf(name, setting));
  const starts = sections.map((section) => `COFFER_${section.toUpperCase()}_`);
  return Object.keys(env)
    .filter((name) => starts.some((start) => name.startsWith(start)) && !known.includes(name))
    .map((name) => {
      const near = suggest(name, known);
      return byVariable(name).problem(`sets nothing${near === undefined ? '' : ` (did you mean ${near}?)`}`);
    });
}
