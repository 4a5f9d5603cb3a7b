/**
 * Orders text by its UTF-8 bytes. UTF-16 code units, which `<` compares, give the same order except that surrogates
 * (U+10000 and above) sort below U+E000 to U+FFFF; so these two blocks change places before the comparison.
 */
export function compareKeys(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let index = 0; index < shorter; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return inUtf8Order(a) - inUtf8Order(b);
  }
  return left.length - right.length;
}

function inUtf8Order(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
