/** The token that `coffer login` keeps: one line in a file that only its owner may read. */
import { readFileSync, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { CofferError } from '../errors.ts';
import { makePrivateDirectory, systemReason, writePrivateFile } from './private-file.ts';

/** Replaces the file at once; its folder is made when missing. Throws `usage` when it cannot be written. */
export function writeTokenFile(path: string, token: string): void {
  makePrivateDirectory(dirname(path));
  writePrivateFile(path, `${token}\n`);
}

/** The token in the file, or undefined when there is no such file. Throws `usage` for a file that holds none. */
export function readTokenFile(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
  return parseToken(text, path);
}

/** Removes the file; says whether there was one. */
export function removeTokenFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw new CofferError('usage', `cannot remove ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** Others on this machine may read the file. Where modes mean nothing (Windows), nobody else may. */
export function isReadableByOthers(path: string): boolean {
  if (process.platform === 'win32') return false;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && (stat.mode & 0o077) !== 0;
}

/**
 * One token and at most a line end: what a header can carry. `source` names the place in the message; the text itself is never
 * repeated. Throws `usage`.
 */
export function parseToken(text: string, source: string): string {
  const token = text.trim();
  if (token === '') throw new CofferError('usage', `there is no token in ${source}`);
  if (!/^[\x21-\x7e]+$/.test(token) || token.length > 8192) {
    throw new CofferError('usage', `what is in ${source} is not a token`);
  }
  return token;
}
