/**
 * The encryption context that KMS is told with each call: pairs of names and values that must be the same when a data key is
 * unwrapped as when it was made. Whoever forgets one cannot ask KMS for it, so items remember its names, never its values.
 */
import { CofferError } from '../errors.ts';

export type EncryptionContext = Readonly<Record<string, string>>;

/** Names that Coffer's own format adds; a caller's own may not begin so. */
const reserved = 'coffer:';
/** KMS takes 8,192 characters of JSON; what is left is for what we add: a name of at most 2,048 bytes. */
const longest = 4_096;

/**
 * `KEY=VALUE` each; a value may hold further `=`. Throws `usage` for anything else, for a key given twice, and for more than KMS
 * takes. No message repeats a value.
 */
export function parseContext(words: readonly string[]): EncryptionContext {
  const pairs = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    const key = word.slice(0, Math.max(at, 0));
    if (at < 1 || at === word.length - 1) {
      throw new CofferError('usage', 'a context is KEY=VALUE, neither of them empty');
    }
    if (!word.isWellFormed()) throw new CofferError('usage', 'a context must be valid Unicode text');
    if (key.startsWith(reserved) || key.startsWith('aws:')) {
      throw new CofferError('usage', `a context key must not begin with ${reserved} or aws:`);
    }
    if (pairs.has(key)) throw new CofferError('usage', `the context key ${key} is given twice`);
    pairs.set(key, word.slice(at + 1));
  }
  const context = Object.fromEntries(pairs);
  if (JSON.stringify(context).length > longest) {
    throw new CofferError('usage', `a context has at most ${longest} characters`);
  }
  return context;
}

export function contextKeys(context: EncryptionContext): readonly string[] {
  return Object.keys(context).toSorted();
}

/** The pairs in one order, whoever wrote them down in which: each key is followed by its value. */
export function flatContext(context: EncryptionContext): readonly string[] {
  return contextKeys(context).flatMap((key) => [key, context[key] ?? '']);
}

/**
 * Holds what is given against the keys that an item remembers.
 *
 * @param what names the item
 * @throws `wrong_key` that names the keys which are missing or too many
 */
export function requireContextKeys(
  remembered: readonly string[] | undefined,
  given: EncryptionContext,
  what: string,
): void {
  if (remembered === undefined) return;
  const keys = contextKeys(given);
  const missing = remembered.filter((key) => !keys.includes(key));
  const extra = keys.filter((key) => !remembered.includes(key));
  if (missing.length === 0 && extra.length === 0) return;
  const parts = [
    ...(missing.length === 0
      ? []
      : [`--context ${missing.map((key) => `${key}=…`).join(' --context ')} is missing`]),
    ...(extra.length === 0 ? [] : [`it was written without ${extra.join(', ')}`]),
  ];
  throw new CofferError('wrong_key', `the encryption context of ${what} is another: ${parts.join('; ')}`);
}
