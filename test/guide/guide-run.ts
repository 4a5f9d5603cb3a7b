/**
 * Follows a guide as its reader does: each block in a shell, one after the other, with the variables and the folder that the one
 * before left. The program is on the path, homes are temporary ones, and the address that a guide takes for granted is the
 * environment's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { program } from '../e2e/server-process.ts';
import type { Act, ShellBlock, Step } from './guide-page.ts';
import { isShown } from './shown-output.ts';

type Variables = Readonly<Record<string, string>>;

interface Terminal {
  readonly child: ChildProcess;
  readonly gone: Promise<unknown>;
  /** What it has said so far, the address being the one that the guide takes for granted. */
  said(): string;
}

/** Processes with all that they started, each in a group of its own. */
const groups = new Set<number>();
process.once('exit', endGroups);

function endGroups(): void {
  for (const group of groups) signal(group, 'SIGKILL');
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // Gone already.
  }
}

export class GuideRun {
  readonly #folder = mkdtempSync(join(tmpdir(), 'coffer-guide-'));
  readonly #terminals = new Map<string, Terminal>();
  readonly #given: Variables;
  #machine = 'first';
  #served = false;
  #port = 0;
  #second = 0;

  /** @param given variables of the reader's own */
  constructor(given: Variables = {}) {
    this.#given = given;
    const bin = join(this.#folder, 'bin');
    mkdirSync(bin);
    symlinkSync(program, join(bin, 'coffer'));
    // What npx starts in a checkout, from any folder.
    writeFileSync(join(bin, 'npx'), '#!/bin/sh\n[ "$1" = coffer ] && exec "$@"\nexit 127\n');
    chmodSync(join(bin, 'npx'), 0o755);
  }

  /** Does a step. Rejects with the line and what was said where something else came than the guide has. */
  async follow(step: Step): Promise<void> {
    if (step.kind !== 'shell') return this.#act(step);
    if (step.given !== undefined) {
      if (this.#given[step.given] === undefined) throw wrong(step, `nobody gives ${step.given}`, '');
      return;
    }
    if (step.notRun !== undefined) return;
    const said = step.terminal === undefined ? await this.#run(step) : await this.#open(step, step.terminal);
    if (step.output !== undefined && !isShown(step.output, said)) {
      throw wrong(step, `the guide shows\n${step.output}\nand what came is`, said);
    }
  }

  /** Ends everything and takes all homes away. */
  async close(): Promise<void> {
    await Promise.all([...this.#terminals.keys()].map((name) => this.#end(name, 'SIGKILL')));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #act({ kind, name, line }: Act): Promise<void> {
    if (kind === 'machine') this.#machine = name;
    else if (!this.#terminals.has(name)) throw new Error(`line ${line}: there is no terminal ${name}`);
    else await this.#end(name, kind === 'stop' ? 'SIGINT' : 'SIGKILL');
  }

  async #run(step: ShellBlock): Promise<string> {
    const { child, gone, said } = await this.#start(step);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(step.typed.map((line) => `${line}\n`).join(''));
    const code = await gone;
    if (code !== step.exitCode)
      throw wrong(step, `it ended with ${code}, and should with ${step.exitCode}`, said());
    return said();
  }

  async #open(step: ShellBlock, name: string): Promise<string> {
    if (this.#terminals.has(name)) throw wrong(step, `the terminal ${name} is in use`, '');
    const terminal = await this.#start(step);
    this.#terminals.set(name, terminal);
    this.#served = true;
    const { child, gone, said } = terminal;
    const serves = new Promise<boolean>((resolve) => {
      child.stdout?.on('data', () => /^Serving /m.test(said()) && resolve(true));
    });
    if ((await Promise.race([serves, gone])) !== true) throw wrong(step, 'it does not serve', said());
    return said();
  }

  async #end(name: string, how: NodeJS.Signals): Promise<void> {
    const terminal = this.#terminals.get(name);
    this.#terminals.delete(name);
    signal(terminal?.child.pid ?? 0, how);
    await terminal?.gone;
  }

  /** A block's shell; of a terminal only what goes to its standard output is kept, since a log is mixed into it. */
  async #start(step: ShellBlock): Promise<Terminal> {
    const home = this.#home();
    const reader = await this.#environment(home);
    const script = this.#scriptOf(step);
    // A server takes no other port; what a block asks of a configuration file is answered from that.
    const listen = step.terminal === undefined ? {} : { COFFER_LISTEN: `127.0.0.1:${this.#port}` };
    const env = { ...reader, ...listen, ...this.#given };
    const child = spawn('bash', ['-c', script], {
      cwd: home,
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const group = child.pid ?? 0;
    groups.add(group);
    let said = '';
    let log = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log = `${log}${chunk}`.slice(-4_000);
    });
    const gone = new Promise<number>((resolve) => {
      child.once('close', (code) => {
        groups.delete(group);
        if (code !== 0 && step.terminal !== undefined) said += log;
        resolve(code ?? 128);
      });
    });
    return { child, gone, said: () => said.replaceAll(`127.0.0.1:${this.#port}`, '127.0.0.1:8200') };
  }

  /** The block between what takes over and what hands on variables and folder; a terminal hands nothing on. */
  #scriptOf({ text, terminal }: ShellBlock): string {
    const state = join(this.#folder, `${this.#machine}.state`);
    const folder = join(this.#folder, `${this.#machine}.folder`);
    // Variables that are read-only are the shell's own.
    const save = `declare -p | grep -v "^declare -[a-zA-Z]*r" > "${state}"; pwd > "${folder}"`;
    return [
      terminal === undefined ? 'exec 2>&1' : '',
      `[ -e "${state}" ] && . "${state}" 2>/dev/null`,
      `[ -e "${folder}" ] && cd "$(cat "${folder}")"`,
      terminal === undefined ? `trap '${save}' EXIT` : '',
      'set -euo pipefail',
      text,
    ].join('\n');
  }

  #home(): string {
    const home = join(this.#folder, this.#machine);
    if (!existsSync(home)) mkdirSync(join(home, 'tmp'), { recursive: true });
    return home;
  }

  async #environment(home: string): Promise<Variables> {
    this.#port ||= await freePort();
    this.#second ||= await freePort();
    return {
      PATH: `${join(this.#folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: home,
      TMPDIR: join(home, 'tmp'),
      NO_COLOR: '1',
      // Where no server is, nobody says that there is one.
      ...(this.#served ? { COFFER_ADDR: `http://127.0.0.1:${this.#port}` } : {}),
      // A second one's.
      PORT: String(this.#second),
    };
  }
}

function wrong({ line, text }: ShellBlock, problem: string, said: string): Error {
  return new Error(`line ${line}: ${problem}\n${said}\n(the block)\n${text}`);
}

/**
 * A server of a guide is started again at the same port, so it is one below those that the system hands out: between two starts
 * nobody's connection takes it.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
