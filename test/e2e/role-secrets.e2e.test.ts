/** Secrets that list who may read them, by the command line and by kv's clients, as people without any policy use them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { need } from '../setup/need.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  type Place,
  runProgram,
  type ServerProcess,
  startServer,
} from './server-process.ts';

const root = 'e2e-root';
let place: Place;
let server: ServerProcess;
const tokens = new Map<string, string>([['root', root]]);

function as(who: string, words: readonly string[], stdin = ''): Promise<Outcome> {
  const env = {
    COFFER_TOKEN: tokens.get(who) ?? '',
    COFFER_ADDR: server.address,
    COFFER_SAFE: `${server.address}/roles`,
    LC_ALL: 'C.UTF-8',
  };
  return cli(place, words, { stdin, env });
}

async function done(who: string, words: readonly string[], stdin = ''): Promise<string> {
  const outcome = await as(who, words, stdin);
  expect(outcome, `${words.join(' ')}: ${outcome.stderr}`).toMatchObject({ code: 0 });
  return outcome.stdout;
}

beforeAll(async () => {
  place = freshPlace();
  server = await startServer(place, { words: ['--dev', '--dev-root-token-id', root] });
  await done('root', ['mount', 'enable', 'role-secrets', '--path', 'roles']);
  await done('root', ['auth', 'enable', 'userpass']);
  for (const name of ['ann', 'bob', 'admin']) {
    await done('root', ['api', 'POST', `auth/userpass/users/${name}`, 'password=a-long-password']);
    const answer = await fetch(`${server.address}/v1/auth/userpass/login/${name}`, {
      method: 'POST',
      body: '{"password":"a-long-password"}',
    });
    const { auth } = (await answer.json()) as { auth: { client_token: string } };
    tokens.set(name, auth.client_token);
  }
  await done('root', ['api', 'POST', 'roles/config', 'distinguished=userpass/admin']);
}, 120_000);
afterAll(cleanUp);

it('put, get, list, roles, history, delete', async () => {
  await done('admin', ['put', 'team/db', 'user=app', 'password=x', '--roles', 'userpass/ann,userpass/bob']);
  const [raw, copy] = [join(place.home, 'raw'), join(place.home, 'copy')];
  writeFileSync(raw, Buffer.from('00ff80fe', 'hex'));
  await done('admin', ['put', 'plain', `@${raw}`, '--roles', 'userpass/ann']);
  expect(await done('ann', ['get', 'team/db', '--field', 'password'])).toBe('x');
  await done('ann', ['get', 'plain', '--output', copy]);
  expect(readFileSync(copy).toString('hex')).toBe('00ff80fe');
  expect(await done('ann', ['list'])).toBe('plain\nteam/\n');
  expect(await done('bob', ['list'])).toBe('team/\n');
  for (const name of ['plain', 'nothing'])
    expect(await as('bob', ['get', name])).toMatchObject({ code: 4, stdout: '' });
  expect(await as('admin', ['get', 'plain'])).toMatchObject({ code: 4 });
  expect(await as('admin', ['get', 'nothing'])).toMatchObject({ code: 3 });
  expect(await done('admin', ['roles', 'team/db'])).toBe('userpass/ann\nuserpass/bob\n');
  expect(await done('admin', ['roles', 'team/db', 'remove', 'userpass/bob'])).toBe('userpass/ann\n');
  expect(await as('bob', ['get', 'team/db'])).toMatchObject({ code: 4 });
  expect(await as('ann', ['roles', 'team/db', 'add', 'userpass/bob'])).toMatchObject({ code: 4 });
  expect(await done('admin', ['roles', 'team/db', 'add', 'userpass/admin'])).toContain('userpass/admin');
  await done('admin', ['put', 'team/db', 'password=y', '--patch']);
  expect(await done('ann', ['get', 'team/db', '--field', 'user'])).toBe('app');
  expect(await done('ann', ['get', 'team/db', '--version', '1', '--field', 'password'])).toBe('x');
  expect(await as('admin', ['put', 'new', 'x'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('roles'),
  });
  await done('admin', ['delete', 'plain']);
  expect(await as('ann', ['get', 'plain'])).toMatchObject({ code: 3 });
  await done('admin', ['undelete', 'plain', '--versions', '1']);
  await done('ann', ['get', 'plain']);
  await done('admin', ['delete', 'plain', '--all', '--yes']);
  expect(await as('ann', ['get', 'plain'])).toMatchObject({ code: 4 });
}, 120_000);

it('import and export', async () => {
  const file = join(place.home, 'secrets.json');
  writeFileSync(file, JSON.stringify({ one: { value: '1' }, two: { a: 'b' } }));
  await done('admin', ['import', file, 'in/', '--yes', '--roles', 'userpass/bob']);
  expect(JSON.parse(await done('bob', ['export', 'in/', '--as', 'json']))).toEqual({
    one: { value: '1' },
    two: { a: 'b' },
  });
  expect(await done('ann', ['list', 'in'])).toBe('');
}, 120_000);

it('lists are refused where secrets have none', async () => {
  for (const words of [
    ['put', 'x', 'y', '--roles', 'userpass/ann', '--safe', 'secret'],
    ['roles', 'x', '--safe', 'secret'],
  ]) {
    expect(await as('root', words)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('role-secrets'),
    });
  }
  expect(await as('admin', ['roles', 'x', 'give', 'y'])).toMatchObject({ code: 2 });
  expect(await as('admin', ['roles', 'x', 'add'])).toMatchObject({ code: 2 });
}, 120_000);

it('kv’s clients read it as they read kv', async (context) => {
  const python = need(context, 'hvac');
  await done('admin', ['put', 'py/db', 'user=app', '--roles', 'userpass/ann']);
  const script = fileURLToPath(new URL('../compat/hvac-role-secrets.py', import.meta.url));
  const words = [script, server.address, tokens.get('ann') ?? '', tokens.get('admin') ?? ''];
  const outcome = await runProgram(python, words, place.env);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, stdout: 'read\n' });
}, 240_000);
