/** Secrets from the keyboard or from standard input: the ways that leave no trace in argv or in a shell's history. */
import { StringDecoder } from 'node:string_decoder';
import { CofferError } from '../errors.ts';
import type { World } from './shell.ts';

type Terminal = Pick<World, 'stdin' | 'stderr' | 'interrupt'>;

/** Somebody sits at the keyboard. */
export function isInteractive(world: Pick<World, 'stdin'>): boolean {
  return world.stdin.isTTY === true;
}

/**
 * Asks on standard error and reads one line from the terminal without showing it.
 * Throws `usage` when the input ends before a line does.
 */
export async function askHidden(world: Terminal, question: string): Promise<string> {
  const { stdin, stderr } = world;
  // Before the question: who answers at once must not see the answer either.
  stdin.setRawMode?.(true);
  try {
    stderr.write(`${question}: `);
    return await typedLine(world);
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    stderr.write('\n');
  }
}

/** Asks a question that only `y` or `yes` answers with true. */
export async function confirm(world: Terminal, question: string): Promise<boolean> {
  world.stderr.write(`${question} [y/N] `);
  const line = await firstLine(world.stdin);
  return /^y(es)?$/i.test(line.trim());
}

/** All of standard input, at most `limit` bytes. Throws `payload_too_large`. */
export async function readAll(world: Pick<World, 'stdin'>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of world.stdin as AsyncIterable<Buffer | string>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > limit) throw tooLarge('standard input', limit);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

export function tooLarge(source: string, limit: number): CofferError {
  return new CofferError(
    'payload_too_large',
    `${source} is longer than ${limit} bytes, the most a secret may have`,
  );
}

/** What was piped in behind the lines that were asked for. */
const pipedLines = new WeakMap<World['stdin'], string[]>();

/** A hidden answer from the terminal, or the next line of what is piped in; empty where no more came. */
export async function readSecretLine(world: Terminal, question: string): Promise<string> {
  if (isInteractive(world)) return askHidden(world, question);
  let lines = pipedLines.get(world.stdin);
  if (lines === undefined) {
    lines = (await readAll(world, 1024 * 1024)).toString('utf8').split('\n');
    pipedLines.set(world.stdin, lines);
  }
  return (lines.shift() ?? '').replace(/\r$/, '');
}

async function typedLine(world: Terminal): Promise<string> {
  const decoder = new StringDecoder('utf8');
  const line: string[] = [];
  for await (const chunk of chunksOf(world.stdin)) {
    for (const [index, byte] of chunk.entries()) {
      for (const character of decoder.write(Buffer.of(byte))) {
        const key = keys[character] ?? 'letter';
        if (key === 'done') {
          keepForNextQuestion(world.stdin, chunk, index);
          return line.join('');
        }
        if (key === 'interrupt') throw interrupted(world);
        if (key === 'end' && line.length === 0) throw nothingEntered();
        edit(line, key, character);
      }
    }
  }
  throw nothingEntered();
}

function edit(line: string[], key: Key | 'letter', character: string): void {
  if (key === 'letter') line.push(character);
  if (key === 'back') line.pop();
  if (key === 'clear') line.length = 0;
}

/** Lines may be pasted together: what follows this one's end answers the next question. */
function keepForNextQuestion(stdin: World['stdin'], chunk: Buffer, end: number): void {
  const isPair = chunk[end] === 0x0d && chunk[end + 1] === 0x0a;
  const rest = chunk.subarray(end + (isPair ? 2 : 1));
  if (rest.length > 0) stdin.unshift(rest);
}

type Key = 'done' | 'back' | 'clear' | 'interrupt' | 'end';

/** What a terminal in raw mode leaves to us. */
const keys: Readonly<Record<string, Key>> = {
  '\r': 'done',
  '\n': 'done',
  '\u0003': 'interrupt',
  '\u0004': 'end',
  '\u007f': 'back',
  '\b': 'back',
  '\u0015': 'clear',
};

function interrupted(world: Terminal): CofferError {
  // First give the terminal back its manners, or the shell inherits a silent one.
  world.stdin.setRawMode?.(false);
  world.interrupt();
  return new CofferError('usage', 'interrupted');
}

function nothingEntered(): CofferError {
  return new CofferError('usage', 'nothing was entered');
}

async function firstLine(stdin: World['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(stdin)) {
    const end = chunk.indexOf(0x0a);
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    if (end === -1) continue;
    keepForNextQuestion(stdin, chunk, end);
    break;
  }
  stdin.pause();
  return Buffer.concat(chunks).toString('utf8');
}

/** The stream's chunks, leaving it open for the next question. */
function chunksOf(stdin: World['stdin']): AsyncIterable<Buffer> {
  return stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}
