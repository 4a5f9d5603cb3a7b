/**
 * `command`: a program of this machine is run for each letter, which it reads from its standard input. Which program that is says the
 * server's own configuration and nothing else: no request names one, adds a word to one, or reaches its environment.
 */
import { spawn } from 'node:child_process';
import { CofferError } from '../../errors.ts';
import { type ConfiguredNotifier, type Letter, letterJson } from '../notifier.ts';
import { programProblem } from './program.ts';
import { Turns } from './turns.ts';

export interface CommandSettings {
  readonly name: string;
  /** The program's absolute path and its words; they arrive as they are, and no shell reads them. */
  readonly command: readonly string[];
  readonly kinds: readonly string[];
  /** Milliseconds from its start to its end. */
  readonly timeout: number;
}

/** All that the program is told besides its words and the letter: nothing of the server's environment, where keys may be. */
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' } as const;
/** Programs of one notifier at the same time. */
const sideBySide = 4;

export function commandNotifier({ name, command, kinds, timeout }: CommandSettings): ConfiguredNotifier {
  return {
    name,
    type: 'command',
    kinds,
    open(clock) {
      const turns = new Turns(sideBySide);
      return {
        deliver: (letter, signal) =>
          turns.take(signal, async () => {
            const late = new AbortController();
            const timer = clock.after(timeout, () => late.abort());
            try {
              await run(command, letter, AbortSignal.any([signal, late.signal]));
            } finally {
              timer[Symbol.dispose]();
            }
          }),
        close: () => undefined,
      };
    },
  };
}

/** Resolves when the program ended with 0. What it prints goes nowhere. */
async function run(
  [program = '', ...words]: readonly string[],
  letter: Letter,
  signal: AbortSignal,
): Promise<void> {
  // Looked at each time: the file may be another one since.
  const problem = programProblem(program);
  if (problem !== undefined) throw new CofferError('unavailable', problem);
  await new Promise<void>((resolve, reject) => {
    // A group of its own, so that what it started ends with it.
    const child = spawn(program, words, {
      cwd: '/',
      env: environment,
      shell: false,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const end = () => killGroup(child.pid);
    const settle = (outcome: CofferError | undefined) => {
      signal.removeEventListener('abort', end);
      if (outcome === undefined) resolve();
      else reject(outcome);
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    child.once('error', (error) => settle(failure('could not be run', error)));
    child.once('exit', (code) => {
      // What it left behind in its group holds nothing of ours, and yet is not wanted.
      end();
      if (signal.aborted) settle(failure('took too long and was ended'));
      else if (code === 0) settle(undefined);
      else settle(failure(code === null ? 'was ended by a signal' : `ended with ${code}`));
    });
    // A program need not read what it is told.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${letterJson(letter)}\n`);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function failure(reason: string, cause?: Error): CofferError {
  const code = cause !== undefined && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new CofferError('unavailable', `the program of the notifier ${reason}${code}`, { cause });
}
