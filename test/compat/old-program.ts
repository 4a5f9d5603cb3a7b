/** An old program in Python whose modules are loaded once for all of its runs; see `old-program.py`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../e2e/server-process.ts';

const runner = fileURLToPath(new URL('old-program.py', import.meta.url));

export interface OldCall {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin?: string | undefined;
}

export class OldProgram {
  readonly #child: ChildProcess;
  readonly #ends: Interface;
  readonly #gone: Promise<never>;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param path what pip installed to start the program
   * @param env of the interpreter: the locale of all calls is this one's
   */
  constructor(path: string, env: Readonly<Record<string, string>>) {
    // A group of its own, so that a call that hangs ends with it.
    this.#child = spawn(join(dirname(path), 'python'), [runner, path], {
      env,
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    });
    this.#gone = new Promise((_resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', () => reject(new Error(`${path} is not run any more`)));
    });
    this.#gone.catch(() => undefined);
    this.#ends = createInterface(this.#child.stdio[4] as Readable);
  }

  /** One call, after those before. */
  run(call: OldCall): Promise<Outcome> {
    const run = this.#last.then(() => this.#run(call));
    this.#last = run.catch(() => undefined);
    return run;
  }

  close(): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    process.kill(-pid, 'SIGKILL');
  }

  async #run({ words, env, cwd, stdin }: OldCall): Promise<Outcome> {
    const streams = mkdtempSync(join(tmpdir(), 'coffer-old-'));
    const at = (name: string) => join(streams, name);
    try {
      if (stdin !== undefined) writeFileSync(at('stdin'), stdin);
      const ended = new Promise<string>((resolve) => void this.#ends.once('line', resolve));
      const files = {
        stdin: stdin === undefined ? '/dev/null' : at('stdin'),
        stdout: at('stdout'),
        stderr: at('stderr'),
      };
      const calls = this.#child.stdio[3] as Writable;
      calls.write(`${JSON.stringify({ words, env, cwd, ...files })}\n`);
      const code = Number(await Promise.race([ended, this.#gone]));
      const text = (name: string) => readFileSync(at(name), 'utf8');
      return { code, stdout: text('stdout'), stderr: text('stderr') };
    } finally {
      rmSync(streams, { recursive: true, force: true });
    }
  }
}
