/** Patterns in which `*` stands for any text, also none. Nothing else in them means anything. */

/** Steps grow with the lengths of both, never with their product of stars: only the last star is ever gone back to. */
export function matchesGlob(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

/** Whether a pattern matches whatever it is held against. */
export function matchesAnything(pattern: string): boolean {
  return /^\*+$/.test(pattern);
}
