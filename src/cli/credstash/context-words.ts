import { misuse } from './failure.ts';

/** Words behind the name, `key=value` each with exactly one `=`. Of a key that comes twice the last counts. Throws a misuse. */
export function contextWords(words: readonly string[]): readonly string[] {
  const last = new Map<string, string>();
  for (const word of words) {
    if (!isPair(word)) throw misuse('argument context: each word must be of the form "key=value"');
    last.set(word.slice(0, word.indexOf('=')), word);
  }
  return [...last.values()];
}

export function isPair(word: string): boolean {
  return /^[^=]+=[^=]+$/.test(word);
}
