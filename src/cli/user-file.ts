/** The user's own settings for the CLI: `~/.config/coffer/cli.json`, a JSON object of texts. */
import { readFileSync } from 'node:fs';
import { CofferError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import { systemReason } from './private-file.ts';

const names = ['address', 'safe', 'namespace', 'ca_cert'] as const;

export type UserSettings = { readonly [N in (typeof names)[number]]?: string };

/** Nothing is set when there is no file. Throws `usage`, naming everything that is wrong with one. */
export function readUserFile(path: string): UserSettings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
  return parseUserSettings(text, path);
}

export function parseUserSettings(text: string, path: string): UserSettings {
  const value = parseJson(text);
  if (!isJsonObject(value)) throw new CofferError('usage', `${path} must hold a JSON object`);
  const problems = Object.entries(value).flatMap(([name, setting]) => {
    if (!names.some((known) => known === name)) return [`"${name}" is not a setting`];
    return typeof setting === 'string' ? [] : [`"${name}" must be a text`];
  });
  if (problems.length > 0) {
    throw new CofferError('usage', `${path}: ${problems.join('; ')} (settings are: ${names.join(', ')})`);
  }
  return value as UserSettings;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
