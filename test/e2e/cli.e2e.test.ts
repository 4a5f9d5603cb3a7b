/** The installed command as a person uses it, against a development server of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bin/coffer.js', import.meta.url));
const rootHome = mkdtempSync(join(tmpdir(), 'coffer-e2e-'));

let server: ChildProcess;
let address = '';

interface Outcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

beforeAll(async () => {
  const words = ['server', '--dev', '--dev-root-token-id', 'e2e-root', '--listen', '127.0.0.1:0'];
  server = spawn(process.execPath, [program, ...words], {
    env: environment(rootHome),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  address = await new Promise((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const found = /Serving on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    server.stdout?.on('data', listen);
    server.stderr?.on('data', listen);
    server.once('exit', () => reject(new Error(`the server ended: ${said}`)));
  });
});

afterAll(async () => {
  server.removeAllListeners('exit');
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await ended;
});

function environment(home: string, more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: home, ...more };
}

function run(
  words: readonly string[],
  stdin: string | Uint8Array,
  env: Record<string, string>,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...words], { env });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}

const asRoot = (words: readonly string[], stdin: string | Uint8Array = '') =>
  run(words, stdin, environment(rootHome, { COFFER_ADDR: address, COFFER_TOKEN: 'e2e-root' }));

/** The outcome's standard output, of a command that must succeed. */
async function output(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  expect(`${stderr}${code}`).toMatch(/0$/);
  return stdout.toString();
}

test('a secret goes in, comes out, changes under a check, and has a history', async () => {
  const first = await asRoot(['put', 'story/db', '-'], 's3cret');
  expect(first).toMatchObject({ code: 0, stderr: 'story/db: version 1 stored\n' });
  expect(await output(asRoot(['get', 'story/db']))).toBe('s3cret');
  expect((await asRoot(['put', 'story/db', 'other', '--cas', '0'])).code).toBe(6);
  expect((await asRoot(['put', 'story/db', 'user=app', 'password=p2', '--cas', '1'])).code).toBe(0);
  expect(await output(asRoot(['get', 'story/db', '--field', 'password']))).toBe('p2');
  expect(await output(asRoot(['get', 'story/db', '--version', '1']))).toBe('s3cret');
  expect(await output(asRoot(['list', 'story']))).toBe('db\n');
  expect(
    (await output(asRoot(['history', 'story/db']))).split('\n').map((line) => line.split('\t')[0]),
  ).toEqual(['1', '2', '']);
  const json: unknown = JSON.parse(await output(asRoot(['get', 'story/db', '--format', 'json'])));
  expect(json).toEqual({ user: 'app', password: 'p2' });
});

test('what is deleted is gone, what is undeleted is back, what is deleted for good is neither', async () => {
  await output(asRoot(['put', 'gone', 'x']));
  await output(asRoot(['delete', 'gone']));
  expect(await asRoot(['get', 'gone'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('is deleted'),
  });
  await output(asRoot(['undelete', 'gone']));
  expect(await output(asRoot(['get', 'gone']))).toBe('x');
  expect((await asRoot(['delete', 'gone', '--all'])).code).toBe(2);
  await output(asRoot(['delete', 'gone', '--all', '--yes']));
  expect(await asRoot(['get', 'gone'])).toMatchObject({
    code: 3,
    stderr: 'error: there is no secret gone\n',
  });
});

test('--patch keeps the other fields', async () => {
  await output(asRoot(['put', 'patched', 'a=1', 'b=2']));
  await output(asRoot(['put', 'patched', 'b=3', '--patch']));
  expect(JSON.parse(await output(asRoot(['get', 'patched', '--format', 'json'])))).toEqual({
    a: '1',
    b: '3',
  });
});

test('bytes survive, and a file is for its owner only', async () => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256));
  await output(asRoot(['put', 'bytes', '-'], bytes));
  expect((await asRoot(['get', 'bytes'])).stdout.equals(bytes)).toBe(true);
  const file = join(rootHome, 'bytes');
  await output(asRoot(['get', 'bytes', '-o', file]));
  expect(readFileSync(file).equals(bytes)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('an application gets a role, logs in from a pipe, reads what it may and nothing else', async () => {
  await output(asRoot(['put', 'web/key', 'k1']));
  await output(asRoot(['put', 'private/key', 'k2']));
  await output(
    asRoot(['policy', 'write', 'web', '-'], 'path "secret/data/web/*" { capabilities = ["read"] }\n'),
  );
  expect(await output(asRoot(['policy', 'show', 'web']))).toContain('secret/data/web/*');
  await output(asRoot(['auth', 'enable', 'approle']));
  await output(asRoot(['api', 'POST', 'auth/approle/role/web', 'token_policies=web', 'token_ttl=1h']));
  const roleId = await output(
    asRoot(['api', 'GET', 'auth/approle/role/web/role-id', '--field', 'data.role_id']),
  );
  const secretId = await output(
    asRoot(['api', 'POST', 'auth/approle/role/web/secret-id', '--field', 'data.secret_id']),
  );

  const home = mkdtempSync(join(tmpdir(), 'coffer-e2e-app-'));
  const asApp = (words: readonly string[], stdin = '') =>
    run(words, stdin, environment(home, { VAULT_ADDR: address }));
  expect((await asApp(['get', 'web/key'])).code).toBe(4);
  expect((await asApp(['login', '--method', 'approle', '--role-id', roleId], 'wrong')).code).not.toBe(0);
  const login = await asApp(['login', '--method', 'approle', '--role-id', roleId], `${secretId}\n`);
  expect(login).toMatchObject({ code: 0, stderr: expect.stringContaining('policies: default, web') });
  const tokenFile = join(home, '.config', 'coffer', 'token');
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  expect(await output(asApp(['get', 'web/key']))).toBe('k1');
  expect((await asApp(['get', 'private/key'])).code).toBe(4);
  expect((await asApp(['put', 'web/key', 'k3'])).code).toBe(4);

  const kept = readFileSync(tokenFile, 'utf8');
  await output(asApp(['logout', '--revoke']));
  expect((await asApp(['get', 'web/key'])).code).toBe(4);
  writeFileSync(tokenFile, kept, { mode: 0o600 });
  expect((await asApp(['get', 'web/key'])).code).toBe(4);
});

test('a token is created, looked up, renewed and revoked', async () => {
  const token = await output(
    asRoot(['token', 'create', '--policy', 'default', '--ttl', '10m', '--field', 'client_token']),
  );
  const ttl = Number(await output(asRoot(['token', 'lookup', '-', '--field', 'ttl'], token)));
  expect(ttl).toBeGreaterThan(500);
  expect(ttl).toBeLessThanOrEqual(600);
  await output(asRoot(['token', 'renew', '-', '--increment', '5m'], token));
  const env = environment(rootHome, { COFFER_ADDR: address });
  await output(run(['token', 'lookup', '--token-file', '-'], token, env));
  await output(asRoot(['token', 'revoke', '-'], token));
  expect((await run(['token', 'lookup', '--token-file', '-'], token, env)).code).toBe(4);
});

test('mounts come, hold secrets of their own, and go', async () => {
  await output(asRoot(['mount', 'enable', 'kv', '--path', 'team/kv', '--version', '2']));
  await output(asRoot(['put', 'x', 'in the team', '--safe', `${address}/team/kv`]));
  expect(await output(asRoot(['get', 'x', '--safe', 'team/kv']))).toBe('in the team');
  expect((await asRoot(['get', 'x'])).code).toBe(3);
  expect(await output(asRoot(['mount', 'list']))).toContain('team/kv/\tkv\tversion=2');
  await output(asRoot(['mount', 'move', 'team/kv', 'moved']));
  expect(await output(asRoot(['get', 'x', '--safe', 'moved']))).toBe('in the team');
  expect((await asRoot(['mount', 'move', 'team/kv', 'elsewhere'])).stderr).toContain('no matching mount');
  await output(asRoot(['mount', 'move', 'moved', 'team/kv']));
  await output(asRoot(['mount', 'disable', 'team/kv', '--yes']));
  expect((await asRoot(['get', 'x', '--safe', 'team/kv'])).code).toBe(3);
});

test('status is 0 while the server is unsealed and 9 where there is none', async () => {
  const status: unknown = JSON.parse(await output(asRoot(['status', '--format', 'json'])));
  expect(status).toMatchObject({ initialized: true, sealed: false });
  const nowhere = await run(['status'], '', environment(rootHome, { COFFER_ADDR: 'http://127.0.0.1:1' }));
  expect(nowhere).toMatchObject({ code: 9, stderr: expect.stringContaining('is the server running?') });
});

test('a reader that goes away early is no failure', async () => {
  const child = spawn(process.execPath, [program, 'help'], { env: environment(rootHome) });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect({ code, said }).toEqual({ code: 0, said: '' });
});
