/** Modes of files, as people and manifests write them. */
import { CofferError } from '../../errors.ts';

/** What people write who mean an octal number, and forget to say so. As a decimal each would be a mode that nobody wants. */
const meantAsOctal = new Set([400, 440, 444, 500]);

/** From `0640` or `640`. Throws `usage`. */
export function parseMode(text: string): number {
  const mode = /^0?o?[0-7]{3}$/.test(text) ? Number.parseInt(text.slice(-3), 8) : undefined;
  if (mode === undefined) throw new CofferError('usage', 'a mode must be three octal digits, such as 0640');
  return mode;
}

/** From a number that says the mode itself, as JSON has it: 384 is 0600. Throws `usage`. */
export function checkMode(mode: number): number {
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777 || meantAsOctal.has(mode)) {
    throw new CofferError(
      'usage',
      'a mode that is a number counts as decimal in JSON (384 is 0600); write it as text, such as "0600"',
    );
  }
  return mode;
}

export function shownMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}
