/** Keys and passphrases on their way in (from the terminal or standard input, never from arguments) and out (to private files). */
import { closeSync, fsyncSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { CofferError } from '../errors.ts';
import { systemReason, unwritable } from './private-file.ts';
import { askHidden, isInteractive, readAll } from './prompt.ts';
import type { Shell } from './shell.ts';

const longestInput = 64 * 1024;

/** Hands out keys one by one: asked for at a terminal, or the lines of standard input. Undefined when there are no more. */
export type NextKey = (question: string) => Promise<string | undefined>;

export async function keySource(shell: Shell): Promise<NextKey> {
  if (isInteractive(shell)) return (question) => askHidden(shell, question);
  const lines = (await readAll(shell, longestInput)).toString('utf8').split('\n');
  const keys = lines.map((line) => line.trim()).filter((line) => line !== '');
  return async () => keys.shift();
}

/** A new passphrase: asked for twice at a terminal. Throws `usage` when there is none, or the two differ. */
export async function newPassphrase(shell: Shell): Promise<string> {
  const next = await keySource(shell);
  const passphrase = await next('new passphrase');
  if (passphrase === undefined) throw new CofferError('usage', 'there is no passphrase on standard input');
  if (isInteractive(shell) && (await next('the same again')) !== passphrase) {
    throw new CofferError('usage', 'the two passphrases differ; nothing was changed');
  }
  return passphrase;
}

/** The key in a keyfile. Throws `usage` for what is none; its own checks are the server's. */
export function keyOfKeyfile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CofferError('usage', `cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
  const key = /^key:\s*(\S+)\s*$/m.exec(text)?.[1];
  if (!text.trimStart().startsWith('coffer keyfile') || key === undefined) {
    throw new CofferError('usage', `${path} is not a keyfile`);
  }
  return key;
}

/** A file of mode 0600 that is there, and empty, before what belongs in it is made: so that no key is left without a place. */
export class SecretFile {
  readonly path: string;
  readonly #file: number;

  /** Throws `usage` when there is a file already, or none can be made. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = openSync(path, 'wx', 0o600);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** On disk when it returns. */
  fill(text: string): void {
    try {
      writeSync(this.#file, text);
      fsyncSync(this.#file);
    } catch (error) {
      throw unwritable(this.path, error);
    } finally {
      closeSync(this.#file);
    }
  }

  discard(): void {
    closeSync(this.#file);
    unlinkSync(this.path);
  }
}

/** Makes a secret and puts it into the file, or prints it without one, and rather than lose it where the file fails. */
export async function delivered(
  shell: Shell,
  path: string | undefined,
  make: () => Promise<string>,
): Promise<void> {
  const file = path === undefined ? undefined : new SecretFile(path);
  let secret: string;
  try {
    secret = await make();
  } catch (error) {
    file?.discard();
    throw error;
  }
  if (file === undefined) return shell.ui.text(secret);
  try {
    file.fill(secret);
  } catch (error) {
    shell.ui.text(secret);
    throw error;
  }
}
