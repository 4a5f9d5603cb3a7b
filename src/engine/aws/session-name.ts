/**
 * Names of sessions and identities of sources: 2 to 64 characters of few kinds (STS, AssumeRole), whatever callers are called. Two
 * callers never have one name: what does not fit, or could be read in two ways, ends in a digest of what it was made from.
 */
import { CofferError } from '../../errors.ts';
import { type CallerTextInput, parseCallerText, placeValue } from './caller-text.ts';

/** Characters; what STS takes of both. */
const shortest = 2;
const longest = 64;
const taken = /^[\w+=,.@-]+$/;
/** 96 bits. */
const digestLength = 16;
const looksDigested = /=[\w-]{16}$/;
/** So that something of the caller's own is left to be seen. */
const longestFixed = 32;

/** Throws `invalid_request` for a template that cannot be used. `what` is the field's name. */
export function checkNameText(what: string, template: string): void {
  const parts = parseCallerText(what, template);
  const fixed = parts.filter((part) => typeof part === 'string').join('');
  if (fixed !== '' && !taken.test(fixed)) {
    throw refused(what, 'besides its places it has letters, digits and _+=,.@- only');
  }
  if (fixed.length > longestFixed)
    throw refused(what, `besides its places it has at most ${longestFixed} characters`);
  if (parts.every((part) => typeof part === 'string')) {
    throw refused(what, 'without a place all callers would be one');
  }
}

/**
 * The name that a template makes for a caller.
 *
 * @param digest keyed, base64url
 * @throws `invalid_request` where the caller has not what the template wants
 */
export function nameOf(
  what: string,
  template: string,
  input: CallerTextInput,
  digest: (text: string) => string,
): string {
  const parts = parseCallerText(what, template);
  const values: string[] = [];
  const separators: string[] = [];
  let gap: string | undefined;
  const texts = parts.map((part) => {
    if (typeof part === 'string') {
      gap = values.length === 0 ? undefined : part;
      return part;
    }
    if (values.length > 0) separators.push(gap ?? '');
    gap = undefined;
    const value = placeValue(part, input);
    values.push(value);
    return value;
  });
  const text = texts.join('');
  if (fits(text) && isReadOneWay(values, separators)) return text;
  return digested(text, digest(JSON.stringify([template, ...values])));
}

/** A name that a caller gives by itself. */
export function givenName(given: string, digest: (text: string) => string): string {
  return fits(given) ? given : digested(given, digest(JSON.stringify([given])));
}

function fits(text: string): boolean {
  return text.length >= shortest && text.length <= longest && taken.test(text) && !looksDigested.test(text);
}

/** Where one value may hold what separates it from the next, other values make the same text. */
function isReadOneWay(values: readonly string[], separators: readonly string[]): boolean {
  if (separators.includes('')) return false;
  const between = new Set(separators.join(''));
  return separators.length === 0 || values.every((value) => [...value].every((sign) => !between.has(sign)));
}

function digested(text: string, digest: string): string {
  const readable = text.replace(/[^\w+=,.@-]/gu, '_').slice(0, longest - digestLength - 1);
  return `${readable}=${digest.slice(0, digestLength)}`;
}

function refused(what: string, why: string): CofferError {
  return new CofferError('invalid_request', `${what} cannot be used: ${why}`);
}
