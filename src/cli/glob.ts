/**
 * Patterns for names: `*` is any text without `/`, `**` any text, `?` one character; all else is itself. Matching takes time in
 * proportion to pattern times text, whatever the pattern: nothing is tried twice (no backtracking).
 */

type Piece = string | { readonly any: 'one' | 'segment' | 'all' };

export interface Glob {
  matches(text: string): boolean;
}

export function compileGlob(pattern: string): Glob {
  const pieces = piecesOf(pattern);
  return { matches: (text) => run(pieces, [...text]) };
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

function piecesOf(pattern: string): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const [token] of pattern.matchAll(/\*{2,}|[\s\S]/gu)) {
    if (token === '?') pieces.push({ any: 'one' });
    else if (token === '*') pieces.push({ any: 'segment' });
    else if (token.startsWith('**')) pieces.push({ any: 'all' });
    else pieces.push(token);
  }
  return pieces;
}

/** All places in the pattern that the text so far can have reached, moved on character by character (Thompson, 1968). */
function run(pieces: readonly Piece[], text: readonly string[]): boolean {
  let places = closure(pieces, new Set([0]));
  for (const character of text) {
    const next = new Set<number>();
    for (const place of places) {
      const piece = pieces[place];
      if (piece === undefined) continue;
      if (typeof piece === 'string') {
        if (piece === character) next.add(place + 1);
      } else if (piece.any === 'one') {
        if (character !== '/') next.add(place + 1);
      } else if (piece.any === 'all' || character !== '/') next.add(place);
    }
    if (next.size === 0) return false;
    places = closure(pieces, next);
  }
  return places.has(pieces.length);
}

/** Stars may stand for nothing. */
function closure(pieces: readonly Piece[], places: Set<number>): Set<number> {
  for (const place of places) {
    const piece = pieces[place];
    if (typeof piece === 'object' && piece.any !== 'one') places.add(place + 1);
  }
  return places;
}
