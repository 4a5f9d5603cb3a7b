/** Secrets that are moved, copied, deleted and rolled back by the command line, on a server with its own store. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, cli, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';

let place: Place;
let server: ServerProcess;

beforeAll(async () => {
  place = freshPlace();
  server = await startServer(place, { words: ['--dev', '--dev-root-token-id', 'e2e-root'] });
});
afterAll(cleanUp);

const run = (words: readonly string[], stdin = '', token = 'e2e-root') =>
  cli(place, words, { stdin, env: { COFFER_ADDR: server.address, COFFER_TOKEN: token } });

async function output(words: readonly string[], stdin = ''): Promise<string> {
  const outcome = await run(words, stdin);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout;
}

const put = (name: string, value: string) => output(['put', name, '-'], value);

test('a secret moves with its versions, to another mount too, and not onto another', async () => {
  await put('one/a', '1');
  await put('one/a', '2');
  expect(await run(['mv', 'one/a', 'one/b'])).toMatchObject({ code: 0, stderr: 'one/a: moved to one/b\n' });
  expect((await run(['get', 'one/a'])).code).toBe(3);
  expect(await output(['get', 'one/b', '--version', '1'])).toBe('1');
  await put('one/c', 'other');
  expect(await run(['mv', 'one/b', 'one/c'])).toMatchObject({
    code: 6,
    stderr: expect.stringContaining('exists'),
  });
  expect(await output(['get', 'one/c'])).toBe('other');
  expect((await run(['cp', 'one/b', 'one/c', '--overwrite'])).code).toBe(2);
  await output(['cp', 'one/b', 'one/c', '--overwrite', '--yes']);
  expect(await output(['get', 'one/c'])).toBe('2');
  expect((await run(['mv', 'one/nope', 'one/d'])).code).toBe(3);
});

test('a subtree is a job: rehearsed, done, and what was left is named', async () => {
  for (const name of ['x', 'y', 'z/w']) await put(`from/${name}`, name);
  await put('to/y', 'mine');
  const dry = await run(['mv', '--recursive', '--dry-run', 'from/', 'to/']);
  expect(dry).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('2 secrets would be moved to to/\nsecret/from/y: the target exists\n'),
  });
  expect(await output(['get', 'from/x'])).toBe('x');
  const moved = await run(['mv', '--recursive', '--yes', 'from/', 'to/']);
  expect(moved).toMatchObject({
    code: 6,
    stderr: expect.stringContaining('secret/from/y: the target exists\n'),
  });
  expect(await output(['tree', 'to'])).toBe('to/\n├── x\n├── y\n└── z/\n    └── w\n');
  expect(await output(['get', 'to/y'])).toBe('mine');
  const copied = JSON.parse(await output(['cp', '-r', '--yes', 'to/', 'copy/', '--format', 'json']));
  expect(copied).toMatchObject({ verb: 'copy', from: 'to', to: 'copy', result: { copied: 3, skipped: 0 } });
  await output(['delete', '-r', '--yes', 'copy/']);
  expect((await run(['get', 'copy/z/w'])).code).toBe(3);
  await output(['undelete', 'copy/z/w']);
  expect(await output(['get', 'copy/z/w'])).toBe('z/w');
  await output(['delete', '-r', '--all', '--yes', 'copy/']);
  expect((await run(['undelete', 'copy/z/w', '--versions', '1'])).code).toBe(3);
});

test('a subtree goes back to a time, and what was made later is left and named', async () => {
  await put('past/changed', 'old');
  await put('past/same', 'same');
  await put('past/gone', 'gone');
  const { versions } = JSON.parse(await output(['history', 'past/gone', '--format', 'json']));
  const [{ created_time: at }] = versions;
  await put('past/changed', 'new');
  await output(['delete', 'past/gone']);
  const words = ['rollback', '--recursive', '--at', at, 'past/'];
  expect((await run(words)).code).toBe(2);
  const dry = await run([...words, '--dry-run']);
  expect(dry).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('2 secrets would be restored as of 2'),
  });
  expect(await output(['get', 'past/changed'])).toBe('new');
  await output([...words, '--yes']);
  expect(await output(['get', 'past/changed'])).toBe('old');
  expect(await output(['get', 'past/changed', '--version', '2'])).toBe('new');
  expect(await output(['get', 'past/gone'])).toBe('gone');
  expect(JSON.parse(await output(['history', 'past/same', '--format', 'json'])).versions).toHaveLength(1);
  await put('past/later', 'later');
  const again = await run([...words, '--yes']);
  expect(again).toMatchObject({
    code: 6,
    stderr: expect.stringContaining('secret/past/later: it was made later than that time\n'),
  });
  expect(await output(['get', 'past/later'])).toBe('later');
  expect((await run(['rollback', '-r', '--at', '2999-01-01T00:00:00Z', '--yes', 'past/'])).code).toBe(2);
});

test('a kv engine that is enabled without a version holds what the verbs store', async () => {
  await output(['mount', 'enable', 'kv', '--path', 'team']);
  await output(['put', 'a', '--safe', 'team', '-'], 'in the team');
  expect(await output(['get', 'a', '--safe', 'team'])).toBe('in the team');
  await output(['mount', 'enable', 'kv', '--path', 'flat', '--version', '1']);
  expect(await run(['put', 'a', '--safe', 'flat', '-'], 'x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('version'),
  });
});

test('the token’s rules bound what a subtree does', async () => {
  await put('bound/a', '1');
  await put('bound/b', '2');
  const policy =
    'path "secret/*" { capabilities = ["create", "read", "update", "delete", "list"] }\n' +
    'path "secret/data/bound/b" { capabilities = ["deny"] }\n';
  await output(['policy', 'write', 'bounded', '-'], policy);
  const made = JSON.parse(await output(['token', 'create', '--policy', 'bounded', '--format', 'json']));
  const token: string = made.client_token;
  const moved = await run(['mv', '-r', '--yes', 'bound/', 'free/'], '', token);
  expect(moved, moved.stderr).toMatchObject({ code: 0 });
  expect(await output(['get', 'free/a'])).toBe('1');
  expect(await output(['get', 'bound/b'])).toBe('2');
  expect((await run(['get', 'bound/b'], '', token)).code).toBe(4);
});

test('names and versions that are not there are no success', async () => {
  await put('numbered', '1');
  await put('numbered', '2');
  const nothing = 'error: numbered has no version 7; nothing was deleted\n';
  expect(await run(['delete', 'numbered', '--versions', '7'])).toMatchObject({ code: 3, stderr: nothing });
  const some = 'error: numbered has no version 7; the others were destroyed\n';
  const destroy = ['delete', 'numbered', '--destroy', '--versions', '1,7', '--yes'];
  expect(await run(destroy)).toMatchObject({ code: 3, stderr: some });
  const gone = 'error: numbered has no version 1 that is not destroyed; nothing was brought back\n';
  expect(await run(['undelete', 'numbered', '--versions', '1'])).toMatchObject({ code: 3, stderr: gone });
  for (const words of [
    ['undelete', 'nope', '--versions', '1'],
    ['delete', 'nope', '--all', '--yes'],
  ]) {
    expect(await run(words)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('there is no secret nope'),
    });
  }
  await output(['delete', 'numbered', '--versions', '2']);
  await output(['undelete', 'numbered', '--versions', '2']);
  expect(await output(['get', 'numbered'])).toBe('2');
  const blind = 'path "secret/metadata/numbered" { capabilities = ["delete"] }';
  await output(['policy', 'write', 'remover', '-'], blind);
  const made = JSON.parse(await output(['token', 'create', '--policy', 'remover', '--format', 'json']));
  expect((await run(['delete', 'numbered', '--all', '--yes'], '', made.client_token)).code).toBe(0);
  expect((await run(['get', 'numbered'])).code).toBe(3);
});
