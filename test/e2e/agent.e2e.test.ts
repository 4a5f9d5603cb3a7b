/** `coffer agent` beside a real server and a bucket, as a host runs it. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { documentVersion } from '../../src/delivery/document.ts';
import { isJsonObject, type JsonObject } from '../../src/json.ts';
import { makeBucket } from '../fakes/faulty-s3.ts';
import { putObject, removeObject } from '../fakes/s3-objects.ts';
import { startMoto } from '../setup/moto.ts';
import { endAgents, startAgent } from './agent-process.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';
import { openWire, type Wire } from './wire.ts';

const moto = await startMoto();
let place: Place;
let server: ServerProcess;
let wire: Wire;
let directory: string;
let runs = 0;

beforeAll(async () => {
  place = freshPlace();
  server = await startServer(place, { words: ['--init'] });
  wire = openWire(server.address, rootTokenOf(place));
  await ask('POST', 'sys/auth/approle', { type: 'approle' });
  const policy =
    'path "secret/data/apps/*" { capabilities = ["read"] }\npath "secret/data/shop/*" { capabilities = ["read"] }';
  await ask('POST', 'sys/policies/acl/agent', { policy });
  await ask('POST', 'auth/approle/role/host', { token_policies: ['agent'], token_ttl: '1h' });
  if (moto !== undefined) await makeBucket(moto.endpoint, 'org-mint');
}, 120_000);
afterAll(async () => {
  wire.close();
  await endAgents();
  await cleanUp();
  await moto?.close();
});
beforeEach(() => {
  directory = join(place.home, `run-${++runs}`);
  mkdirSync(directory, { mode: 0o755 });
});

async function ask(method: string, path: string, body?: JsonObject): Promise<JsonObject> {
  const { status, json } = await wire.ask(method, path, body === undefined ? {} : { body });
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(json)}`);
  return isJsonObject(json['data']) ? json['data'] : {};
}

const secretOf = (moment: string) => ({
  application_username: 'stups_shop',
  application_password: `password-${moment}`,
  client_id: `id-${moment}`,
  client_secret: `secret-${moment}`,
});

const put = (name: string, fields: JsonObject) => ask('POST', `secret/data/${name}`, { data: fields });

/** Files of AppRole, and the beginning of a configuration. */
async function config(text: string, interval = '1h'): Promise<string> {
  const { role_id: roleId } = await ask('GET', 'auth/approle/role/host/role-id');
  const { secret_id: secretId } = await ask('POST', 'auth/approle/role/host/secret-id');
  writeFileSync(join(directory, 'role-id'), String(roleId), { mode: 0o600 });
  writeFileSync(join(directory, 'secret-id'), String(secretId), { mode: 0o600 });
  const file = join(directory, 'agent.toml');
  writeFileSync(
    file,
    `interval = "${interval}"\n[server]\naddress = "${server.address}"\n[login]\nmethod = "approle"\nrole_id_file = "role-id"\nsecret_id_file = "secret-id"\n${text}`,
    { mode: 0o644 },
  );
  return file;
}

const shop = (more = '', id = 'shop') =>
  `[[application]]\nid = "${id}"\nsource = "coffer:secret/apps"\ndirectory = "credentials"\n${more}\n`;

const once = (file: string, env: Readonly<Record<string, string>> = {}) =>
  cli(place, ['agent', '--config', file, '--once'], { env });

const read = (name: string) => readFileSync(join(directory, 'credentials', name), 'utf8');
const json = (name: string) => JSON.parse(read(name)) as Record<string, unknown>;

describe('one round', () => {
  it('writes both documents of a secret as berry’s readers have them, and then nothing', async () => {
    await put('apps/shop', secretOf('a'));
    const file = await config(shop());
    expect(await once(file)).toMatchObject({ code: 0, stdout: '' });
    expect(read('user.json')).toBe(
      '{"application_username":"stups_shop","application_password":"password-a"}',
    );
    expect(read('client.json')).toBe('{"client_id":"id-a","client_secret":"secret-a"}');
    const before = statSync(join(directory, 'credentials', 'user.json'));
    expect((await once(file)).code).toBe(0);
    expect(statSync(join(directory, 'credentials', 'user.json'))).toMatchObject({
      ino: before.ino,
      mtimeMs: before.mtimeMs,
    });
    await put('apps/shop', { ...secretOf('b'), client_secret: null });
    expect((await once(file)).code).toBe(0);
    expect([json('user.json')['application_password'], json('client.json')['client_secret']]).toEqual([
      'password-b',
      null,
    ]);
  });

  it('ends with a code that says what failed, and keeps what was there', async () => {
    await put('apps/codes', secretOf('a'));
    const file = await config(shop('', 'codes'));
    expect((await once(file)).code).toBe(0);
    const kept = () => expect(json('user.json')['application_password']).toBe('password-a');
    await ask('DELETE', 'secret/data/apps/codes');
    expect(await once(file)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('there is no secret'),
    });
    kept();
    await put('apps/codes', { application_username: 'u' });
    expect((await once(file)).code).toBe(3);
    await put('apps/codes', { ...secretOf('c'), application_password: '' });
    expect((await once(file)).code).toBe(7);
    kept();
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('secret/apps', 'secret/others'));
    expect((await once(file)).code).toBe(4);
    writeFileSync(file, text.replace(/address = .*/, 'address = "http://127.0.0.1:1"'));
    expect((await once(file)).code).toBe(9);
    writeFileSync(join(directory, 'secret-id'), 'wrong');
    writeFileSync(file, text);
    expect((await once(file)).code).toBe(4);
    kept();
    expect((await cli(place, ['agent', '--config', file, '--once', '--check'])).code).toBe(2);
    expect((await cli(place, ['agent'])).code).toBe(2);
  });

  it('threat 12: writes into no directory that others may change', async () => {
    await put('apps/lax', secretOf('a'));
    const file = await config(shop('', 'lax'));
    mkdirSync(join(directory, 'credentials'));
    chmodSync(join(directory, 'credentials'), 0o777);
    expect(await once(file)).toMatchObject({ code: 2, stderr: expect.stringContaining('chmod go-w') });
    expect(readdirSync(join(directory, 'credentials'))).toEqual([]);
  });

  it.skipIf(moto === undefined)('reads a bucket, both objects or none', async () => {
    const { endpoint, env } = moto ?? { endpoint: '', env: {} };
    const file = join(directory, 'agent.toml');
    writeFileSync(
      file,
      '[[application]]\nid = "shop"\nsource = "s3://org-mint?region=eu-central-1"\ndirectory = "credentials"\n',
    );
    const object = (name: string, text: string) => putObject(endpoint, 'org-mint', `shop/${name}.json`, text);
    await object('user', '{"application_username":"u","application_password":"p1"}');
    await removeObject(endpoint, 'org-mint', 'shop/client.json');
    expect((await once(file, env)).code).toBe(3);
    expect(existsSync(join(directory, 'credentials'))).toBe(false);
    await object('client', '{"client_id":"c","client_secret":"s1"}');
    expect((await once(file, env)).code).toBe(0);
    await object('user', '{"application_username":"u","application_password":"p2"}');
    await object('client', '{"client_id": canary-of-a-client');
    const broken = await once(file, env);
    expect(broken).toMatchObject({ code: 7, stderr: expect.not.stringContaining('canary') });
    expect([json('user.json')['application_password'], json('client.json')['client_secret']]).toEqual([
      'p1',
      's1',
    ]);
  });
});

describe('an agent that runs', () => {
  it('writes what changes, tells it, and shows it at its socket', async () => {
    await put('apps/runs', secretOf('a'));
    await put('shop/conf', { host: 'db', password: 'first-value' });
    writeFileSync(
      join(directory, 'conf.j2'),
      "{{ secrets['shop/conf'].host }}={{ secrets['shop/conf'].password }}\n",
    );
    const told = join(directory, 'told');
    const file = await config(
      `[socket]\npath = "socket"\n${shop(`on_change = { command = ["/bin/sh", "-c", "cat ${directory}/credentials/user.json >> '${told}'; env | grep -c TOKEN >> '${told}'; true"] }`, 'runs')}` +
        '[[template]]\nsource = "conf.j2"\ndestination = "shop.conf"\nmode = "0440"\n',
    );
    const agent = startAgent(place, file, { COFFER_TOKEN: 'hvs.not-for-the-command' });
    await agent.said('told');
    expect(readFileSync(join(directory, 'shop.conf'), 'utf8')).toBe('db=first-value');
    expect(statSync(join(directory, 'shop.conf')).mode & 0o777).toBe(0o440);
    expect(readFileSync(told, 'utf8')).toContain('password-a');
    await put('apps/runs', secretOf('b'));
    await ask('DELETE', 'secret/data/shop/conf');
    agent.signal('SIGHUP');
    await agent.said('told');
    expect(json('user.json')['application_password']).toBe('password-b');
    // A template that finds no secret keeps the file.
    expect(readFileSync(join(directory, 'shop.conf'), 'utf8')).toBe('db=first-value');
    expect(readFileSync(told, 'utf8')).toMatch(/password-a"}0\n.*password-b"}0\n$/s);
    const status = await cli(place, ['agent', 'status', '--config', file, '--format', 'json']);
    expect(JSON.parse(status.stdout)).toMatchObject({
      login: { accessor: expect.stringMatching(/\w/), ends: expect.stringContaining('T') },
      outputs: [
        {
          kind: 'application',
          name: 'runs',
          error: null,
          told: true,
          user_version: expect.stringMatching(/^[\w-]{16}$/),
        },
        { kind: 'template', error: 'not_found' },
      ],
    });
    const socket = join(directory, 'socket');
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(await getAt(socket, '/v1/applications/runs/user.json')).toEqual([200, `${read('user.json')}\n`]);
    expect((await getAt(socket, '/v1/applications/runs/other.json'))[0]).toBe(404);
    expect((await getAt(socket, '/v1/status', 'POST'))[0]).toBe(405);
    for (const secret of ['password-a', 'password-b', 'secret-a', 'first-value']) {
      expect(agent.log).not.toContain(secret);
      expect(status.stdout).not.toContain(secret);
    }
    agent.signal('SIGTERM');
    expect((await agent.ended).code).toBe(0);
    expect(existsSync(socket)).toBe(false);
    expect((await cli(place, ['agent', 'status', '--socket', socket])).code).toBe(9);
  });

  it('has what the server rotates, and says which version it has', async () => {
    const policy =
      'path "service-users/*" { capabilities = ["create", "read", "update", "list"] }\n' +
      'path "secret/data/apps/*" { capabilities = ["create", "read", "update"] }\npath "secret/metadata/apps/*" { capabilities = ["read", "delete"] }';
    await ask('POST', 'sys/policies/acl/team', { policy });
    await ask('POST', 'auth/approle/role/team', { token_policies: ['team'] });
    await ask('POST', 'sys/mounts/service-users', { type: 'service-users' });
    await ask('POST', 'service-users/apps/rotated', { name: 'Rotated' });
    const login = {
      role_id: (await ask('GET', 'auth/approle/role/team/role-id'))['role_id'] ?? null,
      secret_id: (await ask('POST', 'auth/approle/role/team/secret-id'))['secret_id'] ?? null,
    };
    const { json: body } = await wire.ask('POST', 'auth/approle/login', { body: login });
    const auth = isJsonObject(body['auth']) ? body['auth'] : {};
    const token = String(auth['client_token']);
    // What is written for somebody is written with their own rights.
    await ask('POST', `identity/entity/id/${String(auth['entity_id'])}`, { policies: ['team'] });
    const delivery = { targets: ['kv:secret/apps'] };
    const set = await wire.ask('POST', 'service-users/apps/rotated/delivery', { token, body: delivery });
    expect(set.text).toBe('');
    const allowed =
      'path "secret/data/apps/*" { capabilities = ["read"] }\npath "service-users/apps/rotated/readers/*" { capabilities = ["update"] }';
    await ask('POST', 'sys/policies/acl/rotated', { policy: allowed });
    await ask('POST', 'auth/approle/role/host', { token_policies: ['agent', 'rotated'], token_ttl: '1h' });
    const file = await config(`[report]\nreader = "web-1"\n${shop('', 'rotated')}`, '1s');
    const agent = startAgent(place, file);
    await agent.said('written');
    // It ends after what it is doing: the report.
    agent.signal('SIGTERM');
    await agent.ended;
    const held = {
      user_version: documentVersion(read('user.json')),
      client_version: documentVersion(read('client.json')),
    };
    expect(await ask('LIST', 'service-users/apps/rotated/readers')).toMatchObject({
      keys: ['web-1'],
      key_info: { 'web-1': { ...held, behind: [] } },
    });
    expect(agent.log).not.toContain(String(json('user.json')['application_password']));
  });

  it('goes on while the server is away, and logs in again when its token has ended', async () => {
    const own = freshPlace();
    const first = await startServer(own, { words: ['--init'] });
    const env = { COFFER_ADDR: first.address };
    const run = (words: readonly string[], stdin?: string) =>
      cli(own, words, { env, ...(stdin ? { stdin } : {}) });
    await run(['put', 'apps/shop', '--json', '-'], JSON.stringify(secretOf('a')));
    const tokenFile = join(directory, 'token');
    const token = async () => (await run(['api', 'POST', 'auth/token/create'])).stdout;
    writeFileSync(tokenFile, tokenOf(await token()), { mode: 0o600 });
    const file = join(directory, 'agent.toml');
    writeFileSync(
      file,
      `interval = "1s"\n[server]\naddress = "${first.address}"\n[login]\nmethod = "token"\ntoken_file = "token"\n${shop()}`,
    );
    const agent = startAgent(own, file);
    await agent.said('written');
    const ended = tokenOf(readFileSync(tokenFile, 'utf8'));
    writeFileSync(tokenFile, tokenOf(await token()), { mode: 0o600 });
    await cli(own, ['api', 'POST', 'auth/token/revoke-self'], { env: { ...env, COFFER_TOKEN: ended } });
    await agent.said('logged in');
    await first.stop();
    await agent.said('not looked at or not written; what was there is kept');
    expect(json('user.json')['application_password']).toBe('password-a');
    const again = await startServer(own, { listen: ['--listen', new URL(first.address).host] });
    await agent.said('well again');
    await run(['put', 'apps/shop', '--json', '-'], JSON.stringify(secretOf('b')));
    await agent.said('written');
    expect(json('user.json')['application_password']).toBe('password-b');
    agent.signal('SIGTERM');
    await agent.ended;
    expect(agent.log).not.toContain('hvs.');
    await again.stop();
  });

  it('runs a program with secrets in its environment, restarts it, and ends as it does', async () => {
    await put('shop/env', { password: 'first-value' });
    const script = join(directory, 'program.sh');
    writeFileSync(
      script,
      '#!/bin/sh\ntrap "echo usr1" USR1\ntrap "exit 7" TERM\necho "$DB_PASSWORD $(printenv COFFER_TOKEN || echo none)"\nwhile :; do sleep 0.05; done\n',
      { mode: 0o755 },
    );
    const file = await config(
      `[exec]\ncommand = ["${script}"]\n[exec.environment]\nDB_PASSWORD = "coffer:secret/shop/env#password"\n`,
      '1s',
    );
    const agent = startAgent(place, file, { COFFER_TOKEN: 'hvs.not-for-the-program' });
    await agent.wrote('first-value none\n');
    await put('shop/env', { password: 'second-value' });
    await agent.wrote('second-value none\n');
    agent.signal('SIGUSR1');
    await agent.wrote('usr1\n');
    agent.signal('SIGTERM');
    expect((await agent.ended).code).toBe(7);
    expect(agent.log).not.toContain('second-value');
  });

  it('says what a shell would where its program is missing', async () => {
    const file = await config('[exec]\ncommand = ["/nowhere/at/all"]\n');
    expect((await startAgent(place, file).ended).code).toBe(127);
  });
});

describe('an agent that is killed after it wrote and before it told', () => {
  /** What the applications' command does: end its agent, fail, or say what it was told of. */
  const commandsDo = (what: 'kill' | 'fail' | 'tell') => writeFileSync(join(directory, 'state'), what);
  const told = () => readFileSync(join(directory, 'told'), 'utf8');
  const change = (name: string) =>
    `on_change = { command = ["/bin/sh", "-c", "cd '${directory}'; case $(cat state) in kill) kill -9 $PPID;; fail) exit 1;; *) echo ${name} >> told;; esac"] }`;

  it('tells first when it starts again, once, also while the server is away', async () => {
    await put('apps/killed', secretOf('a'));
    await put('shop/killed', { password: 'first-value' });
    writeFileSync(join(directory, 'killed.j2'), "{{ secrets['shop/killed'].password }}");
    const file = await config(
      `${shop(change('application'), 'killed')}[[template]]\nsource = "killed.j2"\ndestination = "killed.conf"\n${change('template')}\n`,
    );
    commandsDo('kill');
    expect((await startAgent(place, file).ended).code).not.toBe(0);
    expect(json('user.json')['application_password']).toBe('password-a');
    expect(readFileSync(join(directory, 'killed.conf'), 'utf8')).toBe('first-value');
    expect(existsSync(join(directory, 'told'))).toBe(false);
    commandsDo('tell');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/address = .*/, 'address = "http://127.0.0.1:1"'));
    expect(await once(file)).toMatchObject({ code: 9, stderr: expect.stringContaining('killed: told') });
    expect(told()).toBe('application\ntemplate\n');
    writeFileSync(file, text);
    expect((await once(file)).code).toBe(0);
    expect(told()).toBe('application\ntemplate\n');
    expect(readdirSync(directory)).not.toContain('.killed.conf.untold');
  });

  it('tells again in each round until it went well', async () => {
    await put('apps/again', secretOf('a'));
    const file = await config(shop(change('application'), 'again'), '1s');
    commandsDo('kill');
    expect((await once(file)).code).toBe(137);
    commandsDo('fail');
    const agent = startAgent(place, file);
    await agent.said('not told of a change; it is tried again');
    await agent.said('not told of a change; it is tried again');
    agent.signal('SIGKILL');
    await agent.ended;
    expect(agent.log).not.toContain('"msg":"written"');
    const next = startAgent(place, file);
    await next.said('not told of a change; it is tried again');
    commandsDo('tell');
    await next.said('told');
    next.signal('SIGKILL');
    await next.ended;
    expect((await once(file)).code).toBe(0);
    expect(told()).toBe('application\n');
  });
});

function tokenOf(text: string): string {
  return /hvs\.[\w-]+/.exec(text)?.[0] ?? '';
}

function getAt(socketPath: string, path: string, method = 'GET'): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, method }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve([answer.statusCode ?? 0, text]));
    });
    asking.on('error', reject);
    asking.end();
  });
}
