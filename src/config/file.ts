/** A configuration file: TOML or JSON, read whole, with the place of every key. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { isJsonObject } from '../json.ts';
import { locateJsonKeys } from './json-keys.ts';
import type { KeyPath, Place } from './key-places.ts';
import { type Problem, problemIn } from './problem.ts';
import { locateTomlKeys } from './toml-keys.ts';

export interface ConfigFile {
  /** As it was named. */
  readonly name: string;
  /** Absolute; relative paths in the file start here. */
  readonly directory: string;
  readonly values: Readonly<Record<string, unknown>>;
  place(path: KeyPath): Place;
}

export interface ReadFile {
  /** Undefined when it could not be read as one. */
  readonly file: ConfigFile | undefined;
  readonly problems: readonly Problem[];
}

const longestFile = 256 * 1024;
const writableByOthers = 0o022;

/**
 * Reads and parses a file named `.json` or `.toml`; one of another name is JSON when it begins with a brace. Everything wrong is a
 * problem, nothing is thrown. It holds no secrets, so others may read it, but nobody else may write it: whoever can, can point
 * the server at a place of their own.
 */
export function readConfigFile(name: string): ReadFile {
  const { text, problems } = readConfigText(name);
  if (text === undefined) return { file: undefined, problems };
  const parsed = parseConfig(name, text);
  return { ...parsed, problems: [...problems, ...parsed.problems] };
}

/** A file of whatever format as text, by the same rules; undefined where it is none. */
export function readConfigText(name: string): {
  readonly text: string | undefined;
  readonly problems: readonly Problem[];
} {
  const opened = readBytes(name);
  if ('problem' in opened) return { text: undefined, problems: [problemIn(name, undefined, opened.problem)] };
  const lax = laxness(name, opened.stats);
  const text = decode(opened.bytes);
  return text === undefined
    ? { text, problems: [...lax, problemIn(name, undefined, 'is not text in UTF-8')] }
    : { text, problems: lax };
}

/** @param name as messages show it; its ending tells the format */
export function parseConfig(name: string, text: string): ReadFile {
  const json = /\.json$/i.test(name) || (!/\.toml$/i.test(name) && /^\s*\{/.test(text));
  return json ? parseJson(name, text) : parseToml(name, text);
}

function parseToml(name: string, text: string): ReadFile {
  try {
    const values: Readonly<Record<string, unknown>> = parse(text);
    const keys = locateTomlKeys(text);
    return { file: configFile(name, values, (path) => keys.of(path)), problems: [] };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Its further lines quote the file.
    const [first = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    return { file: undefined, problems: [problemIn(name, error, `not valid TOML: ${first}`)] };
  }
}

function parseJson(name: string, text: string): ReadFile {
  const { places, fault, repeated } = locateJsonKeys(text);
  if (fault !== undefined) {
    return { file: undefined, problems: [problemIn(name, fault.place, `not valid JSON: ${fault.message}`)] };
  }
  const values: unknown = JSON.parse(text);
  const problems = repeated.map(({ place, message }) => problemIn(name, place, message));
  if (isJsonObject(values as never)) {
    const object = values as Readonly<Record<string, unknown>>;
    return { file: configFile(name, object, (path) => places.of(path)), problems };
  }
  return { file: undefined, problems: [problemIn(name, places.at(0), 'must hold one JSON object')] };
}

function configFile(
  name: string,
  values: Readonly<Record<string, unknown>>,
  place: (path: KeyPath) => Place,
): ConfigFile {
  return { name, directory: dirname(resolve(name)), values, place };
}

type Opened = { readonly bytes: Buffer; readonly stats: Stats } | { readonly problem: string };

function readBytes(name: string): Opened {
  let file: number | undefined;
  try {
    // Without O_NONBLOCK a named pipe of this name would hold the start for ever.
    file = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) return { problem: 'is not a file' };
    if (stats.size > longestFile) return { problem: `is larger than ${longestFile} bytes` };
    const bytes = Buffer.alloc(stats.size);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    return { bytes: bytes.subarray(0, length), stats };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { problem: 'there is no such file' };
    return { problem: code === 'EACCES' ? 'may not be read by this user' : 'cannot be read' };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function laxness(name: string, { mode, uid }: Stats): readonly Problem[] {
  const self = process.getuid?.();
  if (self === undefined) return [];
  const problems: Problem[] = [];
  if ((mode & writableByOthers) !== 0) {
    const octal = (mode & 0o7777).toString(8).padStart(4, '0');
    const message = `has mode ${octal}, so others may change it; say: chmod go-w ${basename(name) === name ? `./${name}` : name}`;
    problems.push(problemIn(name, undefined, message));
  }
  if (uid !== 0 && uid !== self) {
    problems.push(
      problemIn(
        name,
        undefined,
        'belongs to another user, who may change it; its owner must be this user or root',
      ),
    );
  }
  return problems;
}
