/** Values as words of the command line: themselves, `@FILE`, or `-` for standard input. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemReason } from '../private-file.ts';
import { readAll } from '../prompt.ts';
import { type Shell, variable } from '../shell.ts';
import { misuse } from './failure.ts';

/** Bytes: far more than an item takes. */
const longest = 32 * 1024 * 1024;

/**
 * What a word stands for. A file is text, and its line ends become `\n`, as the old program has it. Throws a misuse for a file that
 * cannot be read, and for what is no UTF-8.
 *
 * @param what the operand's name, for the message
 */
export async function readValueWord(shell: Shell, word: string, what: string): Promise<string> {
  if (word === '-') return text(await readAll(shell, longest), what);
  if (!word.startsWith('@')) return word;
  const path = word.slice(1);
  try {
    return text(readFileSync(expanded(shell, path)), what).replace(/\r\n?/g, '\n');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'syscall' in error)) throw error;
    throw misuse(`argument ${what}: Unable to read file ${path} (${systemReason(error)})`);
  }
}

function text(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw misuse(`argument ${what}: not valid UTF-8; credstash keeps text only`);
  }
}

function expanded({ env }: Shell, path: string): string {
  if (path !== '~' && !path.startsWith('~/')) return path;
  return join(variable(env, 'HOME') ?? '~', path.slice(1));
}
