/** A function as Lambda runs it: the built bundle in a process of its own, one event at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../src/json.ts';

const runtime = fileURLToPath(new URL('function-runtime.mjs', import.meta.url));
const bundle = (name: string) => fileURLToPath(new URL(`../../dist/lambda/${name}.mjs`, import.meta.url));

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface FunctionAnswer {
  readonly result?: JsonObject;
  readonly error?: { readonly name: string; readonly message: string };
}

export interface FunctionProcess {
  readonly pid: number;
  /** Everything that it wrote to its log. */
  readonly log: string;
  invoke(event: unknown, remaining?: number): Promise<FunctionAnswer>;
  signal(name: NodeJS.Signals): void;
  /** As Lambda ends an environment: without a word. */
  kill(): Promise<void>;
}

/** Resolves once its module is loaded. Rejects with what it said where that fails. */
export async function startFunction(
  name: 'public' | 'duties',
  env: Readonly<Record<string, string>>,
): Promise<FunctionProcess> {
  const child = spawn(process.execPath, [runtime, bundle(name)], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nowhere', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  let log = '';
  const answers: ((answer: FunctionAnswer) => void)[] = [];
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      running.delete(child);
      for (const answer of answers.splice(0)) answer({ error: { name: 'ended', message: log } });
      resolve();
    });
  });
  const next = () => new Promise<FunctionAnswer>((resolve) => answers.push(resolve));
  child.stdin?.on('error', () => undefined);
  child.stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const ready = next();
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('=')) answers.shift()?.(JSON.parse(line.slice(1)) as FunctionAnswer);
      else log += `${line}\n`;
    });
  }
  const { error } = await ready;
  if (error !== undefined) throw new Error(`the function did not start: ${error.message}`);
  return {
    pid: child.pid ?? 0,
    get log() {
      return log;
    },
    invoke(event, remaining = 30_000) {
      const answer = next();
      child.stdin?.write(`${JSON.stringify({ event, remaining })}\n`);
      return answer;
    },
    signal: (signal) => void child.kill(signal),
    kill() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

/** For `afterAll`: ends what a failed test left behind. */
export async function endFunctions(): Promise<void> {
  const left = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(left);
}
