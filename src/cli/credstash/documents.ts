/** Names and values as both programs print them: Python's own writing of JSON and CSV, so that what compares texts goes on doing it. */
import { compareText } from '../../credstash/version.ts';
import type { JsonObject } from '../../json.ts';
import { failed } from './failure.ts';

export type Pairs = readonly (readonly [name: string, value: string])[];

export function byName(pairs: Pairs): Pairs {
  return pairs.toSorted(([left], [right]) => compareText(left, right));
}

/** `json.dumps(…, sort_keys=True, indent=4)`: everything beyond ASCII is escaped. No newline at the end. */
export function jsonDocument(pairs: Pairs): string {
  if (pairs.length === 0) return '{}';
  const lines = byName(pairs).map(([name, value]) => `    ${jsonText(name)}: ${jsonText(value)}`);
  return `{\n${lines.join(',\n')}\n}`;
}

function jsonText(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Rows of name and value in Excel's manner, as Python's `csv` writes them. */
export function csvDocument(pairs: Pairs, lineEnd: '\n' | '\r\n'): string {
  return pairs.map((row) => `${row.map(csvField).join(',')}${lineEnd}`).join('');
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The same document as PyYAML's, in quotes of our own. */
export async function yamlDocument(pairs: Pairs): Promise<string> {
  const { writeYaml } = await import('../format/yaml-text.ts');
  const map = Object.fromEntries(byName(pairs)) satisfies JsonObject;
  return pairs.length === 0 ? '{}\n' : writeYaml(map);
}

/**
 * `NAME='value'`, the name in capitals. A value with a quote in it goes into the other quotes that dotenv has, which carry it where
 * nothing in it means something there. Throws for one that neither carries, and for a name that would be more than a name: whoever
 * may write the table could set any variable with it, or have a shell that reads the file run something.
 */
export function dotenvDocument(pairs: Pairs): string {
  return pairs.map(([name, value]) => `${dotenvName(name)}=${dotenvValue(name, value)}\n`).join('');
}

function dotenvName(name: string): string {
  const written = name.toUpperCase();
  if (/^[\p{L}\p{N}\p{M}_.:/@+,-]+$/u.test(written)) return written;
  throw failed(
    `dotenv has no way to write the name ${JSON.stringify(name)}: it has signs that mean something there`,
  );
}

function dotenvValue(name: string, value: string): string {
  if (!value.includes("'")) return `'${value}'`;
  if (!/["\\$`\n\r]/.test(value)) return `"${value}"`;
  throw failed(
    `dotenv has no way to write the value of ${name}: it has both kinds of quotes, or signs that mean something between them`,
  );
}
