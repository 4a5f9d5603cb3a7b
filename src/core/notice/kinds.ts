/** Which kinds of notices a notifier wants. */
import { CofferError } from '../../errors.ts';
import type { Letter } from '../../notifier/notifier.ts';

const mostPatterns = 64;

/** Kinds such as `credentials.issued`, with one `*` for any text. Throws `invalid_request`. */
export function parseKinds(patterns: readonly string[]): readonly string[] {
  const wrong = patterns.find((each) => !/^[a-z0-9_.-]{0,80}\*?[a-z0-9_.-]{0,80}$/.test(each) || each === '');
  if (wrong !== undefined || patterns.length > mostPatterns) {
    throw new CofferError(
      'invalid_request',
      `kinds are at most ${mostPatterns} words such as credentials.issued, credentials.* or *.refused, with one "*" each at most`,
    );
  }
  return [...new Set(patterns)];
}

export function wants(patterns: readonly string[], kind: string): boolean {
  return patterns.some((pattern) => {
    const star = pattern.indexOf('*');
    if (star < 0) return pattern === kind;
    const after = pattern.slice(star + 1);
    return (
      kind.length >= star + after.length && kind.startsWith(pattern.slice(0, star)) && kind.endsWith(after)
    );
  });
}

/** What whoever has no rights can bring about as often as they like. */
export function isRefusal({ kind, fields }: Pick<Letter, 'kind' | 'fields'>): boolean {
  return kind.endsWith('.refused') || kind.endsWith('.failed') || fields['outcome'] === 'refused';
}
