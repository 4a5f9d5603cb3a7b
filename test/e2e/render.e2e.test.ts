/** Files rendered from a server's secrets, once and again. */
import { spawn } from 'node:child_process';
import { readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, cli, freshPlace, type Place, program, startServer } from './server-process.ts';

let place: Place;
let env: Record<string, string>;

beforeAll(async () => {
  place = freshPlace();
  const server = await startServer(place, { words: ['--dev', '--dev-root-token-id', 'e2e-root'] });
  env = { COFFER_ADDR: server.address, COFFER_TOKEN: 'e2e-root' };
});
afterAll(cleanUp);

async function output(words: readonly string[], stdin = ''): Promise<string> {
  const outcome = await cli(place, words, { stdin, env });
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout;
}

const fileIn = (name: string): string => join(place.home, name);

test('a template and a manifest are rendered from a mount', async () => {
  await output(['put', 'shop/db', 'user=app', 'password=p w']);
  await output(['put', 'token', 't0ken']);
  writeFileSync(
    fileIn('app.j2'),
    "URL=db://{{ secrets['shop/db'].user }}:{{ secrets['shop/db'].password | urlencode }}@{{ host }}\n",
  );
  writeFileSync(fileIn('vars.json'), '{"host": "db.internal"}');
  expect(await output(['render', fileIn('app.j2'), '--vars', fileIn('vars.json')])).toBe(
    'URL=db://app:p%20w@db.internal',
  );
  const entries = [
    { source: fileIn('app.j2'), destination: fileIn('app.env'), mode: '0640' },
    { secret: 'token', destination: fileIn('token') },
  ];
  writeFileSync(fileIn('files.json'), JSON.stringify(entries));
  const words = ['render', '--manifest', fileIn('files.json'), '--vars', fileIn('vars.json')];
  expect((await cli(place, [...words, '--check'], { env })).code).toBe(1);
  await output(words);
  expect(readFileSync(fileIn('token'), 'utf8')).toBe('t0ken');
  expect([statSync(fileIn('app.env')).mode & 0o777, statSync(fileIn('token')).mode & 0o777]).toEqual([
    0o640, 0o600,
  ]);
  expect((await cli(place, [...words, '--check'], { env })).code).toBe(0);
});

test('a watched file follows its secret until the command is ended', async () => {
  await output(['put', 'turning', 'one']);
  writeFileSync(fileIn('turn.j2'), '{{ secrets.turning }}');
  writeFileSync(fileIn('turned'), 'nothing yet');
  const holds = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = () => {
        if (readFileSync(fileIn('turned'), 'utf8') !== text) return;
        watcher.close();
        resolve();
      };
      const watcher = watch(place.home, look);
      look();
    });
  const words = ['render', fileIn('turn.j2'), '-o', fileIn('turned'), '--watch', '--interval', '1s'];
  const child = spawn(process.execPath, [program, ...words], {
    env: { ...place.env, ...env },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  await holds('one');
  await output(['put', 'turning', 'two']);
  await holds('two');
  child.kill('SIGTERM');
  expect(await ended).toBe('SIGTERM');
});
