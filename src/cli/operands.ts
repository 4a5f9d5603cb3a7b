/**
 * Reads `FIELD=VALUE`, `FIELD=@file`, `FIELD=-`, `@file` and `-` from the command line. A leading backslash keeps an `@` or `-` as
 * it is. Messages never repeat an operand: it may be a secret.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { CofferError } from '../errors.ts';
import { systemReason } from './private-file.ts';
import { readAll, tooLarge } from './prompt.ts';
import type { World } from './shell.ts';

/** The most one value may have, in bytes: a secret's limit on the wire. */
export const longestValue = 1024 * 1024;

const fieldPattern = /^([^\s=@-][^\s=]*)=(.*)$/su;

export interface FieldOperand {
  readonly name: string;
  /** What stands behind the `=`, not yet read. */
  readonly source: string;
}

/** `FIELD=…` taken apart, or undefined for anything else. */
export function parseField(operand: string): FieldOperand | undefined {
  const match = fieldPattern.exec(operand);
  return match === null ? undefined : { name: match[1] ?? '', source: match[2] ?? '' };
}

/** Reads values, and standard input only once. */
export class ValueReader {
  readonly #world: Pick<World, 'stdin'>;
  #stdinRead = false;

  constructor(world: Pick<World, 'stdin'>) {
    this.#world = world;
  }

  /** `-` is standard input, `@file` a file, anything else itself. */
  async read(source: string): Promise<Uint8Array> {
    if (source === '-') return this.readStdin();
    if (source.startsWith('@')) return readFile(source.slice(1), behindAt);
    const text = /^\\[@-]/.test(source) ? source.slice(1) : source;
    if (text.includes('\ufffd') || !text.isWellFormed()) {
      throw new CofferError(
        'usage',
        'a value on the command line is not valid text; give it as @file or on standard input',
      );
    }
    return Buffer.from(text);
  }

  /** A file that was named as one, or standard input for `-`. */
  async readFile(path: string): Promise<Uint8Array> {
    return path === '-' ? this.readStdin() : readFile(path, (reason) => `cannot read ${path}: ${reason}`);
  }

  async readStdin(): Promise<Uint8Array> {
    if (this.#stdinRead) throw new CofferError('usage', 'standard input can give only one value');
    this.#stdinRead = true;
    return readAll(this.#world, longestValue);
  }
}

/** The name is not repeated: it may be a secret that starts with `@`. */
function behindAt(reason: string): string {
  return `cannot read the file named behind "@": ${reason} (a value that starts with "@" itself is written \\@…)`;
}

/** Read piece by piece, so that a pipe works and an endless file ends in an error. */
function readFile(path: string, problem: (reason: string) => string): Buffer {
  const buffer = Buffer.allocUnsafe(longestValue + 1);
  let size = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (let read = -1; read !== 0 && size <= longestValue; size += read) {
        read = readSync(file, buffer, size, buffer.length - size, null);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new CofferError('usage', problem(systemReason(error)));
  }
  if (size > longestValue) throw tooLarge('the file', longestValue);
  return buffer.subarray(0, size);
}
