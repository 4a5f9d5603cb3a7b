/** Several secrets in one text: JSON, YAML or CSV, as `-f` or the ending of a file's name says. */
import { isUtf8 } from 'node:buffer';
import { isJsonObject, type JsonValue } from '../../json.ts';
import { csvDocument, jsonDocument, type Pairs, yamlDocument } from '../credstash/documents.ts';
import { failed } from '../credstash/failure.ts';
import { csvRows } from './csv-rows.ts';

const endings: Readonly<Record<string, string>> = { json: 'json', yml: 'yaml', yaml: 'yaml', csv: 'csv' };

/** @param file its name, or `-` */
export function formatFor(asked: string | undefined, file: string, usual: string): string {
  if (asked !== undefined && asked !== '') return asked;
  const ending = /\.([^./]+)$/.exec(file)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(endings, ending) ? (endings[ending] ?? usual) : usual;
}

/** Throws for a format that carries no names. */
export async function encodeMany(pairs: Pairs, format: string): Promise<string> {
  if (format === 'json') return jsonDocument(pairs);
  if (format === 'csv') return csvDocument(pairs, '\r\n');
  if (format === 'yaml') return yamlDocument(pairs);
  throw unsupported(format);
}

/** Names and texts. Throws for anything else, before there is anything to do. No message repeats a value. */
export async function decodeMany(bytes: Buffer, format: string, what: string): Promise<Pairs> {
  if (format !== 'json' && format !== 'csv' && format !== 'yaml') throw unsupported(format);
  const text = textOf(bytes, what);
  if (format === 'csv') return unique(csvRows(text, what));
  const document = format === 'json' ? parseJson(text, what) : await parseYaml(text, what);
  if (!isJsonObject(document)) throw failed(`${what}: Unsupported type: wanted are names and texts`);
  return Object.entries(document).map(([name, value]) => {
    if (typeof value === 'string') return [name, value];
    throw failed(`${what}: the value of ${name} must be text`);
  });
}

/** Any JSON or YAML. */
export async function decodeDocument(bytes: Buffer, format: string, what: string): Promise<JsonValue> {
  const text = textOf(bytes, what);
  if (format === 'json') return parseJson(text, what);
  if (format === 'yaml') return parseYaml(text, what);
  throw unsupported(format);
}

/** As text, if it is any. */
export function asText(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function textOf(bytes: Buffer, what: string): string {
  const text = asText(bytes);
  if (text === undefined) throw failed(`${what}: not valid UTF-8`);
  return text.replace(/^\ufeff/, '');
}

function parseJson(text: string, what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // No cause: the parser's message repeats a piece of the text.
    throw failed(`${what}: this is not JSON`);
  }
}

/** YAML as Python's package has it, where `mode: 0600` is octal. */
async function parseYaml(text: string, what: string): Promise<JsonValue> {
  const { readYaml } = await import('../format/yaml-text.ts');
  try {
    const [document = null, ...others] = readYaml(text, 'yaml-1.1');
    if (others.length === 0) return document;
  } catch (error) {
    throw failed(`${what}: ${error instanceof Error ? error.message : 'this is not YAML'}`);
  }
  throw failed(`${what}: the text must be one document`);
}

/** The last of a name counts. */
function unique(pairs: Pairs): Pairs {
  return [...new Map(pairs)];
}

function unsupported(format: string) {
  return failed(`Unsupported format: ${format.slice(0, 40)}`);
}
