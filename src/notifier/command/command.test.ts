import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { systemClock } from '../../clock.ts';
import { letter, never, notifierContract } from '../notifier.contract.ts';
import { type NotifierType, refuseOthers } from '../notifier.ts';
import { commandNotifier } from './command.ts';
import { programProblem } from './program.ts';

let directory: string;
let told: string;

beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'coffer-command-')));
  told = join(directory, 'told');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function script(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

const open = (command: readonly string[], timeout = 10_000, clock = systemClock) =>
  commandNotifier({ name: 'a', command, kinds: ['*'], timeout }).open(clock);
const toldLines = () => (existsSync(told) ? readFileSync(told, 'utf8').split('\n').slice(0, -1) : []);

/** A process ends once its parent has told it to, and a file is there once it was written. */
async function until(what: () => boolean): Promise<void> {
  for (let turn = 0; turn < 20_000 && !what(); turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(what()).toBe(true);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that nobody has waited for yet is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a command', () => {
  notifierContract(() => {
    // It reads what it does from a file beside it, so that a test can change that under an open notifier.
    const mood = join(directory, 'mood');
    writeFileSync(mood, '');
    const program = script('tell', `line=$(cat); . ${mood}; printf '%s\\n' "$line" >> ${told}`);
    const type: NotifierType = {
      type: 'command',
      summary: '',
      open({ options }, clock) {
        refuseOthers(options, []);
        return commandNotifier({ name: 'a', command: [program], kinds: ['*'], timeout: 10_000 }).open(clock);
      },
    };
    return {
      type,
      settings: { options: {}, secret: '' },
      async arrived() {
        return toldLines().map((line) => (JSON.parse(line) as { id: string }).id);
      },
      fail: () => writeFileSync(mood, 'exit 3'),
      hang: () => writeFileSync(mood, 'sleep 1000'),
    };
  });

  it('threat 22: gets its words as they are, through no shell, and the letter as JSON', async () => {
    const words = ['$(touch /tmp/owned)', '; rm -rf /', '`id`', '"quoted"', '*', '--', ''];
    const program = script('tell', `for word; do printf '<%s>\\n' "$word" >> ${told}; done; cat >> ${told}`);
    const hostile = letter({ subject: '$(touch /tmp/owned); `id`', fields: { a: "'; rm -rf /" } });
    await open([program, ...words]).deliver(hostile, never());
    const lines = toldLines();
    expect(lines.slice(0, -1)).toEqual(words.map((word) => `<${word}>`));
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({
      id: hostile.id,
      time: '2026-11-22T01:36:00.000Z',
      kind: hostile.kind,
      subject: hostile.subject,
      fields: hostile.fields,
    });
  });

  it('threat 17: sees nothing of the server’s environment', async () => {
    process.env['COFFER_TEST_SECRET'] = 'in-the-environment';
    try {
      await open(['/usr/bin/env', 'sh', '-c', `env > ${told}; pwd >> ${told}`]).deliver(letter(), never());
    } finally {
      delete process.env['COFFER_TEST_SECRET'];
    }
    const names = toldLines().map((line) => line.split('=')[0]);
    // The shell adds its own.
    expect(names.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD', '/'].includes(name ?? ''))).toEqual([
      'PATH',
      'LANG',
    ]);
    expect(toldLines().at(-1)).toBe('/');
  });

  it('that takes too long is ended, and what it started with it', async () => {
    const program = script('tell', `sleep 1000 & echo $! > ${told}; wait`);
    const clock = new HandClock();
    const telling = open([program], 5_000, clock)
      .deliver(letter(), never())
      .catch((error: unknown) => error);
    await until(() => toldLines().length === 1);
    clock.advance(5);
    expect(await telling).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/took too long/) as string,
    });
    await until(() => !isAlive(Number(toldLines()[0])));
  });

  it('need not read what it is told, and may print what it likes', async () => {
    const long = letter({ fields: { a: 'x'.repeat(300_000) } });
    await open([script('tell', 'yes | head -c 1000000; yes | head -c 1000000 >&2')]).deliver(long, never());
  });

  it('runs so many times at once, and the rest one after the other', async () => {
    const busy = join(directory, 'busy');
    mkdirSync(busy);
    const program = script(
      'tell',
      `touch ${busy}/$$; ls ${busy} | wc -l >> ${told}; sleep 0.05; rm ${busy}/$$`,
    );
    const notifier = open([program]);
    await Promise.all(Array.from({ length: 12 }, () => notifier.deliver(letter(), never())));
    expect(toldLines()).toHaveLength(12);
    expect(Math.max(...toldLines().map(Number))).toBeLessThanOrEqual(4);
  });

  it.each([
    ['exit 7', /ended with 7/],
    ['kill -9 $$', /ended by a signal/],
  ])('says how it ended: %s', async (text, reason) => {
    await expect(open([script('tell', text)]).deliver(letter(), never())).rejects.toThrow(reason);
  });
});

describe('a program that a server is to run', () => {
  it('threat 26: is one that nobody else can change or replace', async () => {
    const program = script('tell', 'exit 0');
    expect(programProblem(program)).toBeUndefined();
    expect(programProblem('/bin/sh')).toBeUndefined();
    chmodSync(program, 0o702);
    expect(programProblem(program)).toMatch(/others may write to .*; say: chmod go-w/);
    await expect(open([program]).deliver(letter(), never())).rejects.toMatchObject({ code: 'unavailable' });
    chmodSync(program, 0o720);
    expect(programProblem(program)).toMatch(/others may write/);
    chmodSync(program, 0o600);
    expect(programProblem(program)).toMatch(/no program/);
    chmodSync(program, 0o700);
    chmodSync(directory, 0o777);
    expect(programProblem(program)).toMatch(/others may write to /);
    chmodSync(directory, 0o700);
  });

  it('is there, and named by its absolute path', () => {
    expect(programProblem('tell')).toMatch(/absolute/);
    expect(programProblem(join(directory, 'nothing'))).toMatch(/is not there/);
    expect(programProblem(directory)).toMatch(/no program/);
  });
});
