/** Values with `*` at their ends, as parameter constraints write them. */

/** `*x` ends with x, `x*` begins with x, `*x*` holds x, `*` is any text; anything else is only itself. Linear in both. */
export function matchesGlob(glob: string, text: string): boolean {
  const openStart = glob.startsWith('*');
  const openEnd = glob.endsWith('*');
  if (glob === '*') return true;
  if (openStart && openEnd) return contains(text, glob.slice(1, -1));
  if (openStart) return text.endsWith(glob.slice(1));
  if (openEnd) return text.startsWith(glob.slice(0, -1));
  return glob === text;
}

const shortNeedle = 32;

/** The runtime's own search takes time proportional to the product of both lengths in bad cases: seconds for 1 MiB. */
function contains(text: string, needle: string): boolean {
  return needle.length <= shortNeedle ? text.includes(needle) : containsLong(text, needle);
}

/** Knuth, Morris and Pratt, "Fast pattern matching in strings" (1977): never looks at a character of the text twice. */
function containsLong(text: string, needle: string): boolean {
  const fallbacks = fallbackTable(needle);
  let matched = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    while (matched > 0 && needle.charCodeAt(matched) !== code) matched = fallbacks[matched - 1] ?? 0;
    if (needle.charCodeAt(matched) === code) matched++;
    if (matched === needle.length) return true;
  }
  return false;
}

/** For each length of a beginning of the needle: its longest proper beginning that is also its end. */
function fallbackTable(needle: string): Uint32Array {
  const table = new Uint32Array(needle.length);
  let matched = 0;
  for (let index = 1; index < needle.length; index++) {
    const code = needle.charCodeAt(index);
    while (matched > 0 && needle.charCodeAt(matched) !== code) matched = table[matched - 1] ?? 0;
    if (needle.charCodeAt(matched) === code) matched++;
    table[index] = matched;
  }
  return table;
}
