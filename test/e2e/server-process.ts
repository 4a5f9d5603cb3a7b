/**
 * The real program as a child process, in a home of its own. Nothing here knows the time: a server is ready when it says so, and
 * gone when its process is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const program = fileURLToPath(new URL('../../bin/coffer.js', import.meta.url));

/** Where one store's files and one person's settings lie. */
export interface Place {
  readonly home: string;
  /** The user's folder of settings: keyfile, root token, kept login. */
  readonly config: string;
  /** The default data directory. */
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Outcome {
  /** 128 and more for a signal, as a shell tells it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerProcess {
  /** Of the first listener, such as `http://127.0.0.1:40123`. */
  readonly address: string;
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<Outcome>;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<Outcome>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has said something more on its standard error. */
  output(): Promise<void>;
  /** How it ended, once it has. */
  readonly ended: Promise<Outcome>;
}

const running = new Set<ChildProcess>();
const homes = new Set<string>();

/** Interrupted tests leave no servers behind. */
function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.once('exit', endAll);
process.once('SIGTERM', () => {
  endAll();
  process.exit(143);
});

/** A home of its own: nobody's settings, variables or certificates reach the program there. */
export function freshPlace(): Place {
  const home = mkdtempSync(join(tmpdir(), 'coffer-e2e-'));
  homes.add(home);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local', 'share'),
    NO_COLOR: '1',
  };
  return {
    home,
    config: join(env.XDG_CONFIG_HOME, 'coffer'),
    data: join(env.XDG_DATA_HOME, 'coffer'),
    env,
  };
}

/** Ends what a failed test left behind. For `afterAll`. */
export async function cleanUp(): Promise<void> {
  const gone = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
  endAll();
  await Promise.all(gone);
  for (const home of homes) rmSync(home, { recursive: true, force: true });
  homes.clear();
}

export interface StartOptions {
  /** What follows `coffer server --listen 127.0.0.1:0`. */
  readonly words?: readonly string[];
  /** In place of the word `server`. */
  readonly verb?: readonly string[];
  /** Replaces `--listen 127.0.0.1:0`. */
  readonly listen?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the program, such as `strace` with its options. */
  readonly under?: readonly string[];
}

/** Starts a server and waits until it serves. Rejects with what it said if it ends before. */
export function startServer(place: Place, options: StartOptions = {}): Promise<ServerProcess> {
  const listen = options.listen ?? ['--listen', '127.0.0.1:0'];
  const words = [...(options.verb ?? ['server']), ...listen, ...(options.words ?? [])];
  const [command = process.execPath, ...args] = [
    ...(options.under ?? []),
    process.execPath,
    program,
    ...words,
  ];
  const child = launch(command, args, { ...place.env, ...options.env }, 'ignore');
  const output = collect(child);
  const ended = endOf(child, output);
  return new Promise((resolve, reject) => {
    const look = () => {
      const address = /^Serving (?:.* )?on (https?:\/\/[^\s]+:\d+)/m.exec(output.stdout)?.[1];
      if (address !== undefined) resolve(handle(child, address, output, ended));
    };
    child.stdout?.on('data', look);
    void ended.then(({ code, stdout, stderr }) =>
      reject(new Error(`the server ended with ${code} before it served\n${stdout}\n${stderr}`)),
    );
  });
}

/** Runs `coffer` once. `stdin` is piped in; without it there is none. */
export function cli(
  place: Place,
  words: readonly string[],
  options: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  return runProgram(process.execPath, [program, ...words], { ...place.env, ...options.env }, options.stdin);
}

/** Starts `coffer` and leaves it running, to be killed or waited for. */
export function startCli(
  place: Place,
  words: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): { readonly ended: Promise<Outcome>; kill(): void } {
  const child = launch(process.execPath, [program, ...words], { ...place.env, ...options.env }, 'ignore');
  return { ended: endOf(child, collect(child)), kill: () => void child.kill('SIGKILL') };
}

/** Runs any program to its end. */
export function runProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin?: string,
  cwd?: string,
): Promise<Outcome> {
  const child = launch(command, args, env, stdin === undefined ? 'ignore' : 'pipe', cwd);
  const output = collect(child);
  // A program that does not read its input is no failure of the test's.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(stdin);
  return endOf(child, output);
}

interface Output {
  stdout: string;
  stderr: string;
}

function launch(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin: 'ignore' | 'pipe',
  cwd?: string,
): ChildProcess {
  const child = spawn(command, args, { env, cwd, stdio: [stdin, 'pipe', 'pipe'] });
  running.add(child);
  return child;
}

function collect(child: ChildProcess): Output {
  const output: Output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  return output;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

function endOf(child: ChildProcess, output: Output): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code: code ?? 128 + (signalNumbers[signal ?? ''] ?? 0), ...output });
    });
  });
}

function handle(
  child: ChildProcess,
  address: string,
  output: Output,
  ended: Promise<Outcome>,
): ServerProcess {
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  return {
    address,
    pid: child.pid ?? 0,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    signal: (name) => void child.kill(name),
    output: () => new Promise((resolve) => void child.stderr?.once('data', () => resolve())),
    ended,
  };
}
