/**
 * Patterns for names, as each program documents its own. Only the last `*` is ever gone back to, so the work is at most the product
 * of both lengths, whatever the pattern.
 */

export type NamePattern = (name: string) => boolean;
type Piece = '*' | ((character: string) => boolean);

/** credstash: `*` is any text, all else is itself. */
export function starPattern(pattern: string): NamePattern {
  return matcher([...pattern].map((each) => (each === '*' ? '*' : exactly(each))));
}

/** credsmash, which has Python's `fnmatch`: `*`, `?`, `[abc]`, `[a-c]`, `[!abc]`. */
export function shellPattern(pattern: string): NamePattern {
  const characters = [...pattern];
  const pieces: Piece[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    const end = character === '[' ? endOfClass(characters, at) : undefined;
    if (end !== undefined) {
      pieces.push(classOf(characters.slice(at + 1, end)));
      at = end;
    } else pieces.push(character === '*' ? '*' : character === '?' ? () => true : exactly(character));
  }
  return matcher(pieces);
}

function exactly(wanted: string): Piece {
  return (character) => character === wanted;
}

/** Where the class ends; a `]` that comes first belongs to it. Undefined where it never ends: then `[` is itself. */
function endOfClass(characters: readonly string[], start: number): number | undefined {
  const first = characters[start + 1] === '!' ? start + 2 : start + 1;
  const end = characters.indexOf(']', first + 1);
  return end === -1 ? undefined : end;
}

function classOf(inside: readonly string[]): Piece {
  const negated = inside[0] === '!';
  const members = negated ? inside.slice(1) : inside;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < members.length; at++) {
    const from = members[at] ?? '';
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  const point = (character: string) => character.codePointAt(0) ?? 0;
  return (character) =>
    ranges.some(([from, to]) => point(from) <= point(character) && point(character) <= point(to)) !== negated;
}

function matcher(pieces: readonly Piece[]): NamePattern {
  return (name) => {
    const characters = [...name];
    let at = 0;
    let star = -1;
    let taken = 0;
    for (let index = 0; index < characters.length; ) {
      const piece = pieces[at];
      if (piece === '*') {
        star = at++;
        taken = index;
      } else if (piece?.(characters[index] ?? '') === true) {
        at++;
        index++;
      } else if (star >= 0) {
        at = star + 1;
        index = ++taken;
      } else return false;
    }
    while (pieces[at] === '*') at++;
    return at === pieces.length;
  };
}
