/**
 * The App-ID workflow as its users ran it: an operator maps, an automation hands the app id over in the cubbyhole of a token for
 * four requests, and the application proves what it is and where it runs. Once over plain HTTP, once by the old program's commands.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  type Outcome,
  type Place,
  program,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

const rootToken = 'root-of-the-story';
const userId = createHash('sha1').update('11:ff:30:d6:ba:5f').digest('hex');
const policy = 'path "config/web/*" {\n  policy = "read"\n}\n';

afterAll(cleanUp);

describe('over plain HTTP', () => {
  const place = freshPlace();
  const appId = randomUUID();
  let server: ServerProcess;
  let temporary = '';
  let application = '';

  beforeAll(async () => {
    server = await startServer(place, { words: ['--dev', '--dev-root-token-id', rootToken] });
  });

  /** Tokens and bodies go by files of curl's own, which `ps` does not show. */
  async function curl(
    context: TestContext,
    method: string,
    path: string,
    token: string | null,
    body?: JsonObject,
  ) {
    const config = join(place.home, `${randomUUID()}.curl`);
    const lines = [
      `url = "${server.address}/v1/${path}"`,
      `request = "${method}"`,
      ...(token === null ? [] : [`header = "X-Vault-Token: ${token}"`]),
      ...(body === undefined ? [] : [`data = ${JSON.stringify(JSON.stringify(body))}`]),
    ];
    writeFileSync(config, lines.join('\n'), { mode: 0o600 });
    const args = ['--silent', '--show-error', '--write-out', '\n%{http_code}', '--config', config];
    const { code, stdout, stderr } = await runProgram(need(context, 'curl'), args, place.env);
    expect([code, stderr]).toEqual([0, '']);
    const at = stdout.lastIndexOf('\n');
    const text = stdout.slice(0, at);
    const json = text === '' ? {} : (JSON.parse(text) as JsonObject);
    return {
      status: Number(stdout.slice(at + 1)),
      json,
      data: json['data'],
      auth: json['auth'] as JsonObject,
    };
  }

  it('the operator mounts, writes a policy and maps both ids', async (context) => {
    const steps: readonly (readonly [string, string, JsonObject])[] = [
      ['POST', 'sys/mounts/config', { type: 'generic' }],
      ['POST', 'sys/auth/app-id', { type: 'app-id' }],
      ['PUT', 'sys/policy/web', { rules: policy }],
      ['POST', `auth/app-id/map/app-id/${appId}`, { value: 'web', display_name: 'web' }],
      ['POST', `auth/app-id/map/user-id/${userId}`, { value: appId }],
      ['POST', 'config/web/database', { password: 'hunter-2' }],
      ['POST', 'config/mail/smtp', { password: 'other' }],
    ];
    for (const [method, path, body] of steps) {
      const { status } = await curl(context, method, path, rootToken, body);
      expect([200, 204], path).toContain(status);
    }
    const { json } = await curl(context, 'GET', 'sys/mounts', rootToken);
    expect(Object.keys(json)).toEqual(expect.arrayContaining(['config/', 'cubbyhole/']));
  });

  it('a token for four requests carries the app id, and nobody else reads it', async (context) => {
    const made = await curl(context, 'POST', 'auth/token/create', rootToken, {
      policies: ['default'],
      num_uses: 4,
      ttl: '10m',
    });
    temporary = String(made.auth['client_token']);
    const put = await curl(context, 'PUT', 'cubbyhole/app-id', temporary, { value: appId });
    expect(put.status).toBe(204);
    const verified = await curl(context, 'GET', 'cubbyhole/app-id', temporary);
    expect(verified).toMatchObject({ status: 200, data: { value: appId } });
    expect((await curl(context, 'GET', 'cubbyhole/app-id', rootToken)).status).toBe(404);
    expect((await curl(context, 'LIST', 'cubbyhole/', rootToken)).status).toBe(404);
  });

  it('its third and fourth requests are answered, its fifth is refused', async (context) => {
    expect((await curl(context, 'GET', 'auth/token/lookup-self', temporary)).status).toBe(200);
    const read = await curl(context, 'GET', 'cubbyhole/app-id', temporary);
    expect(read).toMatchObject({ status: 200, data: { value: appId } });
    expect((await curl(context, 'GET', 'cubbyhole/app-id', temporary)).status).toBe(403);
    expect((await curl(context, 'GET', 'auth/token/lookup-self', temporary)).status).toBe(403);
  });

  it('the application logs in with both ids and reads only its own', async (context) => {
    const login = await curl(context, 'POST', 'auth/app-id/login', null, { app_id: appId, user_id: userId });
    expect(login).toMatchObject({ status: 200, auth: { policies: ['default', 'web'], renewable: true } });
    application = String(login.auth['client_token']);
    const own = await curl(context, 'GET', 'config/web/database', application);
    expect(own).toMatchObject({ status: 200, data: { password: 'hunter-2' } });
    expect((await curl(context, 'GET', 'config/mail/smtp', application)).status).toBe(403);
    expect((await curl(context, 'PUT', 'config/web/database', application, { password: 'x' })).status).toBe(
      403,
    );
    const wrong = await curl(context, 'POST', `auth/app-id/login/${appId}`, null, {
      user_id: '0'.repeat(40),
    });
    expect(wrong).toMatchObject({ status: 400, json: { errors: ['invalid user ID or app ID'] } });
  });

  it('a stranger with the token’s text, the paths and one id gets nothing', async (context) => {
    for (const path of ['cubbyhole/app-id', 'config/web/database', `auth/app-id/map/app-id/${appId}`]) {
      expect((await curl(context, 'GET', path, temporary)).status).toBe(403);
      expect((await curl(context, 'GET', path, null)).status).toBe(403);
    }
    const halves: readonly JsonObject[] = [{ app_id: appId }, { user_id: userId }];
    for (const half of halves) {
      expect((await curl(context, 'POST', 'auth/app-id/login', null, half)).status).toBe(400);
    }
  });
});

describe('by the commands of the first releases, of a program called vault', () => {
  const operator = freshPlace();
  const machine = freshPlace();
  const appId = randomUUID();
  let server: ServerProcess;
  let temporary = '';

  beforeAll(async () => {
    server = await startServer(operator, { words: ['--dev', '--dev-root-token-id', rootToken] });
    for (const { home } of [operator, machine]) symlinkSync(program, join(home, 'vault'));
  });

  function vault(place: Place, words: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    const all = { ...place.env, VAULT_ADDR: server.address, ...env };
    return runProgram(process.execPath, [join(place.home, 'vault'), ...words], all, '');
  }

  /** What a command that must succeed printed. */
  async function said(
    place: Place,
    words: readonly string[],
    env: Record<string, string> = {},
  ): Promise<string> {
    const outcome = await vault(place, words, env);
    expect([outcome.code, outcome.stderr], words.join(' ')).toEqual([0, '']);
    return outcome.stdout;
  }

  it('the operator logs in, mounts, writes a policy and maps both ids', async () => {
    expect(await said(operator, ['auth', rootToken])).toBe(
      `Successfully authenticated! You are now logged in.\ntoken: ${rootToken}\ntoken_duration: 0\ntoken_policies: [root]\n`,
    );
    await said(operator, ['mount', '-path=config', 'generic']);
    expect(await said(operator, ['mounts'])).toMatch(
      /^Path +Type +Accessor +Description\n-+ +-+[\s\S]*^config\/ +generic /m,
    );
    await said(operator, ['auth-enable', 'app-id']);
    expect(await said(operator, ['auth', '-methods'])).toMatch(/^app-id\/ +app-id /m);
    const file = join(operator.home, 'web.hcl');
    writeFileSync(file, policy);
    await said(operator, ['policy-write', 'web', file]);
    expect(await said(operator, ['policies'])).toBe('default\nroot\nweb\n');
    expect(await said(operator, ['policies', 'web'])).toBe(policy);
    await said(operator, ['write', `auth/app-id/map/app-id/${appId}`, 'value=web', 'display_name=web']);
    const mapped = await cli(operator, ['app-id', 'user-id', '--mac', '11-FF-30-D6-BA-5F']);
    expect(mapped.stdout).toBe(`${userId}\n`);
    await said(operator, ['write', `auth/app-id/map/user-id/${mapped.stdout.trim()}`, `value=${appId}`]);
    await said(operator, ['write', 'config/web/database', 'password=hunter-2']);
  });

  it('the automation makes a token for four requests, and puts the app id into its cubbyhole', async () => {
    const made = await said(operator, ['token-create', '-num-uses=4', '-policy=default', '-format=json']);
    temporary = ((JSON.parse(made) as JsonObject)['auth'] as JsonObject)['client_token'] as string;
    const env = { VAULT_TOKEN: temporary };
    await said(operator, ['write', 'cubbyhole/app-id', `value=${appId}`], env);
    expect(await said(operator, ['read', '-field=value', 'cubbyhole/app-id'], env)).toBe(appId);
  });

  it('the machine logs in by it and reads the app id: those were four', async () => {
    await said(machine, ['auth', temporary]);
    expect(await said(machine, ['read', 'cubbyhole/app-id'])).toMatch(
      new RegExp(`^Key +Value\n--- +-----\n(refresh_interval .*\n)?value +${appId}\n$`),
    );
    const fifth = await vault(machine, ['read', 'cubbyhole/app-id']);
    expect(fifth).toMatchObject({ code: 2, stdout: '' });
    expect(fifth.stderr).toContain('Code: 403. Errors:');
    expect((await vault(operator, ['read', 'cubbyhole/app-id'])).code).toBe(2);
  });

  it('the application logs in with both ids and reads only its own', async () => {
    const words = ['write', '-format=json', 'auth/app-id/login', `app_id=${appId}`, `user_id=${userId}`];
    const login = JSON.parse(await said(machine, words)) as { auth: { client_token: string } };
    const env = { VAULT_TOKEN: login.auth.client_token };
    expect(await said(machine, ['read', '-field=password', 'config/web/database'], env)).toBe('hunter-2');
    expect((await vault(machine, ['read', 'config/mail/smtp'], env)).code).toBe(2);
    await said(machine, ['login', '-method=app-id', '-no-print', `app_id=${appId}`, `user_id=${userId}`]);
    expect(await said(machine, ['read', '-field=password', 'config/web/database'])).toBe('hunter-2');
    const wrong = await vault(machine, ['write', 'auth/app-id/login', `app_id=${appId}`, 'user_id=wrong']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('* invalid user ID or app ID');
  });

  it('threat 26: the kept token is for its owner alone, and a link in its place is not followed', async () => {
    const file = join(machine.home, '.vault-token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const other = freshPlace();
    const victim = join(other.home, 'victim');
    writeFileSync(victim, 'untouched');
    symlinkSync(victim, join(other.home, '.vault-token'));
    symlinkSync(program, join(other.home, 'vault'));
    await said(other, ['login', '-no-print', rootToken]);
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
    expect(readFileSync(join(other.home, '.vault-token'), 'utf8')).toBe(rootToken);
    expect(statSync(join(other.home, '.vault-token')).mode & 0o777).toBe(0o600);
  });
});
