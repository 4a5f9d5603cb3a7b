/** Names of secrets, as every safe takes them: segments between `/`. */
import { CofferError } from '../errors.ts';

/** Bytes; a server's own limit on a whole path. */
const longest = 700;

/** What is wrong with a name, or undefined. Refused is what one program reads as one name and another as a different one. */
export function nameProblem(name: string): string | undefined {
  if (name === '' || name.endsWith('/')) return 'a name must not be empty or end in "/"';
  if (name.startsWith('/')) return 'a name must not begin with "/"';
  if (!name.isWellFormed()) return 'a name must be valid Unicode text';
  if (/[\u0000-\u001f\u007f-\u009f\\]/.test(name))
    return 'a name must not have control characters or backslashes';
  if (name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'a name must not have empty, "." or ".." segments';
  }
  return Buffer.byteLength(name) > longest ? `a name must have at most ${longest} bytes` : undefined;
}

/** The name itself. Throws `usage` for one that no safe takes. */
export function parseName(name: string): string {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new CofferError('usage', problem);
  return name;
}

/** A folder without its closing `/`; `''` is the whole safe. Throws `usage`. */
export function parseFolder(text: string): string {
  const folder = text.replace(/\/$/, '');
  return folder === '' ? '' : parseName(folder);
}

/** Whether a word on the command line means all below a name: `app/`, or `/` for everything. */
export function isFolder(word: string): boolean {
  return word.endsWith('/');
}

/** A name below a folder. */
export function below(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
