/**
 * What `JSON.parse` does not tell about a text it takes: that a name comes twice (the first value would be lost), and that a
 * number does not fit (its last digits would be).
 */
import { lineAt, lineError } from './format.ts';

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s"{}[\]:,]+/gu;

/** @param text valid JSON. Throws `invalid_request` with the line. */
export function scanJson(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let expectsName = false;
  for (const { 0: found, index } of text.matchAll(token)) {
    const names = open.at(-1);
    if (found === '{') open.push(new Set());
    else if (found === '[') open.push(undefined);
    else if (found === '}' || found === ']') open.pop();
    else if (expectsName && names !== undefined && found.startsWith('"')) takeName(text, names, found, index);
    else checkNumber(text, found, index);
    expectsName = found === '{' || (found === ',' && names !== undefined);
  }
}

function takeName(text: string, names: Set<string>, found: string, index: number): void {
  const name = JSON.parse(found) as string;
  if (names.has(name)) throw lineError(lineAt(text, index), 'a name is given twice');
  names.add(name);
}

function checkNumber(text: string, found: string, index: number): void {
  if (!/^-?\d/.test(found)) return;
  if (!isExact(found))
    throw lineError(lineAt(text, index), 'a number is too large to be kept exactly; write it in quotes');
}

/** Whether a number's digits come back from a double: whole numbers all of them, others as far as they are finite. */
export function isExact(digits: string): boolean {
  const value = Number(digits);
  if (!Number.isFinite(value)) return false;
  return (
    !/^[-+]?\d+$/.test(digits) || Number.isSafeInteger(value) || String(value) === digits.replace('+', '')
  );
}
