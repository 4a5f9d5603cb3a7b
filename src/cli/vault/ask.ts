/** Secrets from the keyboard or from standard input, unless nobody is to be asked. */
import { isInteractive, readSecretLine } from '../prompt.ts';
import { misuse } from './failure.ts';
import type { VerbCall } from './verb.ts';

/** Throws `VaultFailure` where there is a terminal and `-non-interactive`: then the question could not be answered. */
export async function askSecret(
  { shell, flags }: Pick<VerbCall, 'shell' | 'flags'>,
  question: string,
): Promise<string> {
  if (flags.bool('non-interactive') && isInteractive(shell))
    throw misuse('Something would have to be asked for, and -non-interactive forbids it');
  return readSecretLine(shell, question);
}
