import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { output } from './cli.fixture.ts';
import { askHidden, confirm, readAll, readSecretLine } from './prompt.ts';

function terminal(...typed: readonly (string | Uint8Array)[]) {
  const stream = new PassThrough();
  const modes: boolean[] = [];
  const stderr = output(80);
  let interrupts = 0;
  for (const chunk of typed) stream.write(chunk);
  return {
    world: {
      stdin: Object.assign(stream, { isTTY: true, setRawMode: (mode: boolean) => modes.push(mode) }),
      stderr: stderr.stream,
      interrupt: () => {
        interrupts++;
      },
    },
    modes,
    interrupts: () => interrupts,
    shown: () => stderr.bytes().toString('utf8'),
  };
}

test('threat 16: what is typed is not shown, and the terminal gets its mode back', async () => {
  const { world, modes, shown } = terminal('hunter2\r');
  expect(await askHidden(world, 'token')).toBe('hunter2');
  expect(shown()).toBe('token: \n');
  expect(modes).toEqual([true, false]);
});

test('keys edit the line; letters may arrive in pieces', async () => {
  const umlaut = Buffer.from('ü');
  const { world } = terminal(
    'wrong\u0015ab',
    'c\u007f',
    umlaut.subarray(0, 1),
    umlaut.subarray(1),
    '😀x\b\n',
  );
  expect(await askHidden(world, 'value')).toBe('abü😀');
});

test('Ctrl-C interrupts after the terminal has its mode back', async () => {
  const { world, modes, interrupts } = terminal('abc\u0003');
  await expect(askHidden(world, 'value')).rejects.toMatchObject({ code: 'usage' });
  expect(interrupts()).toBe(1);
  expect(modes[1]).toBe(false);
});

test('Ctrl-D on an empty line, and an input that ends, are no answer', async () => {
  await expect(askHidden(terminal('\u0004').world, 'value')).rejects.toMatchObject({ code: 'usage' });
  const ended = terminal('half');
  ended.world.stdin.end();
  await expect(askHidden(ended.world, 'value')).rejects.toMatchObject({ code: 'usage' });
});

test('lines that were pasted together answer one question each', async () => {
  const { world } = terminal('one\r\ntwo\rthree\n');
  expect(await askHidden(world, 'share')).toBe('one');
  expect(await askHidden(world, 'share')).toBe('two');
  expect(await askHidden(world, 'share')).toBe('three');
});

test('a second question can be asked', async () => {
  const { world } = terminal('one\r');
  expect(await askHidden(world, 'value')).toBe('one');
  world.stdin.write('two\r');
  expect(await askHidden(world, 'again')).toBe('two');
});

test.each([
  ['y\n', true],
  ['YES\n', true],
  ['\n', false],
  ['no\n', false],
  ['yesterday\n', false],
])('a question answered with %j', async (typed, answer) => {
  expect(await confirm(terminal(typed).world, 'sure?')).toBe(answer);
});

test('of what is piped in, the first line is the secret', async () => {
  const piped = (text: string) => ({
    stdin: Object.assign(new PassThrough().end(text), {}),
    stderr: output().stream,
    interrupt() {},
  });
  expect(await readSecretLine(piped('hvs.x\r\nrest'), 'token')).toBe('hvs.x');
  expect(await readSecretLine(piped('hvs.x'), 'token')).toBe('hvs.x');
  expect((await readAll(piped('12345'), 5)).toString()).toBe('12345');
  await expect(readAll(piped('123456'), 5)).rejects.toMatchObject({ code: 'payload_too_large' });
});
