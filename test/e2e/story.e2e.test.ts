/** The main job, the way a person does it: from an empty directory to an application that reads what it may, and no more. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { need } from '../setup/need.ts';
import { everythingBelow, holding, lax } from './files.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  runProgram,
  type ServerProcess,
  startServer,
} from './server-process.ts';
import { openWire, textAt } from './wire.ts';

afterAll(cleanUp);

describe('from an empty directory to an application that reads its secret', () => {
  const place = freshPlace();
  /** The application's own home: nothing of the owner's login is there. */
  const application = freshPlace();
  const said: string[] = [];
  let server: ServerProcess;
  let rootToken = '';
  let secretId = '';
  let roleId = '';

  async function coffer(words: readonly string[], stdin?: string, from = place): Promise<Outcome> {
    const env = { COFFER_ADDR: server.address };
    const outcome = await cli(from, words, stdin === undefined ? { env } : { env, stdin });
    if (from === place) said.push(outcome.stdout, outcome.stderr);
    return outcome;
  }

  async function done(words: readonly string[], stdin?: string, from = place): Promise<string> {
    const outcome = await coffer(words, stdin, from);
    expect(outcome, words.join(' ')).toMatchObject({ code: 0 });
    return outcome.stdout;
  }

  const curl = (path: string, context: Parameters<typeof need>[0], ...args: readonly string[]) =>
    runProgram(
      need(context, 'curl'),
      ['-sS', '-w', '\n%{http_code}', ...args, `${server.address}/v1/${path}`],
      application.env,
    );

  beforeAll(async () => {
    server = await startServer(place, { words: ['--init'] });
    said.push(server.stdout);
    const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
    rootToken = readFileSync(join(place.config, file), 'utf8').trim();
  });

  it('the first start says where the store, its keyfile and the root token are, and what to back up', () => {
    const [keyfile = ''] = readdirSync(place.config).filter((name) => name.endsWith('.keyfile'));
    const [tokenFile = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
    expect(keyfile).toMatch(/^[0-9a-f-]{36}\.keyfile$/);
    expect(server.stdout).toContain(`store       ${place.data}\n`);
    expect(server.stdout).toContain(`keyfile     ${join(place.config, keyfile)}\n`);
    expect(server.stdout).toContain(`root token  ${join(place.config, tokenFile)}\n`);
    expect(server.stdout).toMatch(/Back up the store and the keyfile, apart from each other/);
    expect(server.stdout).toContain(`Serving on ${server.address}. Next:`);
    expect(server.stdout.match(/^ {2}npx coffer .+$/gm)).toHaveLength(3);
  });

  it('threat 26: every file is its owner’s alone', () => {
    const files = everythingBelow(place.home);
    expect(lax(files)).toEqual([]);
    expect(files.length).toBeGreaterThan(8);
  });

  it('the owner is logged in, and puts, gets, lists, looks back and deletes', async () => {
    expect(await coffer(['get', 'db/password'])).toMatchObject({ code: 3, stdout: '' });
    await done(['put', 'db/password', 'hunter2']);
    expect(await done(['get', 'db/password'])).toBe('hunter2');
    await done(['put', 'db/password'], 'correct horse');
    expect(await done(['get', 'db/password'])).toBe('correct horse');
    expect(await done(['get', 'db/password', '--version', '1'])).toBe('hunter2');
    expect(await done(['list'])).toBe('db/\n');
    expect(await done(['list', 'db'])).toBe('password\n');
    const history = await done(['history', 'db/password']);
    expect(history.split('\n').map((line) => line.split('\t')[0])).toEqual(['1', '2', '']);
    await done(['put', 'old', 'x']);
    await done(['delete', 'old']);
    expect(await coffer(['get', 'old'])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('deleted'),
    });
    await done(['undelete', 'old']);
    expect(await done(['get', 'old'])).toBe('x');
    await done(['delete', 'old', '--all', '--yes']);
    expect(await coffer(['history', 'old'])).toMatchObject({ code: 3 });
    expect(await done(['list'])).toBe('db/\n');
  });

  it('an application gets a policy and an AppRole', async () => {
    await done(['put', 'web/api-key', 'key-of-web']);
    await done(['policy', 'write', 'web', '-'], 'path "secret/data/web/*" { capabilities = ["read"] }');
    await done(['auth', 'enable', 'approle']);
    await done(['api', 'POST', 'auth/approle/role/web', 'token_policies=web', 'token_ttl=1h']);
    roleId = await done(['api', 'GET', 'auth/approle/role/web/role-id', '--field', 'data.role_id']);
    secretId = await done(['api', 'POST', 'auth/approle/role/web/secret-id', '--field', 'data.secret_id']);
  });

  it('the application logs in by the CLI, reads its own, and nothing else', async () => {
    await done(['login', '--method', 'approle', '--role-id', roleId], secretId, application);
    expect(lax(everythingBelow(application.config))).toEqual([]);
    expect(await done(['get', 'web/api-key'], undefined, application)).toBe('key-of-web');
    const refused = await coffer(['get', 'db/password'], undefined, application);
    expect(refused).toMatchObject({ code: 4, stdout: '' });
    expect(refused.stderr).toMatch(
      /permission denied \(GET secret\/data\/db\/password; request [0-9a-f-]{36}\)/,
    );
    expect(await coffer(['put', 'web/api-key', 'mine'], undefined, application)).toMatchObject({ code: 4 });
    expect(await coffer(['list'], undefined, application)).toMatchObject({ code: 4 });
    expect(await done(['get', 'web/api-key'])).toBe('key-of-web');
  });

  it('the application logs in by curl, reads its own, and nothing else', async (context) => {
    const body = JSON.stringify({ role_id: roleId, secret_id: secretId });
    const login = await curl('auth/approle/login', context, '--data', body);
    expect(login).toMatchObject({ code: 0, stdout: expect.stringMatching(/\n200$/) });
    const token = textAt(JSON.parse(login.stdout.replace(/\d+$/, '')), 'auth', 'client_token');
    const header = ['-H', `X-Vault-Token: ${token}`];
    const read = await curl('secret/data/web/api-key', context, ...header);
    expect(read.stdout).toContain('"value":"key-of-web"');
    expect(await curl('secret/data/db/password', context, ...header)).toMatchObject({
      stdout: expect.stringMatching(/permission denied[\s\S]*\n403$/),
    });
  });

  it('a person logs in with a password, is locked out after five wrong ones, and let in again', async () => {
    const person = freshPlace();
    await done(['auth', 'enable', 'userpass']);
    await done(
      ['api', 'POST', 'auth/userpass/users/Alice', 'token_policies=web', 'password=-'],
      'pass of alice',
    );
    await done(['login', 'userpass', 'alice'], 'pass of alice\n', person);
    expect(lax(everythingBelow(person.config))).toEqual([]);
    expect(await done(['get', 'web/api-key'], undefined, person)).toBe('key-of-web');
    expect(await coffer(['get', 'db/password'], undefined, person)).toMatchObject({ code: 4 });
    for (let i = 0; i < 5; i++) {
      expect(await coffer(['login', 'userpass', i % 2 ? 'Alice' : 'alice'], 'guess', person)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('invalid username or password'),
      });
    }
    const locked = await coffer(['login', 'userpass', 'alice'], 'pass of alice\n', person);
    expect(locked).toMatchObject({ code: 4, stdout: '' });
    // What she has goes on.
    expect(await done(['get', 'web/api-key'], undefined, person)).toBe('key-of-web');
    const keys = JSON.parse(await done(['api', 'LIST', 'sys/locked-users', '--field', 'data.keys']));
    expect(keys).toHaveLength(1);
    const [accessor, name] = String(keys[0]).split('/');
    await done(['api', 'POST', `sys/locked-users/${accessor}/unlock/${name}`]);
    await done(['login', 'userpass', 'alice'], 'pass of alice\n', person);
  });

  it('its token is refused the moment it is revoked', async () => {
    const token = readFileSync(join(application.config, 'token'), 'utf8').trim();
    expect(await done(['get', 'web/api-key'], undefined, application)).toBe('key-of-web');
    await done(['token', 'revoke', '-'], token);
    expect(await coffer(['get', 'web/api-key'], undefined, application)).toMatchObject({
      code: 4,
      stdout: '',
    });
    // Losing a secret id keeps later logins out too.
    await done(['api', 'POST', 'auth/approle/role/web/secret-id/destroy', 'secret_id=-'], secretId);
    expect(
      await coffer(['login', '--method', 'approle', '--role-id', roleId], secretId, application),
    ).toMatchObject({ code: 2, stderr: expect.stringContaining('invalid role or secret ID') });
  });

  it('the audit log names the rule that refused', async () => {
    const wire = openWire(server.address, rootToken);
    const created = await wire.ask('POST', 'auth/token/create', { body: { policies: ['web'] } });
    const token = textAt(created.json, 'auth', 'client_token');
    const refused = await wire.ask('PUT', 'secret/data/web/api-key', {
      token,
      body: { data: { value: '' } },
    });
    wire.close();
    expect(refused.status).toBe(403);
    const id = String(refused.headers['x-coffer-request-id']);
    const shown = JSON.parse(await done(['audit', 'show', id, '--format', 'json']));
    expect(shown).toMatchObject([
      {
        type: 'request',
        operation: 'update',
        path: 'secret/data/web/api-key',
        decision: { kind: 'deny', rule: { pattern: 'secret/data/web/*', policies: ['web'] } },
      },
      { type: 'response', status: 403 },
    ]);
    expect(await coffer(['audit', 'show', 'no-such-id'])).toMatchObject({ code: 3 });
  });

  it('the audit log is intact while the server runs and after it has stopped', async () => {
    expect(await coffer(['audit', 'verify'])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^intact: 1 chain,/m),
    });
    expect(await server.stop()).toMatchObject({ code: 0 });
    said.push(server.stdout, server.stderr);
    expect(await coffer(['audit', 'verify'])).toMatchObject({ code: 0 });
  });

  it('after a restart everything is still there', async () => {
    server = await startServer(place);
    expect(server.stdout).toContain(`Serving ${place.data} on ${server.address}`);
    expect(await done(['get', 'db/password'])).toBe('correct horse');
    expect(await done(['get', 'db/password', '--version', '1'])).toBe('hunter2');
    expect(await done(['get', 'web/api-key'])).toBe('key-of-web');
    expect(await done(['policy', 'show', 'web'])).toContain('secret/data/web/*');
    expect(await coffer(['get', 'web/api-key'], undefined, application)).toMatchObject({ code: 4 });
    await server.stop();
    said.push(server.stdout, server.stderr);
    expect(await coffer(['audit', 'verify'])).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^intact: 2 chains/m),
    });
  });

  it('threat 16: neither the root token nor a secret is on the terminal, in a log, or in the store in the clear', () => {
    expect(rootToken.length).toBeGreaterThan(20);
    const files = everythingBelow(place.home).filter((path) => path.startsWith(place.data));
    const told = said.join('\n');
    for (const secret of [rootToken, secretId]) expect(holding(files, secret)).toEqual([]);
    for (const secret of ['hunter2', 'correct horse', 'key-of-web', 'pass of alice'])
      expect(holding(files, secret)).toEqual([]);
    expect(told).not.toContain(rootToken);
  });

  it('threat 26: every file is still its owner’s alone', () => {
    expect(lax(everythingBelow(place.home))).toEqual([]);
  });
});
