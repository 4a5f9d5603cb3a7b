/**
 * Patterns for names: `*` is any text, `?` one character; all else is itself. Only the last `*` is ever gone back to, so the work
 * is at most the product of both lengths, whatever the pattern.
 */

export function matchesGlob(pattern: string, text: string): boolean {
  const pieces = [...pattern];
  const characters = [...text];
  let at = 0;
  let star = -1;
  let taken = 0;
  for (let index = 0; index < characters.length; ) {
    if (pieces[at] === '*') {
      star = at++;
      taken = index;
    } else if (at < pieces.length && (pieces[at] === '?' || pieces[at] === characters[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++taken;
    } else return false;
  }
  while (pieces[at] === '*') at++;
  return at === pieces.length;
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}
