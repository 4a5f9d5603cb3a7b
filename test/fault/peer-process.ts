import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import type { PeerTask, PeerWork } from './storage-peer.ts';

/** A running peer: each of its tasks as a call that rejects with the code of what went wrong over there. */
export interface Peer {
  run<T extends PeerTask>(task: T, ...args: Parameters<PeerWork[T]>): ReturnType<PeerWork[T]>;
  readonly pid: number;
  /** The last number that `writePairs` told as acknowledged. */
  readonly acknowledged: number;
  /** Resolves once `writePairs` has told `count` or a later number. */
  reached(count: number): Promise<void>;
  /** Ends it as `kill -9` does, or with `SIGTERM` when done with it; resolves when it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly failed?: string;
  readonly message?: string;
  readonly acknowledged?: number;
}

/** Starts a peer. With `fileBlocks` no file of it may grow beyond so many blocks of the shell's `ulimit -f`. */
export function startPeer(options: { readonly fileBlocks?: number } = {}): Peer {
  const command =
    options.fileBlocks === undefined ? 'exec "$0" "$1"' : `ulimit -f ${options.fileBlocks}; exec "$0" "$1"`;
  const child = spawn('sh', ['-c', command, process.execPath, peerProgram()], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return new PeerProcess(child);
}

let program: string | undefined;

/** The peer as one file that Node runs, below `node_modules` so that it finds its packages. */
function peerProgram(): string {
  if (program !== undefined) return program;
  const require = createRequire(import.meta.url);
  const packages = dirname(dirname(dirname(require.resolve('lmdb'))));
  const directory = join(packages, '.cache', 'coffer-test');
  mkdirSync(directory, { recursive: true });
  const built = join(directory, `storage-peer-${process.pid}.mjs`);
  buildSync({
    entryPoints: [fileURLToPath(new URL('./storage-peer.ts', import.meta.url))],
    outfile: built,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['lmdb'],
  });
  // One file whoever builds it, put in place at once: other test processes may be starting peers.
  program = join(directory, 'storage-peer.mjs');
  renameSync(built, program);
  return program;
}

class PeerProcess implements Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #gone: Promise<void>;
  #next = 0;
  #watchers: { readonly count: number; readonly resolve: () => void }[] = [];
  acknowledged = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: Message) => this.#receive(message));
    this.#gone = new Promise((resolve) => {
      child.on('exit', () => {
        for (const answer of this.#waiting.values()) answer({ failed: 'gone', message: 'the peer is gone' });
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  run<T extends PeerTask>(task: T, ...args: Parameters<PeerWork[T]>): ReturnType<PeerWork[T]> {
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, (message) => {
        this.#waiting.delete(id);
        if (message.failed === undefined) resolve(message.result);
        else reject(Object.assign(new Error(message.message), { code: message.failed }));
      });
      this.#child.send({ id, task, args });
    });
    return answer as ReturnType<PeerWork[T]>;
  }

  reached(count: number): Promise<void> {
    if (this.acknowledged >= count) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ count, resolve }));
  }

  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    return this.#gone;
  }

  #receive(message: Message): void {
    if (message.acknowledged !== undefined) {
      this.acknowledged = message.acknowledged;
      const due = this.#watchers.filter((watcher) => watcher.count <= this.acknowledged);
      this.#watchers = this.#watchers.filter((watcher) => watcher.count > this.acknowledged);
      for (const watcher of due) watcher.resolve();
    }
    if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
  }
}
