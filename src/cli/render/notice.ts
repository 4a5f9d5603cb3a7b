/** Telling a program that a file it reads has changed: by a signal, or by running a command. No shell is asked. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { CofferError } from '../../errors.ts';
import { childEnvironment } from '../child-environment.ts';
import { systemReason } from '../private-file.ts';
import type { Shell } from '../shell.ts';

export interface Notice {
  readonly signal: { readonly name: NodeJS.Signals; readonly pidFile: string } | undefined;
  /** The words of a command, the program first. */
  readonly command: readonly string[] | undefined;
}

/** `HUP` or `SIGHUP`. Throws `usage`. */
export function parseSignal(text: string): NodeJS.Signals {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const found = Object.keys(constants.signals).find((each): each is NodeJS.Signals => each === name);
  if (found === undefined)
    throw new CofferError('usage', '--signal must be the name of a signal, such as HUP');
  return found;
}

/** Words between blanks; quotes and backslashes keep blanks, and nothing is expanded. Throws `usage`. */
export function parseCommand(text: string): readonly string[] {
  const words: string[] = [];
  const piece = /\s*((?:[^\s'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+)/y;
  let at = 0;
  for (let found = piece.exec(text); found !== null; found = piece.exec(text)) {
    at = piece.lastIndex;
    const inner = /\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"/g;
    words.push(
      (found[1] ?? '').replace(
        inner,
        (_, escaped: string | undefined, plain: string | undefined, quoted: string | undefined) =>
          escaped ?? plain ?? (quoted ?? '').replace(/\\([\\"])/g, '$1'),
      ),
    );
  }
  if (words.length === 0 || text.slice(at).trim() !== '') {
    throw new CofferError('usage', '--exec must be a program and its arguments, with every quote closed');
  }
  return words;
}

/** @returns what went wrong, in words; undefined when all is told */
export async function tell(shell: Shell, { signal, command }: Notice): Promise<string | undefined> {
  if (signal !== undefined) {
    const problem = send(signal);
    if (problem !== undefined) return problem;
  }
  if (command === undefined) return undefined;
  const { runChild } = await import('../run-child.ts');
  const [program = '', ...args] = command;
  const env = childEnvironment([], shell.env, { pristine: false, keepToken: false });
  const end = await runChild({ command: program, args, env, searchPath: shell.env['PATH'] });
  if (end.kind === 'failed') return `${program} could not be started`;
  return end.code === 0 ? undefined : `${program} ended with ${end.code}`;
}

function send(signal: NonNullable<Notice['signal']>): string | undefined {
  const sent = sendSignal(signal);
  return sent.kind === 'sent' ? undefined : sent.problem;
}

/** How sending a signal went; `absent` is a process that is not there, and nobody to be told. */
export type SentSignal =
  | { readonly kind: 'sent' }
  | { readonly kind: 'absent' | 'failed'; readonly problem: string };

/** To the process whose number a file holds. */
export function sendSignal({ name, pidFile }: NonNullable<Notice['signal']>): SentSignal {
  try {
    const text = readFileSync(pidFile, 'utf8').trim();
    const pid = Number(text);
    // 0 and negative numbers are groups of processes, 1 is the system's own.
    if (!/^\d{1,9}$/.test(text) || pid <= 1)
      return { kind: 'failed', problem: `${pidFile} does not hold the number of a process` };
    process.kill(pid, name);
    return { kind: 'sent' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ESRCH') return { kind: 'absent', problem: `the process of ${pidFile} is not there` };
    const problem = `no signal was sent by ${pidFile}: ${systemReason(error)}`;
    return { kind: code === 'ENOENT' ? 'absent' : 'failed', problem };
  }
}
