/**
 * Names of entities, groups and aliases. A name is kept as it was given and compared as it is; its folded form is only for telling
 * look-alikes, which are refused and never taken for one another.
 */
import { CofferError } from '../../errors.ts';

/** Bytes of UTF-8. */
const longestName = 512;

/** Throws `invalid_request` for what cannot be a name. `what` is said in the message: `an entity's name`. */
export function parseIdentityName(text: string, what: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0 || bytes > longestName) {
    throw new CofferError('invalid_request', `${what} has 1 to ${longestName} bytes, not ${bytes}`);
  }
  if (!text.isWellFormed() || /[\p{Cc}\u2028\u2029]/u.test(text) || text.trim() !== text) {
    throw new CofferError(
      'invalid_request',
      `${what} is text without control characters, and without space at its ends`,
    );
  }
  if (foldName(text) === '') {
    throw new CofferError('invalid_request', `${what} has nothing in it that can be seen`);
  }
  return text;
}

/**
 * What names have in common that people take for one another: letters in either case, compatible forms (NFKC), invisible
 * characters and repeated space. Letters of different scripts that merely look alike are not among it.
 */
export function foldName(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/ς/g, 'σ')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** A folded name as the last part of a storage key, in an order of its own. */
export function nameInKey(name: string): string {
  return foldName(name).replace(/[%/]/g, (character) => (character === '/' ? '%2F' : '%25'));
}
