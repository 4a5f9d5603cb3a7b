/** Where a text stops being JSON. The platform's parser says so only at times, and with a piece of the text. */

const space = /[ \t\n\r]*/y;
const scalar =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;

/** What may come next: a value; a name or the end of a map; and so on. */
type Place = 'value' | 'first-name' | 'name' | 'colon' | 'first-entry' | 'behind';

/** The offset of the first character that cannot stand where it does; the text's length where something is missing. */
export function jsonFault(text: string): number {
  const open: ('{' | '[')[] = [];
  let place: Place = 'value';
  for (let at = 0; ; ) {
    space.lastIndex = at;
    space.test(text);
    at = space.lastIndex;
    const sign = text[at];
    if (sign === undefined) return at;
    const next = step(place, sign, open);
    if (next === 'scalar') {
      scalar.lastIndex = at;
      const found = scalar.exec(text)?.[0];
      const isName: boolean = place === 'first-name' || place === 'name';
      if (found === undefined || (isName && sign !== '"')) return at;
      place = isName ? 'colon' : 'behind';
      at += found.length;
    } else if (next === undefined) return at;
    else {
      place = next;
      at++;
    }
  }
}

/** The place behind a sign, or that a name or value begins here, or undefined for what cannot be. */
function step(place: Place, sign: string, open: ('{' | '[')[]): Place | 'scalar' | undefined {
  const inner = open.at(-1);
  if (place === 'colon') return sign === ':' ? 'value' : undefined;
  const closes = sign === '}' ? '{' : sign === ']' ? '[' : undefined;
  if (closes !== undefined) {
    const may = place === 'behind' || place === 'first-name' || place === 'first-entry';
    if (!may || inner !== closes) return undefined;
    open.pop();
    return 'behind';
  }
  if (place === 'behind') {
    if (sign !== ',' || inner === undefined) return undefined;
    return inner === '{' ? 'name' : 'value';
  }
  if (place === 'first-name' || place === 'name') return 'scalar';
  if (sign !== '{' && sign !== '[') return 'scalar';
  open.push(sign);
  return sign === '{' ? 'first-name' : 'first-entry';
}
