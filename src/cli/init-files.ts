/** The files that `operator init --output-dir` writes: made before the store is, so that no share can be left without a place. */
import { closeSync, fsyncSync, openSync, rmdirSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CofferError } from '../errors.ts';
import { makePrivateDirectory, unwritable } from './private-file.ts';

export interface InitSecrets {
  readonly shares: readonly string[];
  readonly rootToken: string;
}

export class InitFiles {
  readonly directory: string;
  readonly #open = new Map<string, number>();

  /** Creates empty files of mode 0600. Throws `usage` when one is there already or the place cannot be written. */
  constructor(directory: string, shares: number) {
    this.directory = directory;
    makePrivateDirectory(directory);
    const names = Array.from({ length: shares }, (_, index) => `share-${index + 1}`);
    try {
      for (const name of [...names, 'root-token']) {
        this.#open.set(name, openSync(join(directory, name), 'wx', 0o600));
      }
    } catch (error) {
      this.discard();
      throw unwritable(directory, error);
    }
  }

  /** Writes and closes them; they are on disk when it returns. */
  fill(secrets: InitSecrets): void {
    if (secrets.shares.length !== this.#open.size - 1) {
      throw new CofferError('unavailable', 'the server made another number of shares than it was asked for');
    }
    const contents = [...secrets.shares, secrets.rootToken];
    try {
      for (const [index, file] of [...this.#open.values()].entries()) {
        writeSync(file, `${contents[index] ?? ''}\n`);
        fsyncSync(file);
      }
    } catch (error) {
      throw unwritable(this.directory, error);
    } finally {
      this.#close();
    }
  }

  /** Takes back what the constructor made. */
  discard(): void {
    const names = [...this.#open.keys()];
    this.#close();
    for (const name of names) unlinkSync(join(this.directory, name));
    try {
      rmdirSync(this.directory);
    } catch {
      // It was there before, or holds something else.
    }
  }

  #close(): void {
    for (const file of this.#open.values()) closeSync(file);
    this.#open.clear();
  }
}
