/** A world in memory for tests of commands: streams that can be read afterwards, and a home of its own. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from './run.ts';
import type { Environment, World } from './shell.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
}

export interface Scene {
  readonly env?: Environment;
  /** What is piped in; nothing when undefined. */
  readonly stdin?: string | Uint8Array;
  /** What is typed at a terminal; then standard input is one. */
  readonly typed?: string;
  readonly programs?: World['programs'];
  /** Standard output and error are a terminal this wide. */
  readonly columns?: number;
  readonly now?: () => number;
}

export function temporaryHome(): string {
  return mkdtempSync(join(tmpdir(), 'coffer-cli-'));
}

/** Runs one command line. */
export async function call(words: readonly string[], scene: Scene = {}): Promise<Outcome> {
  const stdout = output(scene.columns);
  const stderr = output(scene.columns);
  const world: World = {
    ...(scene.programs === undefined ? {} : { programs: scene.programs }),
    env: scene.env ?? {},
    stdin: input(scene),
    stdout: stdout.stream,
    stderr: stderr.stream,
    interrupt() {},
    ...(scene.now === undefined ? {} : { now: scene.now }),
    pause: async () => {},
  };
  const code = await run(words, world);
  return {
    code,
    stdout: stdout.bytes().toString('utf8'),
    bytes: stdout.bytes(),
    stderr: stderr.bytes().toString('utf8'),
  };
}

export function output(columns?: number) {
  const chunks: Buffer[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  return { stream: Object.assign(stream, terminal), bytes: () => Buffer.concat(chunks) };
}

function input(scene: Scene) {
  const stream = new PassThrough();
  if (scene.typed !== undefined) {
    stream.write(scene.typed);
    return Object.assign(stream, { isTTY: true, setRawMode: () => stream });
  }
  stream.end(scene.stdin ?? '');
  return stream;
}
