/** The files that rendering starts from: templates, variables, manifests. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { readImport } from '../import-file.ts';
import type { Shell } from '../shell.ts';

/** A text file, or `-`. Throws `usage` and `invalid_request`, with the file's name. */
export async function readText(shell: Shell, file: string): Promise<string> {
  return named(file, () => readImport(shell, file));
}

/** JSON or YAML, as the name says; JSON where it says nothing. YAML counts as 1.1, where `mode: 0600` is octal. */
export async function readDocument(shell: Shell, file: string): Promise<JsonValue> {
  const text = await readText(shell, file);
  return named(file, async () => {
    if (!/\.ya?ml$/i.test(file)) return parseJson(text);
    const { readYaml } = await import('../format/yaml-text.ts');
    const [document = null, ...others] = readYaml(text, 'yaml-1.1');
    if (others.length > 0) throw new CofferError('invalid_request', 'the text must be one document');
    return document;
  });
}

/** A template's variables. */
export async function readVariables(shell: Shell, file: string): Promise<JsonObject> {
  const document = await readDocument(shell, file);
  if (isJsonObject(document)) return document;
  throw new CofferError('invalid_request', `${file}: variables must be a map of names and values`);
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // No cause: the parser's message repeats a piece of the text.
    throw new CofferError('invalid_request', 'this is not JSON');
  }
}

async function named<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof CofferError) || error.code !== 'invalid_request') throw error;
    throw new CofferError(error.code, `${file === '-' ? 'standard input' : file}: ${error.message}`);
  }
}
