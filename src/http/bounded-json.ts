/** JSON from outside: bounded before it is parsed, and refused without repeating any of it. */
import { isUtf8 } from 'node:buffer';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { HttpLimits } from './limits.ts';

export type JsonLimits = Pick<HttpLimits, 'jsonDepth' | 'jsonValues' | 'jsonNames'>;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * The object that `bytes` are the JSON of. A name that occurs twice counts as its last. Names such as `__proto__` and
 * `constructor` are own properties like any other, but the object has the ordinary prototype: look a name up that the client
 * chose only with `Object.hasOwn`, and copy with spread (`Object.assign` would run the `__proto__` setter of its target).
 * Throws `invalid_request` for anything else than one object within the limits.
 */
export function parseBoundedJson(bytes: Buffer, limits: JsonLimits): JsonObject {
  checkShape(bytes, limits);
  if (!isUtf8(bytes)) throw new CofferError('invalid_request', 'request body is not UTF-8 text');
  const value = parse(bytes.toString('utf8'));
  if (!isJsonObject(value)) throw new CofferError('invalid_request', 'request body must be a JSON object');
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message quotes the text around the mistake, which may be a secret; so it is not even kept as a cause.
    throw new CofferError('invalid_request', 'request body is not valid JSON');
  }
}

/**
 * One pass over the bytes that counts what parsing would make of them. It need not judge grammar: for text that is not JSON
 * the counts mean nothing, and parsing refuses it.
 */
function checkShape(bytes: Buffer, limits: JsonLimits): void {
  const { jsonDepth, jsonValues, jsonNames } = limits;
  // Each level takes two bytes, each name four (`"":1`), each further value two: so few bytes cannot pass any limit.
  if (bytes.length <= Math.min(2 * jsonDepth, 2 * jsonValues, 4 * jsonNames)) return;
  let depth = 0;
  let values = 1;
  let names = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === quote) {
      index = endOfString(bytes, index + 1);
    } else if (byte === comma) {
      if (++values > jsonValues) refuse(`has more than ${jsonValues} values`);
    } else if (byte === colon) {
      if (++names > jsonNames) refuse(`has more than ${jsonNames} member names`);
    } else if (byte === openBrace || byte === openBracket) {
      if (++values > jsonValues) refuse(`has more than ${jsonValues} values`);
      if (++depth > jsonDepth) refuse(`is nested deeper than ${jsonDepth} levels`);
    } else if (byte === closeBrace || byte === closeBracket) {
      depth--;
    }
  }
}

/** Index of the quote that ends the string whose content starts at `start`, or the end of the bytes. */
function endOfString(bytes: Buffer, start: number): number {
  let index = start;
  while (index < bytes.length && bytes[index] !== quote) index += bytes[index] === backslash ? 2 : 1;
  return index;
}

function refuse(problem: string): never {
  throw new CofferError('invalid_request', `request body ${problem}`);
}
