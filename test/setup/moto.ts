/**
 * AWS for tests: moto's server (PyPI) in a Python of its own, kept below `node_modules` for the next run. A test file starts one
 * when it needs one, and gets it empty; it ends with the process that started it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { installOnce } from './install-once.ts';
import { installDebian } from './tools.ts';

export interface Moto {
  /** `http://127.0.0.1:PORT`; moto tells the services apart by themselves. */
  readonly endpoint: string;
  /** Any keys do, unless moto was told to enforce IAM. */
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number;
  close(): Promise<void>;
}

export interface MotoOptions {
  /** So many calls go through as they come; from then on what IAM does not allow is denied. */
  readonly freeCalls?: number;
}

const version = '5.2.5';
/** An installation that takes longer has failed: a registry that does not answer must not hold the tests for ever. */
const patience = 300_000;
const remedy = `install Python 3 with venv, and let pip reach an index that has moto ${version}`;
const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = join(root, 'node_modules', '.cache', `coffer-moto-${version}`);
const python = join(directory, 'bin', 'python');
const say = (line: string) => process.stderr.write(`${line}\n`);

/** Undefined where moto is not to be had, with a line that says how to get it; under `CI=true` that is a failure. */
export async function startMoto({ freeCalls }: MotoOptions = {}): Promise<Moto | undefined> {
  if (!(await installOnce(directory, makeEnvironment))) {
    if (process.env['CI'] === 'true') throw new Error(`moto is missing: ${remedy}`);
    say(`tests that need moto do not run; to change that, ${remedy}`);
    return undefined;
  }
  const { AWS_CA_BUNDLE: _, ...inherited } = process.env;
  const free = freeCalls === undefined ? {} : { INITIAL_NO_AUTH_ACTION_COUNT: String(freeCalls) };
  const child = spawn(python, [fileURLToPath(new URL('moto-server.py', import.meta.url))], {
    // Its standard input is the thread that it hangs by.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...inherited, ...free },
  });
  const endpoint = `http://127.0.0.1:${await portOf(child)}`;
  return {
    endpoint,
    env: {
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'of-a-test',
      AWS_ENDPOINT_URL: endpoint,
    },
    pid: child.pid ?? 0,
    close: () => end(child),
  };
}

/** Asks a moto of its own API: `reset` empties it. */
export async function resetMoto({ endpoint }: Moto): Promise<void> {
  await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' });
}

/** From the next call on what IAM does not allow is denied, and signatures count; or everything goes through again. */
export async function enforceIam({ endpoint }: Moto, enforced: boolean): Promise<void> {
  await fetch(`${endpoint}/moto-api/reset-auth`, { method: 'POST', body: enforced ? '0' : 'inf' });
}

function portOf(child: ChildProcess): Promise<string> {
  const { stdout, stderr } = child;
  let heard = '';
  stderr?.on('data', (chunk: Buffer) => {
    heard = `${heard}${chunk.toString()}`.slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    if (stdout !== null) createInterface(stdout).once('line', resolve);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`moto did not start:\n${heard}`)));
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function makeEnvironment(): boolean {
  say(`making a Python environment with moto ${version}`);
  const run = (command: string, args: readonly string[]) =>
    spawnSync(command, args, { timeout: patience, stdio: 'ignore' }).status === 0;
  const fresh = ['-m', 'venv', '--clear', directory];
  if (!run('python3', fresh)) {
    installDebian('python3-venv', say);
    if (!run('python3', fresh)) return false;
  }
  return run(python, ['-m', 'pip', 'install', '--quiet', `moto[server]==${version}`]);
}
