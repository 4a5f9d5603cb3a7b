/** Runs the same words by an old program and by Coffer, each at a table of its own, and holds them side by side. */
import { program as coffer, type Outcome, type Place, runProgram } from '../e2e/server-process.ts';
import type { OldProgram } from './old-program.ts';

export interface Pair {
  readonly theirs: Outcome;
  readonly ours: Outcome;
}

export interface Programs {
  readonly old: OldProgram;
  /** What it is called behind `coffer`. */
  readonly name: 'credstash' | 'credsmash';
  readonly env: Readonly<Record<string, string>>;
  /** Words before the command that name the table, for either. */
  tableOf(whose: 'theirs' | 'ours'): readonly string[];
}

/** Both at once: neither sees what the other does. */
export async function runBoth(
  { old, name, env, tableOf }: Programs,
  place: Place,
  words: readonly string[],
  stdin?: string,
): Promise<Pair> {
  const [theirs, ours] = await Promise.all([
    old.run({ words: [...tableOf('theirs'), ...words], env, stdin, cwd: place.home }),
    runProgram(process.execPath, [coffer, name, ...tableOf('ours'), ...words], env, stdin, place.home),
  ]);
  return { theirs, ours };
}

/** What a script sees of an outcome. */
export function seen({ code, stdout }: Outcome): Pick<Outcome, 'code' | 'stdout'> {
  return { code, stdout };
}

/** Where the old program's order is that of a hash table. */
export function sortedLines({ code, stdout }: Outcome): Pick<Outcome, 'code' | 'stdout'> {
  return { code, stdout: stdout.split('\n').toSorted().join('\n') };
}
