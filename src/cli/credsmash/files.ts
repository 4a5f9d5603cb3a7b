/** Sources and destinations: files, or `-`. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { misuse } from '../credstash/failure.ts';
import { systemReason, unwritable } from '../private-file.ts';
import { readAll } from '../prompt.ts';
import { planFile, writePlanned } from '../render/rendered-file.ts';
import type { Shell } from '../shell.ts';

/** Bytes: far more than an item takes. */
const longest = 32 * 1024 * 1024;

/** The whole of a file. Throws a misuse for one that cannot be read. @param what the operand's name */
export async function readSource(shell: Shell, path: string, what: string): Promise<Buffer> {
  if (path === '-') return readAll(shell, longest);
  try {
    return readFileSync(path);
  } catch (error) {
    throw misuse(`Invalid value for '${what}': '${path}': ${systemReason(error)}`);
  }
}

/**
 * Writes all of it. A new file is for its owner alone, one that is there keeps its mode; both are there whole or as they were. What is
 * no file, such as a pipe, is written to.
 */
export function writeDestination(shell: Shell, path: string, content: Buffer): void {
  if (path === '-') {
    shell.ui.bytes(content);
    return;
  }
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined || there.isFile()) {
    const wishes = { path, mode: undefined, owner: undefined, group: undefined, follow: true };
    writePlanned(planFile(wishes, content));
    return;
  }
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw unwritable(path, error);
  }
}
