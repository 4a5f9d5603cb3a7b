import { CofferError } from '../errors.ts';
import { confirm, isInteractive } from './prompt.ts';
import type { Shell } from './shell.ts';

/**
 * Goes on only when somebody said so: with `--yes`, or at the terminal. Throws `usage` otherwise.
 *
 * @param what why it is asked, as a sentence begins
 */
export async function confirmed(
  shell: Shell,
  yes: boolean,
  question: string,
  what = 'this is for good',
): Promise<void> {
  if (yes) return;
  if (!isInteractive(shell)) throw new CofferError('usage', `${what} and nobody can be asked: add --yes`);
  if (!(await confirm(shell, question))) throw new CofferError('usage', 'nothing was done');
}
