/** The verbs on secrets as a person uses them, against a development server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  cleanUp,
  cli,
  freshPlace,
  type Place,
  program,
  type ServerProcess,
  startServer,
} from './server-process.ts';

const hostile = '\'"`$HOME $(id) \\ #!\u001b[2J\n漢字';
let place: Place;
let server: ServerProcess;
let env: Record<string, string>;

beforeAll(async () => {
  place = freshPlace();
  server = await startServer(place, { words: ['--dev', '--dev-root-token-id', 'e2e-root'] });
  env = { COFFER_ADDR: server.address, COFFER_TOKEN: 'e2e-root' };
});
afterAll(cleanUp);

const run = (words: readonly string[], stdin = '', more: Record<string, string> = {}) =>
  cli(place, words, { stdin, env: { ...env, ...more } });

async function output(words: readonly string[], stdin = ''): Promise<string> {
  const outcome = await run(words, stdin);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout;
}

const put = (name: string, data: object) => output(['put', name, '--json', '-'], JSON.stringify(data));

test('names are shown as a tree and found', async () => {
  await put('walk/db/main', { a: '1' });
  await put('walk/web-key', { a: '1' });
  await put('walk/漢字/key', { a: '1' });
  expect(await output(['tree', 'walk'])).toBe(
    'walk/\n├── db/\n│   └── main\n├── web-key\n└── 漢字/\n    └── key\n',
  );
  expect(await output(['find', 'key', 'walk/'])).toBe('walk/web-key\nwalk/漢字/key\n');
  expect(await output(['find', '*-key', 'walk'])).toBe('walk/web-key\n');
  expect(JSON.parse(await output(['find', 'main', '--format', 'json']))).toEqual(['walk/db/main']);
  expect(await run(['tree', 'nowhere'])).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'no secrets below nowhere\n',
  });
  expect((await run(['tree', 'a/../b'])).code).toBe(2);
});

test('threat 16: a diff shows fields, and values only when asked, and steers no terminal', async () => {
  await put('diff', { same: '1', old: '2', change: hostile });
  await put('diff', { same: '1', change: 'hunter2', fresh: '3' });
  const shown = await run(['diff', 'diff']);
  expect(shown).toMatchObject({ code: 0, stdout: '- old\n~ change\n+ fresh\n' });
  expect(shown.stdout + shown.stderr).not.toContain('hunter2');
  const values = await output(['diff', 'diff', '--from', '1', '--to', '2', '--show-values']);
  expect(values).toContain('+ change: hunter2\n');
  expect(values).toContain('\\u001b[2J\\n漢字\n');
  expect(values).not.toContain('\u001b');
  await put('other', { same: '1' });
  expect(await output(['diff', 'other', 'diff', '--format', 'json']).then(JSON.parse)).toMatchObject({
    from: { name: 'other', version: 1 },
    changes: [
      { kind: 'added', field: 'change' },
      { kind: 'added', field: 'fresh' },
    ],
  });
  expect((await run(['diff', 'other'])).code).toBe(2);
  expect((await run(['diff', 'nope'])).code).toBe(3);
});

test('a rollback writes the old version anew', async () => {
  await put('back', { v: '1' });
  await put('back', { v: '2' });
  await put('back', { v: '3' });
  expect(await run(['rollback', 'back', '--to', '1'])).toMatchObject({
    code: 0,
    stderr: 'back: version 4 stored, equal to version 1\n',
  });
  expect(await output(['get', 'back', '--field', 'v'])).toBe('1');
  expect((await run(['rollback', 'back', '--to', '1'])).stderr).toContain('nothing to do');
  await output(['delete', 'back', '--versions', '3']);
  expect((await run(['rollback', 'back'])).stderr).toContain('equal to version 2');
  expect((await run(['rollback', 'back', '--to', '3'])).code).toBe(3);
  expect((await run(['rollback', 'back', '--at', '2020-01-01T00:00:00Z'])).code).toBe(3);
  expect((await run(['rollback', 'back', '--at', 'yesterday'])).code).toBe(2);
  const history = JSON.parse(await output(['history', 'back', '--format', 'json']));
  const { created_time: at } = history.versions[0];
  expect((await run(['rollback', 'back', '--at', at])).stderr).toContain('equal to version 1');
});

test('a program gets secrets, our streams, and gives its exit code', async () => {
  await put('app/db', { user: 'app', password: hostile });
  await output(['put', 'app/api_key', '-'], 'k1');
  const words = [
    'exec',
    'app/',
    '--',
    'sh',
    '-c',
    'cat; printf %s "$user|$password|$api_key|$COFFER_TOKEN"; exit 7',
  ];
  expect(await run(words, 'piped|')).toMatchObject({
    code: 7,
    stdout: `piped|app|${hostile}|k1|`,
    stderr: '',
  });
  const pristine = await run([
    'exec',
    'app/db',
    '--pristine',
    '--only',
    'user',
    '--prefix',
    'X_',
    '--',
    'env',
  ]);
  expect(pristine.stdout).toBe('X_user=app\n');
  expect((await run(['exec', 'app/db', '--', 'no-such-program'])).code).toBe(127);
  const script = join(place.home, 'script');
  writeFileSync(script, 'x');
  chmodSync(script, 0o600);
  expect((await run(['exec', 'app/db', '--', script])).code).toBe(126);
  expect((await run(['exec', 'app/db', '--', 'sh', '-c', 'kill -TERM $$'])).code).toBe(143);
  expect((await run(['exec', 'app/nope', '--', 'true'])).code).toBe(3);
  expect((await run(['exec', 'app/db'])).code).toBe(2);
  expect((await run(['exec', 'app/db', '--', 'true'], '', { COFFER_TOKEN: 'wrong' })).code).toBe(4);
});

test('threat 16: secrets are not among the arguments of any process', async () => {
  await put('argv', { password: 'hunter2-in-argv' });
  const look =
    'for f in /proc/[0-9]*/cmdline; do { tr "\\0" " " < "$f"; } 2>/dev/null; echo; done; echo "$password" >&2';
  const outcome = await run(['exec', 'argv', '--', 'sh', '-c', look]);
  expect(outcome.stderr).toBe('hunter2-in-argv\n');
  expect(outcome.stdout).toContain('exec argv');
  expect(outcome.stdout).not.toContain('hunter2');
});

/** Starts `coffer exec` on a program that says when it is ready, and tells what it printed and how all ended. */
function start(script: string): {
  child: ChildProcess;
  ready: Promise<void>;
  ended: Promise<{ code: number | null; out: string }>;
} {
  const child = spawn(process.execPath, [program, 'exec', 'signals', '--', 'sh', '-c', script], {
    env: { ...place.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('ready\n')) resolve();
    });
  });
  const ended = new Promise<{ code: number | null; out: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, out }));
  });
  return { child, ready, ended };
}

test.each(['HUP', 'INT', 'QUIT', 'TERM', 'USR1', 'USR2', 'WINCH'] as const)(
  'SIG%s reaches the program',
  async (name) => {
    await put('signals', { a: '1' });
    const wait = `trap 'echo got; exit 9' ${name}; echo ready; while :; do sleep 0.02; done`;
    const { child, ready, ended } = start(wait);
    await ready;
    child.kill(`SIG${name}`);
    expect(await ended).toEqual({ code: 9, out: 'ready\ngot\n' });
  },
);

test('threat 26: the copy for bad times is private, and serves while the server is away', async () => {
  const other = freshPlace();
  const away = await startServer(other, { words: ['--dev', '--dev-root-token-id', 'e2e-root'] });
  const at = (words: readonly string[]) =>
    cli(other, words, { stdin: '', env: { COFFER_ADDR: away.address, COFFER_TOKEN: 'e2e-root' } });
  expect((await at(['put', 'cached', 'user=app', 'other=1'])).code).toBe(0);
  const file = join(other.home, 'copy');
  const words = ['exec', 'cached', '--cache', file, '--', 'sh', '-c', 'echo "$user"'];
  expect(await at(words)).toMatchObject({ code: 0, stdout: 'app\n', stderr: '' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(other.config, 'exec-cache.key')).mode & 0o777).toBe(0o600);
  expect(readFileSync(file).includes('app')).toBe(false);
  await away.stop();
  const served = await at(words);
  expect(served).toMatchObject({ code: 0, stdout: 'app\n' });
  expect(served.stderr).toMatch(/^warning: nothing answers at .*; going on with the copy of \d{4}-/);
  const wider = await at(['exec', 'cached', 'more', '--cache', file, '--', 'true']);
  expect(wider).toMatchObject({ code: 9, stderr: expect.stringContaining('does not open') });
  expect((await at(['exec', 'cached', '--', 'true'])).code).toBe(9);
});

const formats = ['dotenv', 'json', 'yaml', 'shell', 'tfvars', 'k8s'] as const;

test.each(formats)('%s: what is exported comes back by an import', async (format) => {
  const secret = { user: 'app', pass: "p'w$x `y` \\ {z}\n漢字", empty: '' };
  await put(`out/${format}`, secret);
  const text = await output(['export', `out/${format}`, '--as', format]);
  const shown = await run(['import', '--as', format, '-', `in/${format}`, '--dry-run'], text);
  expect(shown).toMatchObject({ code: 0, stdout: `in/${format}\tnew\t+user +pass +empty\n` });
  expect((await run(['get', `in/${format}`])).code).toBe(3);
  expect((await run(['import', '--as', format, '-', `in/${format}`], text)).code).toBe(2);
  await output(['import', '--as', format, '-', `in/${format}`, '--yes'], text);
  expect(JSON.parse(await output(['get', `in/${format}`, '--format', 'json']))).toEqual(secret);
});

test('a file is for its owner, bytes survive, and a subtree goes below another name', async () => {
  await put('tree/a', { value: 'data:application/octet-stream;base64,//4A' });
  await put('tree/b/c', { port: 5432, list: ['x'] });
  for (const format of ['json', 'yaml', 'k8s'] as const) {
    const file = join(place.home, `tree.${format}`);
    await output(['export', 'tree/', '--as', format, '--output', file]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const done = await run(['import', '--as', format, file, `copy-${format}/`, '--yes']);
    expect(done).toMatchObject({ code: 0, stderr: '2 secrets stored\n' });
    expect(await output(['get', `copy-${format}/a`, '--format', 'json']).then(JSON.parse)).toEqual({
      value: 'data:application/octet-stream;base64,//4A',
    });
    const again = await run(['import', '--as', format, file, `copy-${format}/`, '--yes']);
    expect(again.stderr).toBe('nothing stored, 2 unchanged\n');
  }
  expect(JSON.parse(await output(['get', 'copy-yaml/b/c', '--format', 'json']))).toEqual({
    port: 5432,
    list: ['x'],
  });
});

test('an import keeps other fields when asked, and does not touch what it refuses', async () => {
  await put('merge', { a: '1', b: '2' });
  await output(['import', '--as', 'dotenv', '-', 'merge', '--patch', '--yes'], 'b=3\nc=4\n');
  expect(JSON.parse(await output(['get', 'merge', '--format', 'json']))).toEqual({ a: '1', b: '3', c: '4' });
  await output(['import', '--as', 'dotenv', '-', 'merge', '--yes'], 'b=5\n');
  expect(JSON.parse(await output(['get', 'merge', '--format', 'json']))).toEqual({ b: '5' });
  await output(['delete', 'merge']);
  await output(['import', '--as', 'dotenv', '-', 'merge', '--yes'], 'b=6\n');
  expect(await output(['get', 'merge', '--field', 'b'])).toBe('6');
});

test.each([
  ['a=1\nhunter2\n', 'dotenv', 'x', 'line 2'],
  ['a=1\na=hunter2\n', 'dotenv', 'x', 'line 2: a is given twice'],
  ['a=1\nb=hunter2\0\n', 'dotenv', 'x', 'line 2: a NUL character'],
  ['# nothing\n', 'dotenv', 'x', 'no fields'],
  ['a=1\n', 'dotenv', 'x/', 'holds one secret'],
  ['{"../up":{"a":"hunter2"}}', 'json', 'x/', 'must not have empty, "." or ".." segments'],
  ['{"/abs":{"a":"hunter2"}}', 'json', 'x/', 'must not begin with "/"'],
  ['{"a\\\\b":{"a":"hunter2"}}', 'json', 'x/', 'backslashes'],
  ['{"a":"hunter2"}', 'json', 'x/', 'must have an object of fields'],
])('threat 12: an import of %j is refused as a whole', async (text, format, name, message) => {
  const outcome = await run(['import', '--as', format, '-', name, '--yes'], text);
  expect(outcome).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
  expect(outcome.stderr).not.toContain('hunter2');
  expect((await run(['get', 'x'])).code).toBe(3);
});

test('exports that a format cannot carry, and files that are not there, are refused', async () => {
  await put('odd', { 'a b': '1', quotes: '\'"`# ' });
  expect(await run(['export', 'odd', '--as', 'dotenv'])).toMatchObject({ code: 2, stdout: '' });
  expect(await run(['export', 'odd', '--as', 'dotenv', '--only', 'quotes'])).toMatchObject({
    code: 2,
    stdout: '',
  });
  expect(await output(['export', 'odd', '--as', 'shell', '--upper', '--only', 'a b'])).toBe(
    "export A_B='1'\n",
  );
  expect((await run(['export', 'odd'])).stderr).toContain('--as is missing');
  expect((await run(['export', 'none/', '--as', 'json'])).code).toBe(3);
  expect((await run(['import', join(place.home, 'none.env'), 'x', '--yes'])).stderr).toContain(
    'no such file',
  );
  const latin = join(place.home, 'latin.env');
  writeFileSync(latin, Buffer.from('a=1\nb=\xe9\n', 'latin1'));
  expect((await run(['import', latin, 'x', '--yes'])).stderr).toContain('line 2: this is not valid UTF-8');
});
