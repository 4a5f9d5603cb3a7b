/** The first few lines of every call. Kept small: what is imported here is paid for by each command. */

import { version } from '../version.ts';
import type { World } from './shell.ts';

/**
 * @param words the command line behind the program's name
 * @returns the exit code. Never rejects.
 */
export async function main(words: readonly string[], world: World): Promise<number> {
  const [name] = words;
  if (words.length === 1 && (name === 'version' || name === '--version' || name === '-V')) {
    world.stdout.write(`coffer ${version}\n`);
    return 0;
  }
  const { run } = await import('./run.ts');
  return run(words, world);
}
