/** Safes on disk as several processes use them at once, and beside servers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, cli, freshPlace, type Outcome, type Place, program } from './server-process.ts';

let place: Place;
let safe: string;

beforeAll(async () => {
  place = freshPlace();
  safe = join(place.home, 'safe');
  expect(await run(['safe', 'init', `file:${safe}`])).toMatchObject({ code: 0 });
});
afterAll(cleanUp);

const run = (words: readonly string[], stdin = ''): Promise<Outcome> =>
  cli(place, words, { stdin, env: { COFFER_SAFE: `file:${safe}` } });

async function output(words: readonly string[], stdin = ''): Promise<string> {
  const outcome = await run(words, stdin);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout;
}

test('of several writers that expect the same version one succeeds, and no field of a patch is lost', async () => {
  const numbers = [1, 2, 3, 4, 5];
  const codes = await Promise.all(
    numbers.map((n) => run(['put', 'race', `${n}`, '--cas', '0']).then(({ code }) => code)),
  );
  expect(codes.toSorted((a, b) => a - b)).toEqual([0, 6, 6, 6, 6]);
  expect(numbers.map(String)).toContain(await output(['get', 'race']));
  await output(['put', 'shared', 'first=1']);
  await Promise.all(numbers.map((n) => output(['put', 'shared', '--patch', `f${n}=${n}`])));
  expect(JSON.parse(await output(['get', 'shared', '--format', 'json']))).toEqual({
    first: '1',
    ...Object.fromEntries(numbers.map((n) => [`f${n}`, String(n)])),
  });
});

test('one of two that make a safe in one place makes it, and the other leaves no keyfile', async () => {
  const other = `file:${join(place.home, 'twice')}`;
  const before = readdirSync(place.config).length;
  const made = await Promise.all([run(['safe', 'init', other]), run(['safe', 'init', other])]);
  const codes = made.map(({ code }) => code).toSorted((a, b) => a - b);
  expect(codes[0], JSON.stringify(made)).toBe(0);
  expect(codes[1]).toBeGreaterThan(0);
  expect(readdirSync(place.config)).toHaveLength(before + 1);
  expect(await run(['list', '--safe', other])).toMatchObject({ code: 0 });
});

test('a writer that is killed leaves whole secrets, and a safe that opens', async () => {
  const secrets = Object.fromEntries(
    Array.from({ length: 300 }, (_, n) => [`many/${n}`, { value: `${n}`, long: 'x'.repeat(n * 40) }]),
  );
  const file = join(place.home, 'many.json');
  writeFileSync(file, JSON.stringify(secrets));
  const env = { ...place.env, COFFER_SAFE: `file:${safe}` };
  const child = spawn(process.execPath, [program, 'import', file, '/', '--yes'], { env, stdio: 'ignore' });
  const ended = once(child, 'exit');
  for (;;) {
    const { stdout } = await run(['list', 'many']);
    if (stdout !== '' || child.exitCode !== null) break;
  }
  child.kill('SIGKILL');
  await ended;
  const names = (await output(['list', 'many'])).trim().split('\n');
  for (const name of [names[0], names.at(-1)]) {
    const data: unknown = JSON.parse(await output(['get', `many/${name}`, '--format', 'json']));
    expect(data).toEqual(secrets[`many/${name}`]);
  }
  await output(['import', file, '/', '--yes']);
  expect((await output(['list', 'many'])).trim().split('\n')).toHaveLength(300);
});

test('a server refuses a safe, and a safe a server’s directory', async () => {
  for (const words of [[], ['--init']]) {
    const outcome = await run(['server', '--listen', '127.0.0.1:0', '--data', safe, ...words]);
    expect(outcome).toMatchObject({ code: 10 });
    expect(outcome.stderr).toContain('--safe file:PATH');
  }
  expect(existsSync(join(safe, 'audit'))).toBe(false);
  expect(await output(['get', 'race'])).not.toBe('');
});

test('a program is run with secrets of a safe', async () => {
  expect(await output(['exec', 'shared', '--', 'sh', '-c', 'echo $first$f3'])).toBe('13\n');
});
