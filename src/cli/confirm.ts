import { CofferError } from '../errors.ts';
import { confirm, isInteractive } from './prompt.ts';
import type { Shell } from './shell.ts';

/** Goes on only when somebody said so: with `--yes`, or at the terminal. Throws `usage` otherwise. */
export async function confirmed(shell: Shell, yes: boolean, question: string): Promise<void> {
  if (yes) return;
  if (!isInteractive(shell))
    throw new CofferError('usage', 'this is for good and nobody can be asked: add --yes');
  if (!(await confirm(shell, question))) throw new CofferError('usage', 'nothing was done');
}
