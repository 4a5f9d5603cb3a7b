// What the commonest commands load: Node takes each file of a command's as long as it takes some kilobytes of code.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const chunks = `${root}dist/chunk/`;

/** The files of the program that a run opens, by a loader that notes them. */
function filesOf(...words: readonly string[]): readonly string[] {
  const hooks = `export async function load(url, context, next) { process._rawDebug('loaded ' + url); return next(url, context); }`;
  const register = `import { register } from 'node:module'; register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));`;
  const { stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(register)}`, `${root}bin/coffer.js`, ...words],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', COFFER_ADDR: 'http://127.0.0.1:9' },
    },
  );
  return [...stderr.matchAll(/^loaded file:.*\/dist\/(.+)$/gm)].map(([, name = '']) => name);
}

it.each([
  ['version', 2],
  ['get a', 9],
  ['agent --help', 12],
  ['apps list', 14],
])('coffer %s loads at most %d files', (words, most) => {
  const files = filesOf(...words.split(' '));
  expect(files).toContain('coffer.js');
  expect(files.length).toBeLessThanOrEqual(most);
});

it('has every chunk import what is there', () => {
  const there = new Set(readdirSync(chunks));
  const broken = [...there]
    .filter((name) => name.endsWith('.js'))
    .flatMap((name) =>
      [...readFileSync(chunks + name, 'utf8').matchAll(/(?:from|import)\s*\(?"\.\/([\w-]+\.js)"/g)]
        .map(([, other = '']) => other)
        .filter((other) => !there.has(other))
        .map((other) => `${name} imports ${other}`),
    );
  expect(broken).toEqual([]);
});
