import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Respond, startWire, type TestServer } from '../client/wire.fixture.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { call, type Scene, temporaryHome } from './cli.fixture.ts';

const versioned = { data: { type: 'kv', options: { version: '2' } } };
const token = 'hvs.abcdefghijklmnopqrstuvwx';

/** A server that knows one mount, answers everything else with `other`, and the environment that reaches it. */
async function shop(other: Respond = () => ({ status: 404, body: { errors: [] } })) {
  const secrets = new Map<string, JsonObject>();
  const home = temporaryHome();
  const server = await startWire((seen) => {
    if (seen.url.startsWith('/v1/sys/internal/ui/mounts/')) return { body: versioned };
    if (!seen.url.startsWith('/v1/secret/data/')) return other(seen);
    const name = seen.url.split('?')[0] ?? '';
    if (seen.method === 'POST') {
      secrets.set(name, (JSON.parse(seen.body) as { data: JsonObject }).data);
      return { body: { data: { version: secrets.size } } };
    }
    if (seen.method === 'DELETE') return {};
    const data = secrets.get(name);
    return data === undefined
      ? { status: 404, body: { errors: [] } }
      : { body: { data: { data, metadata: { version: 1 } } } };
  });
  const env = { HOME: home, COFFER_ADDR: server.address, COFFER_TOKEN: token };
  return {
    server,
    home,
    secrets,
    run: (words: readonly string[], scene: Scene = {}) =>
      call(words, { ...scene, env: { ...env, ...scene.env } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function lastBody(server: TestServer): unknown {
  const body: unknown = JSON.parse(server.seen.at(-1)?.body ?? 'null');
  return isJsonObject(body) ? body : undefined;
}

test('a bare value goes in and comes out, through arguments and a pipe', async () => {
  await using at = await shop();
  for (const [words, stdin, value] of [
    [['put', 'db', 's3cret'], '', 's3cret'],
    [['put', 'db', '-'], 's3cret', 's3cret'],
    [['put', 'db'], 's3cret', 's3cret'],
    [['put', 'db'], 's3cret\n', 's3cret\n'],
    [['put', 'db', '--trim'], 's3cret\r\n', 's3cret'],
  ] as const) {
    expect(await at.run(words, { stdin })).toMatchObject({ code: 0, stdout: '' });
    expect(lastBody(at.server)).toEqual({ data: { value } });
    expect((await at.run(['get', 'db'])).stdout).toBe(value);
  }
  expect((await at.run(['get', 'db'], { columns: 80 })).stdout).toBe('s3cret\n');
});

test('at a terminal the value is asked for twice and not shown', async () => {
  await using at = await shop();
  const outcome = await at.run(['put', 'db'], { typed: 's3cret\rs3cret\r', columns: 80 });
  expect(outcome.code).toBe(0);
  expect(lastBody(at.server)).toEqual({ data: { value: 's3cret' } });
  expect(outcome.stderr + outcome.stdout).not.toContain('s3cret');
  expect((await at.run(['put', 'other'], { typed: 's3cret\rdifferent\r' })).code).toBe(2);
  expect(at.secrets.size).toBe(1);
});

test('fields come from arguments, files and standard input', async () => {
  await using at = await shop();
  const file = join(at.home, 'key.pem');
  writeFileSync(file, 'line 1\nline 2\n');
  const words = ['put', 'db', 'user=a=b', `key=@${file}`, 'password=-', 'at=\\@home'];
  await at.run(words, { stdin: 'p' });
  expect(lastBody(at.server)).toEqual({
    data: { user: 'a=b', key: 'line 1\nline 2\n', password: 'p', at: '@home' },
  });
  expect((await at.run(['get', 'db', '--field', 'user'])).stdout).toBe('a=b');
  expect((await at.run(['get', 'db'])).stdout).toBe(
    'user\ta=b\nkey\tline 1\\nline 2\\n\npassword\tp\nat\t@home\n',
  );
  expect(JSON.parse((await at.run(['get', 'db', '--format', 'json'])).stdout)).toMatchObject({ user: 'a=b' });
  const missing = await at.run(['get', 'db', '--field', 'nope']);
  expect(missing).toMatchObject({ code: 3, stdout: '' });
});

test('bytes come back as they were, on a pipe and in a file, but not on a terminal', async () => {
  await using at = await shop();
  const bytes = Buffer.from([0, 0xff, 0x0a, 0x80]);
  await at.run(['put', 'bin'], { stdin: bytes });
  expect((await at.run(['get', 'bin'])).bytes.equals(bytes)).toBe(true);
  expect(await at.run(['get', 'bin'], { columns: 80 })).toMatchObject({ code: 2, stdout: '' });
  const file = join(at.home, 'out');
  writeFileSync(file, 'old', { mode: 0o644 });
  expect((await at.run(['get', 'bin', '--output', file])).code).toBe(0);
  expect(readFileSync(file).equals(bytes)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each([
  [['put', 'db', ''], ''],
  [['put', 'db'], ''],
  [['put', 'db', 'password='], ''],
  [['put', 'db', 'aHVudGVyMg=='], ''],
  [['put', 'db', 'a=1', 'hunter2'], ''],
  [['put', 'db', 'a=1', 'a=2'], ''],
  [['put', 'db', 'a=-', 'b=-'], 'hunter2'],
  [['put', 'db', '@/nowhere/hunter2'], ''],
  [['put', 'db', 'hunter2\ufffd'], ''],
  [['put', 'db', '--json', '-'], '{"a": hunter2'],
  [['put', 'db', '--json', '-'], '["hunter2"]'],
  [['put', 'db', '--json', '-'], '{}'],
  [['put', 'db', '--json', '-'], '{"hunter2": 12345678901234567890}'],
  [['put', 'db', '--json', '-'], '{"a": "hunter2", "a": "x"}'],
  [['put', 'db', '--json', '-', 'a=hunter2'], '{}'],
  [['put', 'db/', 'hunter2'], ''],
])('threat 16: %j is refused, nothing is written, and no value is repeated', async (words, stdin) => {
  await using at = await shop();
  const outcome = await at.run(words, { stdin });
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  expect(outcome.stderr).not.toMatch(/hunter2|aHVudGVyMg/);
  expect(at.secrets.size).toBe(0);
});

test('a value beyond the limit is refused before it is sent', async () => {
  await using at = await shop();
  const limit = 1024 * 1024;
  expect(await at.run(['put', 'big'], { stdin: Buffer.alloc(limit + 1, 'x') })).toMatchObject({ code: 2 });
  expect(at.server.seen).toEqual([]);
  expect(await at.run(['put', 'big'], { stdin: Buffer.alloc(limit, 'x') })).toMatchObject({ code: 0 });
});

test('an empty value and a check are sent when asked for', async () => {
  await using at = await shop();
  await at.run(['put', 'db', '', '--allow-empty', '--cas', '0']);
  expect(lastBody(at.server)).toEqual({ data: { value: '' }, options: { cas: 0 } });
  await at.run(['put', 'db', 'note=', '--allow-empty']);
  expect(lastBody(at.server)).toEqual({ data: { note: '' } });
  await at.run(['put', 'db', '--json', '-'], { stdin: '{"port":5432,"__proto__":"x"}' });
  expect(at.server.seen.at(-1)?.body).toBe('{"data":{"port":5432,"__proto__":"x"}}');
});

test('a write goes only to a versioned mount', async () => {
  await using server = await startWire(() => ({ body: { data: { type: 'kv', options: { version: '1' } } } }));
  const outcome = await call(['put', 'db', 'x'], {
    env: { HOME: temporaryHome(), COFFER_ADDR: server.address },
  });
  expect(outcome.code).toBe(2);
  expect(server.seen.map((seen) => seen.method)).toEqual(['GET']);
});

test('a deleted version says so; a secret that never was says that', async () => {
  await using at = await shop();
  expect((await at.run(['get', 'nope'])).stderr).toBe('error: there is no secret nope\n');
  await using gone = await startWire((seen) =>
    seen.url.includes('/internal/')
      ? { body: versioned }
      : {
          status: 404,
          body: { data: { data: null, metadata: { version: 3, destroyed: seen.url.includes('version=2') } } },
        },
  );
  const env = { HOME: at.home, COFFER_ADDR: gone.address };
  expect(await call(['get', 'db'], { env })).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('version 3 of db is deleted'),
  });
  expect((await call(['get', 'db', '--version', '2'], { env })).stderr).toContain('is destroyed');
});

test('every error ends with its own exit code, in words or as JSON', async () => {
  const codes: number[] = [];
  for (const [status, errors] of [
    [400, ['check-and-set parameter did not match the current version']],
    [403, ['permission denied']],
    [503, ['Vault is sealed']],
    [502, []],
  ] as const) {
    await using server = await startWire(() => ({ status, body: { errors } }));
    const env = { HOME: temporaryHome(), COFFER_ADDR: server.address };
    const outcome = await call(['policy', 'show', 'x', '--format=json'], { env });
    expect(JSON.parse(outcome.stderr)).toEqual({
      error: { code: expect.any(String), message: expect.any(String) },
    });
    codes.push(outcome.code);
  }
  expect(codes).toEqual([6, 4, 8, 9]);
});

test('lists: names a line, an array as JSON, nothing for none', async () => {
  const keys = ['a', 'b/', 'c\u001b[2J'];
  await using at = await shop((seen) =>
    seen.url === '/v1/secret/metadata/app?list=true&limit=1000'
      ? { body: { data: { keys } } }
      : { status: 404, body: { errors: [] } },
  );
  expect((await at.run(['list', 'app/'])).stdout).toBe('a\nb/\nc\\u001b[2J\n');
  expect(JSON.parse((await at.run(['list', 'app', '--format', 'json'])).stdout)).toEqual(keys);
  expect(await at.run(['list'])).toMatchObject({ code: 0, stdout: '', stderr: 'no secrets below secret\n' });
  expect((await at.run(['list', '--format', 'json'])).stdout).toBe('[]\n');
});

test('history, and what deletes', async () => {
  const metadata = {
    current_version: 10,
    versions: {
      10: { created_time: 't10', deletion_time: '', destroyed: false },
      9: { created_time: 't9', deletion_time: 'd9', destroyed: false },
      8: { created_time: 't8', deletion_time: '', destroyed: true },
    },
  };
  await using at = await shop((seen) => (seen.method === 'GET' ? { body: { data: metadata } } : {}));
  expect((await at.run(['history', 'db'])).stdout).toBe(
    '8\tt8\tdestroyed\n9\tt9\tdeleted d9\n10\tt10\tcurrent\n',
  );
  await at.run(['delete', 'db', '--versions', '1, 2,2']);
  expect(at.server.seen.at(-2)).toMatchObject({
    method: 'POST',
    url: '/v1/secret/delete/db',
    body: '{"versions":[1,2]}',
  });
  await at.run(['undelete', 'db']);
  expect(at.server.seen.at(-2)).toMatchObject({ url: '/v1/secret/undelete/db', body: '{"versions":[10]}' });
  const before = at.server.seen.length;
  expect((await at.run(['delete', 'db', '--all'])).code).toBe(2);
  expect((await at.run(['delete', 'db', '--all'], { typed: 'n\n' })).code).toBe(2);
  expect((await at.run(['delete', 'db', '--versions', '0'])).code).toBe(2);
  expect(at.server.seen.length).toBe(before);
  await at.run(['delete', 'db', '--all'], { typed: 'y\n' });
  expect(at.server.seen.at(-1)).toMatchObject({ method: 'DELETE', url: '/v1/secret/metadata/db' });
  await at.run(['delete', 'db', '--versions', '1', '--destroy', '--yes']);
  expect(at.server.seen.at(-2)).toMatchObject({ url: '/v1/secret/destroy/db' });
});

test('what was never there is not told as deleted or disabled', async () => {
  const accessor = { type: 'token' };
  await using at = await shop((seen) => {
    if (seen.method !== 'GET') return {};
    if (seen.url === '/v1/sys/auth') return { body: { data: { 'token/': accessor } } };
    return { status: 404, body: { errors: [] } };
  });
  for (const [words, message] of [
    [['delete', 'nope'], 'there is no secret nope; nothing was deleted'],
    [['delete', 'nope', '--versions', '1'], 'there is no secret nope; nothing was deleted'],
    [['delete', 'nope', '--all', '--yes'], 'there is no secret nope; nothing was deleted'],
    [['undelete', 'nope', '--versions', '1'], 'there is no secret nope; nothing was brought back'],
    [['auth', 'disable', 'nope', '--yes'], 'there is no auth method at nope/'],
    [['policy', 'show', 'nope'], 'there is no policy nope'],
  ] as const) {
    expect(await at.run(words), words.join(' ')).toMatchObject({ code: 3, stderr: `error: ${message}\n` });
  }
  expect(at.server.seen.map(({ method, url }) => `${method} ${url}`)).not.toContain(
    'DELETE /v1/sys/auth/nope',
  );
});

test('who may delete and not look has deleted', async () => {
  await using at = await shop((seen) =>
    seen.url.includes('metadata') ? { status: 403, body: { errors: ['permission denied'] } } : {},
  );
  expect((await at.run(['delete', 'db', '--versions', '1'])).code).toBe(0);
});

test('with json what was done is one document', async () => {
  const metadata = { current_version: 1, versions: { 1: { destroyed: false } } };
  await using at = await shop((seen) => (seen.url.includes('metadata') ? { body: { data: metadata } } : {}));
  for (const [words, document] of [
    [['delete', 'db', '--versions', '1'], { name: 'db', deleted: [1] }],
    [['delete', 'db', '--all', '--yes'], { name: 'db', deleted: 'all' }],
    [['undelete', 'db', '--versions', '1'], { name: 'db', undeleted: [1] }],
    [['policy', 'write', 'web'], { name: 'web' }],
    [['policy', 'delete', 'web'], { name: 'web' }],
    [['auth', 'enable', 'approle'], { type: 'approle', path: 'approle/' }],
    [['mount', 'move', 'team', '/teams/blue/'], { from: 'team/', to: 'teams/blue/' }],
    [['auth', 'move', 'approle', 'machines'], { from: 'approle/', to: 'machines/' }],
    [['mount', 'disable', 'team', '--yes'], { path: 'team/' }],
    [['lease', 'revoke', 'a/b'], { lease_id: 'a/b' }],
    [['token', 'revoke', '--self'], { revoked: true }],
    [['operator', 'seal'], { sealed: true }],
    [['api', 'DELETE', 'sys/policies/acl/web'], null],
    [['logout'], { removed: false }],
  ] as const) {
    const outcome = await at.run([...words, '--format', 'json'], { stdin: 'path "a" {}' });
    expect(outcome, words.join(' ')).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout), words.join(' ')).toEqual(document);
  }
});

test('a safe that is no mount is told as that', async () => {
  const errors = ['no handler for route "nowhere/data/db". route entry not found.'];
  await using at = await shop(() => ({ status: 404, body: { errors } }));
  expect(await at.run(['get', 'db', '--safe', 'nowhere'])).toMatchObject({
    code: 3,
    stderr: 'error: nothing is mounted there; `coffer mount list` shows what is (GET nowhere/data/db)\n',
  });
});

test('a file of authorities without any is told as that', async () => {
  const file = join(temporaryHome(), 'key.pem');
  writeFileSync(file, '-----BEGIN PRIVATE KEY-----\n');
  const env = { HOME: temporaryHome(), COFFER_ADDR: 'https://127.0.0.1:1', COFFER_CACERT: file };
  expect(await call(['status'], { env })).toMatchObject({
    code: 2,
    stderr: `error: ${file} holds no certificate in PEM\n`,
  });
});

test('who is not logged in is told so', async () => {
  await using at = await shop(() => ({ status: 403, body: { errors: ['permission denied'] } }));
  const outcome = await at.run(['policy', 'list'], { env: { COFFER_TOKEN: '' } });
  expect(outcome.code).toBe(4);
  expect(outcome.stderr).toContain('permission denied: you are not logged in; run `coffer login`');
  expect((await at.run(['policy', 'list'])).stderr).not.toContain('logged in');
});

test('a mount that is refused is told in the server’s words, kv without a version too', async () => {
  await using at = await shop(() => ({ status: 400, body: { errors: ['path is already in use at kv/'] } }));
  expect(await at.run(['mount', 'enable', 'kv'])).toMatchObject({
    code: 6,
    stderr: 'error: path is already in use at kv/ (POST sys/mounts/kv)\n',
  });
});

test('a file that cannot be read is named where it was given as a file', async () => {
  const env = { HOME: temporaryHome() };
  expect(await call(['policy', 'write', 'web', '/none/x.hcl'], { env })).toMatchObject({
    code: 2,
    stderr: 'error: cannot read /none/x.hcl: no such file or directory\n',
  });
  expect((await call(['put', 'db', '@/none/x'], { env })).stderr).not.toContain('/none/x');
});

test('login verifies the token, keeps it for its owner, and never prints it', async () => {
  const who = { display_name: 'token-web', policies: ['default', 'web'], ttl: 3600, id: token };
  await using at = await shop((seen) =>
    seen.headers['x-vault-token'] === token
      ? { body: { data: who } }
      : { status: 403, body: { errors: ['bad token'] } },
  );
  const kept = join(at.home, '.config', 'coffer', 'token');
  const outcome = await at.run(['login'], { typed: `${token}\r`, env: { COFFER_TOKEN: '' } });
  expect(outcome).toMatchObject({ code: 0, stdout: '' });
  expect(outcome.stderr).toContain('logged in as token-web; policies: default, web; the token lasts 1h\n');
  expect(outcome.stderr).not.toContain(token);
  expect(readFileSync(kept, 'utf8')).toBe(`${token}\n`);
  expect(statSync(kept).mode & 0o777).toBe(0o600);
  const refused = await at.run(['login'], { stdin: 'hvs.other\n' });
  expect(refused.code).toBe(4);
  expect(readFileSync(kept, 'utf8')).toBe(`${token}\n`);
  expect((await at.run(['login'], { stdin: token })).stderr).toContain('COFFER_TOKEN is set and wins');
  expect((await at.run(['logout'])).code).toBe(0);
  expect(() => statSync(kept)).toThrow();
});

test('login by approle sends the secret id from a pipe, and can print the token', async () => {
  await using at = await shop(() => ({
    body: { auth: { client_token: token, policies: ['web'], lease_duration: 60 } },
  }));
  const words = ['login', '--method', 'approle', '--role-id', 'r', '--no-store'];
  expect((await at.run(words, { stdin: 'sid\n' })).stdout).toBe(`${token}\n`);
  expect(at.server.seen.at(-1)).toMatchObject({
    url: '/v1/auth/approle/login',
    body: '{"role_id":"r","secret_id":"sid"}',
  });
  expect(at.server.seen.at(-1)?.headers['x-vault-token']).toBeUndefined();
});

test('login by userpass sends the password as it was entered, and names the user in the path', async () => {
  await using at = await shop(() => ({
    body: {
      auth: { client_token: token, policies: ['web'], lease_duration: 60, metadata: { username: 'al' } },
    },
  }));
  const typed = await at.run(['login', 'userpass', 'Al', '--no-store'], { typed: ' p w \r' });
  expect(typed).toMatchObject({ code: 0, stdout: `${token}\n` });
  expect(typed.stderr).not.toContain('p w');
  expect(at.server.seen.at(-1)).toMatchObject({
    url: '/v1/auth/userpass/login/Al',
    body: '{"password":" p w "}',
  });
  const words = ['login', '--method', 'userpass', '--path', 'staff', '--no-store', 'userpass', 'al'];
  expect((await at.run(words, { stdin: 'secret\n' })).code).toBe(0);
  expect(at.server.seen.at(-1)).toMatchObject({
    url: '/v1/auth/staff/login/al',
    body: '{"password":"secret"}',
  });
});

test('threat 16: login refuses what it cannot use before it asks for anything, and repeats no word of it', async () => {
  await using at = await shop(() => ({ body: {} }));
  for (const words of [
    ['hvs.sesame'],
    ['userpass'],
    ['userpass', 'al', 'hvs.sesame'],
    ['approle', 'hvs.sesame', '--role-id', 'r'],
    ['token', 'hvs.sesame'],
    ['approle'],
    ['approle', '--method', 'userpass'],
  ]) {
    const outcome = await at.run(['login', ...words], { stdin: 'x\n' });
    expect(outcome, words.join(' ')).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).not.toContain('sesame');
  }
  expect((await at.run(['login', 'userpass', 'al'], { stdin: '' })).code).toBe(2);
  expect(at.server.seen).toEqual([]);
});

test('api: fields, lists, a whole body, queries, and one part of the answer', async () => {
  await using at = await shop(() => ({ body: { data: { role_id: 'abc', keys: ['a', 'b'] } } }));
  const words = ['api', 'post', '/v1/auth/approle/role/web', 'token_policies=web', 'x=1', 'x=2'];
  expect(JSON.parse((await at.run(words)).stdout)).toEqual({ data: { role_id: 'abc', keys: ['a', 'b'] } });
  expect(at.server.seen.at(-1)).toMatchObject({ method: 'POST', url: '/v1/auth/approle/role/web' });
  expect(lastBody(at.server)).toEqual({ token_policies: 'web', x: ['1', '2'] });
  await at.run(['api', 'PUT', 'x', '-'], { stdin: '{"deep":{"er":1}}' });
  expect(lastBody(at.server)).toEqual({ deep: { er: 1 } });
  await at.run(['api', 'LIST', 'x', 'limit=2']);
  expect(at.server.seen.at(-1)).toMatchObject({ method: 'GET', url: '/v1/x?list=true&limit=2' });
  expect((await at.run(['api', 'GET', 'x', '--field', 'data.role_id'])).stdout).toBe('abc');
  expect((await at.run(['api', 'GET', 'x', '--field', 'data.keys.1'])).stdout).toBe('b');
  expect((await at.run(['api', 'GET', 'x', '--field', 'data.constructor'])).code).toBe(3);
  expect((await at.run(['api', 'GTE', 'x'])).code).toBe(2);
});

test('tokens: created, looked up without showing them, revoked only when named', async () => {
  await using at = await shop(() => ({
    body: { auth: { client_token: token, accessor: 'acc' }, data: { id: token, ttl: 1 } },
  }));
  const create = ['token', 'create', '-p', 'a', '-p', 'b', '--uses', '2', '--metadata', 'k=v', '--orphan'];
  expect((await at.run([...create, '--field', 'client_token'])).stdout).toBe(token);
  expect(lastBody(at.server)).toEqual({
    policies: ['a', 'b'],
    num_uses: 2,
    meta: { k: 'v' },
    no_parent: true,
  });
  expect((await at.run(['token', 'lookup'])).stdout).toBe('ttl\t1\n');
  await at.run(['token', 'lookup', '-'], { stdin: `${token}\n` });
  expect(lastBody(at.server)).toEqual({ token });
  const before = at.server.seen.length;
  expect((await at.run(['token', 'revoke'])).code).toBe(2);
  expect((await at.run(['token', 'revoke', 'x', '--self'])).code).toBe(2);
  expect(at.server.seen.length).toBe(before);
  await at.run(['token', 'revoke', '--self']);
  expect(at.server.seen.at(-1)?.url).toBe('/v1/auth/token/revoke-self');
});

test('mounts are enabled with their options, and disabled only when that is meant', async () => {
  await using at = await shop(() => ({}));
  await at.run(['mount', 'enable', 'kv', '--path', 'team/', '--version', '2', '--max-lease-ttl', '1h']);
  expect(at.server.seen.at(-1)?.url).toBe('/v1/sys/mounts/team');
  expect(lastBody(at.server)).toEqual({
    type: 'kv',
    options: { version: '2' },
    config: { max_lease_ttl: '1h' },
  });
  await at.run(['auth', 'enable', 'approle']);
  expect(at.server.seen.at(-1)?.url).toBe('/v1/sys/auth/approle');
  expect(lastBody(at.server)).toEqual({ type: 'approle' });
  const before = at.server.seen.length;
  expect((await at.run(['auth', 'disable', 'approle'])).code).toBe(2);
  expect(at.server.seen.length).toBe(before);
  expect((await at.run(['auth', 'disable', 'approle', '-y'])).code).toBe(0);
});

test.each([
  [['kv'], { type: 'kv', options: { version: '2' } }],
  [['kv', '--version', '1'], { type: 'kv', options: { version: '1' } }],
  [['kv', '--option', 'version=1'], { type: 'kv', options: { version: '1' } }],
  [['kv-v1'], { type: 'kv-v1' }],
  [['generic'], { type: 'generic' }],
])(
  'enabling %j asks for the version that the verbs on secrets need, unless told otherwise',
  async (words, body) => {
    await using at = await shop(() => ({}));
    expect((await at.run(['mount', 'enable', ...words])).code).toBe(0);
    expect(lastBody(at.server)).toEqual(body);
  },
);

test('a version is nothing that an auth method has', async () => {
  await using at = await shop(() => ({}));
  expect((await at.run(['auth', 'enable', 'approle', '--version', '2'])).code).toBe(2);
  expect(at.server.seen).toEqual([]);
});

test('status prints what it knows, and its exit code says sealed', async () => {
  let sealed = true;
  await using at = await shop((seen) => ({
    status: seen.url.includes('health') && sealed ? 503 : 200,
    body: { initialized: true, sealed, t: 3, version: '0.1.0' },
  }));
  const closed = await at.run(['status', '--format', 'json']);
  expect(closed.code).toBe(8);
  expect(JSON.parse(closed.stdout)).toMatchObject({ sealed: true, t: 3 });
  expect(JSON.parse(closed.stderr)).toMatchObject({ error: { code: 'sealed' } });
  sealed = false;
  // A person reads what differs from server to server; the rest is for Vault's clients.
  expect(await at.run(['status'])).toMatchObject({
    code: 0,
    stdout: 'initialized\ttrue\nsealed\tfalse\nthreshold\t3\n',
  });
});

test('operator init writes shares for their owner, and leaves nothing when the server refuses', async () => {
  let status = 400;
  await using at = await shop(() =>
    status === 200
      ? { body: { keys: ['00'], keys_base64: ['c2hhcmU='], root_token: token } }
      : { status, body: { errors: ['Vault is already initialized'] } },
  );
  const directory = join(at.home, 'keys');
  const words = ['operator', 'init', '--shares', '1', '--output-dir', directory];
  expect((await at.run(words)).code).toBe(6);
  expect(() => statSync(directory)).toThrow();
  status = 200;
  const made = await at.run(words);
  expect(made).toMatchObject({ code: 0, stdout: '' });
  expect(made.stderr).not.toContain(token);
  expect(lastBody(at.server)).toEqual({ secret_shares: 1, secret_threshold: 1 });
  expect(readFileSync(join(directory, 'share-1'), 'utf8')).toBe('c2hhcmU=\n');
  expect((await at.run(['operator', 'init', '--shares', '1'])).stdout).toBe(
    `share 1\tc2hhcmU=\nroot token\t${token}\n`,
  );
  expect((await at.run(['operator', 'init', '--shares', '3', '--threshold', '4'])).code).toBe(2);
});

test('shares that find no room in the files are printed rather than lost', async () => {
  await using at = await shop(() => ({ body: { keys_base64: ['c2hhcmU='], root_token: token } }));
  const words = [
    'operator',
    'init',
    '--shares',
    '2',
    '--threshold',
    '2',
    '--output-dir',
    join(at.home, 'keys'),
  ];
  const outcome = await at.run(words);
  expect(outcome.code).not.toBe(0);
  expect(outcome.stdout).toContain('c2hhcmU=');
});

test('operator unseal gives shares until the server opens', async () => {
  let given = 0;
  await using at = await shop((seen) => {
    if (seen.method === 'PUT') given++;
    return { body: { initialized: true, sealed: given < 2, t: 2, progress: given % 2 } };
  });
  const typed = await at.run(['operator', 'unseal'], { stdin: 'one\ntwo\nthree\n' });
  expect(typed.code).toBe(0);
  expect(at.server.seen.filter((seen) => seen.method === 'PUT').map((seen) => seen.body)).toEqual([
    '{"key":"one"}',
    '{"key":"two"}',
  ]);
  expect(typed.stderr).toContain('the server is unsealed');
});

test('nothing, an unknown command and an unknown verb are told with the way on', async () => {
  const env = { HOME: temporaryHome() };
  expect(await call([], { env })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('Usage: coffer'),
  });
  expect((await call(['help'], { env })).stdout).toContain('Usage: coffer');
  expect((await call(['hlep'], { env })).stderr).toContain('did you mean `coffer help`?');
  expect((await call(['set'], { env })).stderr).toContain('did you mean `coffer put`?');
  expect((await call(['policy', 'help'], { env })).stdout).toContain('Usage: coffer policy COMMAND');
  expect((await call(['pu'], { env })).stderr).toContain('did you mean `coffer put`?');
  expect((await call(['policy'], { env })).code).toBe(2);
  expect((await call(['policy', 'wirte'], { env })).stderr).toContain('did you mean `coffer policy write`?');
  expect((await call(['constructor'], { env })).code).toBe(2);
  expect((await call(['policy', 'write', '--help'], { env })).stdout).toContain('Usage: coffer policy write');
  expect((await call(['help', 'policy', 'write'], { env })).stdout).toContain('Usage: coffer policy write');
});

test('plain http to another machine is warned about', async () => {
  const env = { HOME: temporaryHome(), COFFER_ADDR: 'http://192.0.2.1:1', COFFER_TOKEN: token };
  const outcome = await call(['get', 'a/../b'], { env });
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain('warning: http://192.0.2.1:1 is not encrypted');
});
