/**
 * The data that follows a path: `key=value`, `key=@file`, `key=-` for standard input, `key=\@text` for a text that begins so;
 * `@file` and `-` alone are a JSON object. A key that is repeated becomes a list. Messages name keys, never values.
 */
import { readFileSync } from 'node:fs';
import { emptyObject, isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { systemReason } from '../private-file.ts';
import { readAll } from '../prompt.ts';
import type { Shell } from '../shell.ts';
import { misuse } from './failure.ts';

const longest = 32 * 1024 * 1024;

export async function readDataWords(shell: Shell, words: readonly string[]): Promise<JsonObject> {
  const data = emptyObject();
  const reader = new Reader(shell);
  for (const word of words) {
    if (word === '-') merge(data, objectIn(await reader.stdin(), 'standard input'));
    else if (word.startsWith('@')) merge(data, objectIn(fileText(word.slice(1)), 'the file'));
    else await addPair(data, word, reader);
  }
  return data;
}

/** `key=value` words alone, without files and standard input. */
export function readPlainPairs(words: readonly string[]): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = Object.create(null);
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1) throw notPair(word);
    pairs[word.slice(0, at)] = word.slice(at + 1);
  }
  return pairs;
}

/** Standard input is there once. */
class Reader {
  readonly #shell: Shell;
  #taken = false;

  constructor(shell: Shell) {
    this.#shell = shell;
  }

  async stdin(): Promise<string> {
    if (this.#taken) throw misuse('Failed to parse K=V data: standard input can be read only once');
    this.#taken = true;
    return (await readAll(this.#shell, longest)).toString('utf8');
  }
}

async function addPair(data: Record<string, JsonValue>, word: string, reader: Reader): Promise<void> {
  const at = word.indexOf('=');
  if (at < 1) throw notPair(word);
  const [key, text] = [word.slice(0, at), word.slice(at + 1)];
  add(data, key, await readValue(text, reader));
}

async function readValue(text: string, reader: Reader): Promise<string> {
  if (text === '-') return reader.stdin();
  if (text.startsWith('@')) return fileText(text.slice(1));
  return /^\\[@-]/.test(text) ? text.slice(1) : text;
}

function add(data: Record<string, JsonValue>, key: string, value: JsonValue): void {
  const before = Object.hasOwn(data, key) ? data[key] : undefined;
  data[key] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
}

function merge(data: Record<string, JsonValue>, object: JsonObject): void {
  for (const [key, value] of Object.entries(object)) add(data, key, value);
}

function objectIn(text: string, source: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message repeats a piece of the text, which may be a secret.
    throw misuse(`Failed to parse K=V data: what is in ${source} is not JSON`);
  }
  if (!isJsonObject(value)) throw misuse(`Failed to parse K=V data: what is in ${source} is no JSON object`);
  return value;
}

export function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw misuse(`error reading file: ${path}: ${systemReason(error)}`);
  }
}

/** The word itself is not repeated: it may be a secret without its key. */
function notPair(word: string): ReturnType<typeof misuse> {
  const hint = word === '' ? 'it is empty' : 'it has no "=" behind a name';
  return misuse(`Failed to parse K=V data: invalid key/value pair: format must be key=value, and ${hint}`);
}
