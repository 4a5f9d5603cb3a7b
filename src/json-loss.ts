/**
 * What `JSON.parse` does not tell about a text it takes: that a name comes twice (the first value would be lost), and that a
 * number does not fit (its last digits would be).
 */

export interface JsonLoss {
  readonly kind: 'twice' | 'inexact';
  /** Where it stands, in UTF-16 units from the beginning. */
  readonly index: number;
}

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s"{}[\]:,]+/gu;

/**
 * The first loss of reading a text; undefined where there is none.
 *
 * @param text valid JSON
 */
export function lossOf(text: string): JsonLoss | undefined {
  const open: (Set<string> | undefined)[] = [];
  let expectsName = false;
  for (const { 0: found, index } of text.matchAll(token)) {
    const names = open.at(-1);
    if (found === '{') open.push(new Set());
    else if (found === '[') open.push(undefined);
    else if (found === '}' || found === ']') open.pop();
    else if (expectsName && names !== undefined && found.startsWith('"')) {
      const name = JSON.parse(found) as string;
      if (names.has(name)) return { kind: 'twice', index };
      names.add(name);
    } else if (/^-?\d/.test(found) && !isExact(found)) return { kind: 'inexact', index };
    expectsName = found === '{' || (found === ',' && names !== undefined);
  }
  return undefined;
}

/** Whether a number's digits come back from a double: whole numbers all of them, others as far as they are finite. */
export function isExact(digits: string): boolean {
  const value = Number(digits);
  if (!Number.isFinite(value)) return false;
  return (
    !/^[-+]?\d+$/.test(digits) || Number.isSafeInteger(value) || String(value) === digits.replace('+', '')
  );
}
