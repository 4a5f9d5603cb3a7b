/**
 * Runs another program as if it stood in our place: its streams are ours, signals to us reach it, its end is ours. Or starts one
 * that goes its own way. The only file that starts programs, and never through a shell: words arrive as they are.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants as access, accessSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { isatty } from 'node:tty';

export interface ChildOrder {
  /** A path when it has a `/`; otherwise looked for in `searchPath`. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** As in the variable PATH. */
  readonly searchPath: string | undefined;
}

/** How it ended, as a shell tells it: the exit code, or 128 and the number of the signal. */
export type ChildEnd =
  | { readonly kind: 'ended'; readonly code: number }
  | { readonly kind: 'failed'; readonly reason: 'missing' | 'forbidden' | 'too-large' | 'other' };

/** Without a say of the user's: a shell that searches no PATH knows these. */
const defaultSearchPath = '/usr/local/bin:/usr/bin:/bin';

/** Those that a terminal sends to all programs in front of it: there the child has them already. */
const fromTerminal = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const;
const others = ['SIGHUP', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGPIPE'] as const;

export async function runChild(order: ChildOrder): Promise<ChildEnd> {
  const found = findProgram(order);
  if (found.kind === 'failed') return found;
  let child: ChildProcess | undefined;
  const forward = (signal: NodeJS.Signals) => {
    if (fromTerminal.some((name) => name === signal) && isInFront()) return;
    child?.kill(signal);
  };
  // Before the start: a signal must not end us while the child lives on.
  for (const signal of [...fromTerminal, ...others]) process.on(signal, forward);
  try {
    child = spawn(found.path, order.args, { argv0: order.command, env: order.env, stdio: 'inherit' });
    return await endOf(child);
  } catch (error) {
    return failure(error);
  } finally {
    for (const signal of [...fromTerminal, ...others]) process.off(signal, forward);
  }
}

/** Milliseconds for a program that is asked something; a keyring may have to ask its owner. */
const answerTime = 60_000;
const longestAnswer = 64 * 1024;

/**
 * What a program writes to standard output for what it is given on standard input. Undefined where it is missing, fails, takes too
 * long or says too much: whoever asks has another way.
 */
export async function askProgram(order: ChildOrder, input: string): Promise<string | undefined> {
  const found = findProgram(order);
  if (found.kind === 'failed') return undefined;
  const child = spawn(found.path, order.args, {
    argv0: order.command,
    env: order.env,
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: answerTime,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > longestAnswer) child.kill('SIGKILL');
    else chunks.push(chunk);
  });
  // One that ends without reading is told by its exit code.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = await endOf(child);
  if (end.kind === 'failed') return undefined;
  await closed;
  return end.code === 0 && size <= longestAnswer ? Buffer.concat(chunks).toString('utf8') : undefined;
}

/** Starts a program that goes its own way, such as a browser: it has none of our streams, and its end is nobody's business. */
export function startBeside(order: ChildOrder): void {
  const found = findProgram(order);
  if (found.kind === 'failed') return;
  const child = spawn(found.path, order.args, {
    argv0: order.command,
    env: order.env,
    stdio: 'ignore',
    detached: true,
  });
  child.once('error', () => undefined);
  child.unref();
}

/** A program that runs beside us with our output, and is told signals by whoever started it. */
export interface StartedChild {
  /** Never rejects. */
  readonly ended: Promise<ChildEnd>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a program; that it could not be started is how it ended. */
export function startChild(order: ChildOrder): StartedChild {
  const found = findProgram(order);
  if (found.kind === 'failed') return { ended: Promise.resolve(found), kill: () => undefined };
  const child = spawn(found.path, order.args, { argv0: order.command, env: order.env, stdio: 'inherit' });
  return { ended: endOf(child), kill: (signal) => void child.kill(signal) };
}

function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(failure(error)));
    child.once('exit', (code, signal) => {
      const number = signal === null ? 0 : constants.signals[signal];
      resolve({ kind: 'ended', code: code ?? 128 + number });
    });
  });
}

function failure(error: unknown): ChildEnd {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'failed', reason: 'missing' };
  if (code === 'EACCES' || code === 'EPERM' || code === 'EISDIR')
    return { kind: 'failed', reason: 'forbidden' };
  return { kind: 'failed', reason: code === 'E2BIG' ? 'too-large' : 'other' };
}

type Found = { readonly kind: 'found'; readonly path: string } | (ChildEnd & { readonly kind: 'failed' });

/** Looked for in our own PATH, not in the child's, which may have none or come from a secret. */
function findProgram({ command, searchPath = defaultSearchPath }: ChildOrder): Found {
  const places = command.includes('/')
    ? [command]
    : searchPath.split(delimiter).map((folder) => join(folder || '.', command));
  let forbidden = false;
  for (const path of places) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (stat.isFile() && isExecutable(path)) return { kind: 'found', path };
    forbidden = true;
  }
  return { kind: 'failed', reason: forbidden ? 'forbidden' : 'missing' };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, access.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether this process is in front of its terminal. Linux tells (proc(5), `tpgid`); elsewhere a terminal is taken for it. */
function isInFront(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , front] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group !== undefined && group === front;
  } catch {
    return [0, 1, 2].some((descriptor) => isatty(descriptor));
  }
}
