/** JSON objects in which every reader sees the same: no name twice (RFC 7519 §4, RFC 7515 §5.2 step 4), not too deep, valid UTF-8. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';

const deepest = 16;
/** Strings and the signs that open, close and part; the text is valid JSON by then, so nothing else matters. */
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** Throws `invalid_request`, without a word of what stands there. */
export function parseStrictObject(bytes: Uint8Array, what: string): JsonObject {
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    // Not as a cause: the parser's error quotes the text.
    throw new CofferError('invalid_request', `${what} is not JSON`);
  }
  if (!isJsonObject(value)) throw new CofferError('invalid_request', `${what} is not an object`);
  checkNames(text, what);
  return value;
}

function checkNames(text: string, what: string): void {
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [piece] of text.matchAll(token)) {
    if (piece === '{') open.push(new Set());
    else if (piece === '[') open.push(undefined);
    else if (piece === '}' || piece === ']') open.pop();
    else if (piece === ':') addName(open.at(-1), last, what);
    if (open.length > deepest) throw new CofferError('invalid_request', `${what} is nested too deep`);
    last = piece;
  }
}

function addName(names: Set<string> | undefined, quoted: string, what: string): void {
  // Escapes hide that two names are one.
  const name = JSON.parse(quoted) as string;
  if (names?.has(name) === true) throw new CofferError('invalid_request', `${what} has a name twice`);
  names?.add(name);
}
