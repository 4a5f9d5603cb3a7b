/** One-time codes from the keyboard, from standard input, or, as scripts of the old program have it, from the command line. */
import { CofferError } from '../../errors.ts';
import { isInteractive, readSecretLine } from '../prompt.ts';
import type { Shell } from '../shell.ts';

/**
 * Exactly ASCII digits, as many as there are in codes (RFC 4226 §5.3): anything else was never one, and is not sent.
 *
 * @throws `usage`, which repeats nothing of it
 */
export function checkedCode(text: string, whose: string): string {
  // The old program trimmed what it was given; a server takes digits alone.
  const code = text.trim();
  if (!/^[0-9]{6,8}$/.test(code)) throw new CofferError('usage', `${whose} is six to eight digits`);
  return code;
}

/** @param given from the command line, where everybody on this machine can see it */
export async function codeFrom(shell: Shell, given: string | undefined, whose: string): Promise<string> {
  if (given !== undefined && given !== '') {
    if (isInteractive(shell))
      shell.ui.warn(`${whose} was on the command line, for all to see: leave it out to be asked for it`);
    return checkedCode(given, whose);
  }
  return checkedCode(await readSecretLine(shell, whose), whose);
}
