/** The agent as a process of its own, waited for by what it says in its log. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Outcome, type Place, program } from './server-process.ts';

export interface AgentProcess {
  readonly pid: number;
  /** All that it said. */
  readonly log: string;
  readonly stdout: string;
  /** Resolves once it has said this, since the last that was waited for; rejects where it ends before. */
  said(message: string): Promise<string>;
  /** The same for what it and its programs write to standard output. */
  wrote(text: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Outcome>;
}

const running = new Set<ChildProcess>();

/** Ends what a failed test left behind. For `afterAll`. */
export async function endAgents(): Promise<void> {
  const gone = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(gone);
}
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function startAgent(
  place: Place,
  config: string,
  env: Readonly<Record<string, string>> = {},
): AgentProcess {
  const words = [program, 'agent', '--config', config, '--log-level', 'debug'];
  const child = spawn(process.execPath, words, {
    env: { ...place.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  /** Up to where somebody waited. */
  let heard = 0;
  let read = 0;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const look of [...waiting]) look();
    });
  }
  const ended = new Promise<Outcome>((resolve) => {
    child.on('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 255, ...output });
      for (const look of [...waiting]) look();
    });
  });
  /** Looks again whenever something was said, until `find` has found it. */
  const wait = <T>(what: string, find: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined && running.has(child)) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`the agent ended before "${what}":\n${output.stdout}\n${output.stderr}`));
      };
      waiting.add(look);
      look();
    });
  return {
    pid: child.pid ?? 0,
    get log() {
      return output.stderr;
    },
    get stdout() {
      return output.stdout;
    },
    said: (message) =>
      wait(message, () => {
        const at = output.stderr.indexOf(`"msg":"${message}"`, heard);
        if (at === -1) return undefined;
        heard = at + message.length;
        return output.stderr.slice(output.stderr.lastIndexOf('\n', at) + 1, heard);
      }),
    wrote: (text) =>
      wait(text, () => {
        const at = output.stdout.indexOf(text, read);
        if (at === -1) return undefined;
        read = at + text.length;
        return true;
      }).then(() => undefined),
    signal: (name) => void child.kill(name),
    ended,
  };
}
