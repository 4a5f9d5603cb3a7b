/** The verbs of `coffer vault` against a real node: what they print, and how they end. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, type Outcome, type Scene, temporaryHome } from '../../src/cli/cli.fixture.ts';
import { startWire } from '../../src/client/wire.fixture.ts';
import { decodeBase32 } from '../../src/crypto/base32.ts';
import { codeAt, stepAt } from '../../src/crypto/one-time-code.ts';
import { isJsonObject, type JsonObject } from '../../src/json.ts';
import { makeCertificate } from '../fakes/certificate.ts';
import { type ContractServer, openContractServer, rootToken } from './contract-server.ts';

let server: ContractServer;
const home = temporaryHome();

beforeAll(async () => {
  server = await openContractServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function vault(words: readonly string[], scene: Scene = {}): Promise<Outcome> {
  const env = { HOME: home, VAULT_ADDR: server.address, VAULT_TOKEN: rootToken, ...scene.env };
  return call(['vault', ...words], { ...scene, env });
}

/** What a verb that must succeed printed. */
async function said(words: readonly string[], scene: Scene = {}): Promise<string> {
  const { code, stdout, stderr } = await vault(words, scene);
  expect([code, stderr], words.join(' ')).toEqual([0, '']);
  return stdout;
}

const member = (value: unknown, name: string): JsonObject =>
  isJsonObject(value) && isJsonObject(value[name]) ? value[name] : {};

const json = async (words: readonly string[]) => JSON.parse(await said(words)) as JsonObject;

/** Rows of a table, without heading. */
function rows(table: string): readonly (readonly string[])[] {
  return table
    .trimEnd()
    .split('\n')
    .slice(2)
    .map((line) => line.split(/ {2,}/));
}

describe('reading and writing any path', () => {
  it('writes, reads, lists and deletes', async () => {
    await said(['secrets', 'enable', '-path=old', 'generic']);
    expect(await said(['write', 'old/a/b', 'x=1', 'y=two words'])).toBe(
      'Success! Data written to: old/a/b\n',
    );
    expect(await said(['read', 'old/a/b'])).toBe(
      'Key                 Value\n---                 -----\nrefresh_interval    768h\nx                   1\ny                   two words\n',
    );
    expect(await said(['read', '-field=y', 'old/a/b'])).toBe('two words');
    expect(await said(['list', 'old'])).toBe('Keys\n----\na/\n');
    expect(await said(['list', '-format=json', 'old/a'])).toBe('[\n  "b"\n]\n');
    expect(await said(['delete', 'old/a/b'])).toBe('Success! Data deleted (if it existed) at: old/a/b\n');
    for (const words of [
      ['read', 'old/a/b'],
      ['list', 'old/a'],
      ['read', 'nothing/mounted'],
    ]) {
      expect(await vault(words)).toMatchObject({
        code: 2,
        stdout: '',
        stderr: `No value found at ${words[1]}\n`,
      });
    }
  });

  it('prints JSON as the wire has it, and YAML', async () => {
    await said(['write', 'old/n', 'a=1']);
    const { request_id: _, ...shown } = await json(['read', '-format=json', 'old/n']);
    expect(shown).toEqual({
      data: { a: '1' },
      lease_duration: 2_764_800,
      lease_id: '',
      renewable: false,
      warnings: null,
    });
    expect(await said(['read', '-format=yaml', '-field=a', 'old/n'])).toBe('"1"\n');
    expect(JSON.parse(await said(['read', 'old/n'], { env: { VAULT_FORMAT: 'json' } }))).toMatchObject(shown);
  });

  it('takes data from files, standard input and JSON', async () => {
    const file = join(home, 'value');
    writeFileSync(file, 'from a file\n');
    const object = join(home, 'object.json');
    writeFileSync(object, '{"n": 5, "list": ["a"]}');
    await said(['write', 'old/d', `a=@${file}`, 'b=-', 'c=\\@literal', `@${object}`, 'r=1', 'r=2'], {
      stdin: 'piped',
    });
    const { data } = await json(['read', '-format=json', 'old/d']);
    expect(data).toEqual({ a: 'from a file\n', b: 'piped', c: '@literal', n: 5, list: ['a'], r: ['1', '2'] });
    await said(['write', 'old/e', '-'], { stdin: '{"__proto__": "x", "a": "b=c"}' });
    expect(await said(['read', '-field=__proto__', 'old/e'])).toBe('x');
    const bad = await vault(['write', 'old/e', '-'], { stdin: '{"secret-of-mine": ' });
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('is not JSON')]);
    expect(bad.stderr).not.toContain('secret-of-mine');
  });

  it('tells what the server said, and ends with 2', async () => {
    const outcome = await vault(['write', 'sys/mounts/old', 'type=generic']);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toBe(
      `Error writing data to sys/mounts/old: Error making API request.\n\nURL: PUT ${server.address}/v1/sys/mounts/old\nCode: 400. Errors:\n\n* path is already in use at old/\n`,
    );
    const nobody = await vault(['read', 'old/d'], { env: { VAULT_ADDR: 'http://127.0.0.1:1' } });
    expect([nobody.code, nobody.stderr]).toEqual([
      2,
      expect.stringContaining('nothing answers at http://127.0.0.1:1'),
    ]);
  });

  it('says that flags behind the path were not read', async () => {
    const outcome = await vault(['read', 'old/n', '-field=a']);
    expect(outcome.stdout).toContain('Key');
    expect(outcome.stderr).toContain('will not be parsed as flags: [-field]');
  });

  it('wraps and unwraps', async () => {
    await said(['kv', 'put', 'secret/w', 'a=b']);
    const token = await said(['read', '-wrap-ttl=60s', '-field=wrapping_token', 'secret/data/w']);
    expect(token).toMatch(/^hvs\./);
    expect(await said(['unwrap', token])).toContain('map[a:b]');
    expect((await vault(['unwrap', token])).code).toBe(2);
    const shown = await said(['kv', 'get', '-wrap-ttl=60s', 'secret/w']);
    expect(rows(shown).map(([name]) => name)).toEqual(
      expect.arrayContaining(['wrapping_token:', 'wrapping_accessor:']),
    );
  });

  it('shows the help of a path', async () => {
    expect(await said(['path-help', 'sys/mounts'])).toContain('mounts');
  });
});

describe('kv', () => {
  it('puts, gets, patches and lists, with versions', async () => {
    expect(await said(['kv', 'put', 'secret/a/b', 'x=1', 'y=2'])).toMatch(
      /^= Secret Path =\nsecret\/data\/a\/b\n\n=+ Metadata =+\nKey +Value\n--- +-----\ncreated_time +20[^\n]+\ncustom_metadata +<nil>\ndeletion_time +n\/a\ndestroyed +false\nversion +1\n$/,
    );
    expect(await said(['kv', 'patch', 'secret/a/b', 'x=9'])).toContain('version            2');
    expect(await said(['kv', 'patch', '-method=rw', '-remove-data=y', 'secret/a/b'])).toContain(
      'version            3',
    );
    expect(await said(['kv', 'get', 'secret/a/b'])).toMatch(/\n== Data ==\nKey +Value\n--- +-----\nx +9\n$/);
    expect(await said(['kv', 'get', '-version=1', '-field=y', 'secret/a/b'])).toBe('2');
    expect(await said(['kv', 'get', '-mount=secret', '-field=x', 'a/b'])).toBe('9');
    expect(await said(['kv', 'list', 'secret/a'])).toBe('Keys\n----\nb\n');
    expect(await said(['kv', 'list', '-mount=secret'])).toContain('a/\n');
    const stale = await vault(['kv', 'put', '-cas=1', 'secret/a/b', 'x=0']);
    expect([stale.code, stale.stderr]).toEqual([
      2,
      expect.stringContaining('check-and-set parameter did not match'),
    ]);
    const { data } = await json(['kv', 'get', '-format=json', 'secret/a/b']);
    expect(data).toMatchObject({ data: { x: '9' }, metadata: { version: 3 } });
  });

  it('deletes, undeletes, destroys and rolls back', async () => {
    await said(['kv', 'put', 'secret/v', 'n=1']);
    await said(['kv', 'put', 'secret/v', 'n=2']);
    expect(await said(['kv', 'delete', 'secret/v'])).toBe(
      'Success! Data deleted (if it existed) at: secret/data/v\n',
    );
    const deleted = await vault(['kv', 'get', 'secret/v']);
    expect(deleted.code).toBe(2);
    expect(deleted.stdout).toMatch(/deletion_time +20/);
    await said(['kv', 'undelete', '-versions=2', 'secret/v']);
    expect(await said(['kv', 'get', '-field=n', 'secret/v'])).toBe('2');
    await said(['kv', 'rollback', '-version=1', 'secret/v']);
    expect(await said(['kv', 'get', '-field=n', 'secret/v'])).toBe('1');
    await said(['kv', 'destroy', '-versions=1,2', 'secret/v']);
    expect((await vault(['kv', 'get', '-version=1', 'secret/v'])).code).toBe(2);
    expect((await vault(['kv', 'rollback', '-version=1', 'secret/v'])).code).toBe(2);
    expect((await vault(['kv', 'get', 'secret/nothing'])).stderr).toBe(
      'No value found at secret/data/nothing\n',
    );
  });

  it('knows the settings of a value, and gives a mount versions', async () => {
    await said([
      'kv',
      'metadata',
      'put',
      '-max-versions=3',
      '-custom-metadata=owner=me',
      '-delete-version-after=1h',
      'secret/m',
    ]);
    await said(['kv', 'metadata', 'patch', '-cas-required=true', 'secret/m']);
    const shown = await said(['kv', 'metadata', 'get', 'secret/m']);
    expect(shown).toMatch(/cas_required +true/);
    expect(shown).toMatch(/custom_metadata +map\[owner:me\]/);
    expect(shown).toMatch(/delete_version_after +1h0m0s/);
    await said(['kv', 'metadata', 'delete', 'secret/m']);
    expect((await vault(['kv', 'metadata', 'get', 'secret/m'])).code).toBe(2);
    await said(['secrets', 'enable', '-path=kv1', '-version=1', 'kv']);
    await said(['kv', 'put', 'kv1/a', 'x=1']);
    expect(await said(['kv', 'get', '-field=x', 'kv1/a'])).toBe('1');
    expect((await vault(['kv', 'undelete', '-versions=1', 'kv1/a'])).stderr).toContain('kv1/ has none');
    await said(['kv', 'enable-versioning', 'kv1']);
  });

  it('asks a token with one use for one thing', async () => {
    await said(['kv', 'put', 'secret/once', 'a=b']);
    const token = await said(['token', 'create', '-use-limit=1', '-policy=root', '-field=token']);
    const env = { VAULT_TOKEN: token };
    expect(await said(['kv', 'get', '-field=a', 'secret/once'], { env })).toBe('b');
    expect((await vault(['kv', 'get', '-field=a', 'secret/once'], { env })).code).toBe(2);
  });
});

describe('mounts, policies, tokens and leases', () => {
  it('enables, lists, tunes and disables', async () => {
    expect(
      await said(['secrets', 'enable', '-path=t', '-description=of tests', '-default-lease-ttl=1h', 'kv']),
    ).toBe('Success! Enabled the kv secrets engine at: t/\n');
    expect(rows(await said(['secrets', 'list'])).find(([path]) => path === 't/')).toEqual([
      't/',
      'kv',
      expect.stringMatching(/^kv_/),
      'of tests',
    ]);
    expect(await said(['secrets', 'list', '-detailed'])).toMatch(/^t\/ .* 1h .*map\[/m);
    expect(await said(['secrets', 'tune', '-max-lease-ttl=2h', 't/'])).toBe(
      'Success! Tuned the secrets engine at: t/\n',
    );
    expect((await json(['read', '-format=json', 'sys/mounts/t/tune']))['data']).toMatchObject({
      max_lease_ttl: 7_200,
    });
    const mounts = await json(['secrets', 'list', '-format=json']);
    expect(mounts['t/']).toMatchObject({ type: 'kv', config: { default_lease_ttl: 3_600 } });
    await said(['secrets', 'disable', 't']);
    await said(['auth', 'enable', '-path=people', 'userpass']);
    expect(rows(await said(['auth', 'list'])).map(([path]) => path)).toEqual(['people/', 'token/']);
    expect(await said(['auth', 'help', 'people'])).toContain('login');
    await said(['auth', 'tune', '-default-lease-ttl=90m', 'people']);
    await said(['auth', 'disable', 'people/']);
  });

  it('moves mounts, and asks what another token may do', async () => {
    await said(['mount', '-path=before', 'generic']);
    await said(['write', 'before/a', 'x=1']);
    expect(await said(['remount', 'before', 'after'])).toMatch(
      /^Success! Finished moving secrets engine before\/ to after\//,
    );
    expect(await said(['read', '-field=x', 'after/a'])).toBe('1');
    const token = await said(['token-create', '-policy=default', '-field=token']);
    expect(await said(['capabilities', token, 'sys/mounts'])).toBe('deny\n');
  });

  it('writes policies from files and standard input', async () => {
    const text = 'path "secret/data/a/*" { capabilities = ["read"] }\n';
    expect(await said(['policy', 'write', 'web', '-'], { stdin: text })).toBe(
      'Success! Uploaded policy: web\n',
    );
    expect(await said(['policy', 'read', 'web'])).toBe(text);
    expect(await said(['policy', 'list'])).toContain('web\n');
    expect((await json(['policy', 'read', '-format=json', 'web']))['policy']).toBe(text);
    expect(await said(['token', 'capabilities', 'secret/data/a/b'])).toBe('root\n');
    expect((await vault(['policy', 'write', 'web', '-'], { stdin: 'path' })).code).toBe(2);
    await said(['policy', 'delete', 'web']);
    expect(await vault(['policy', 'read', 'web'])).toMatchObject({
      code: 2,
      stderr: 'No policy named: web\n',
    });
  });

  it('creates, looks up, renews and revokes tokens', async () => {
    const made = await said([
      'token',
      'create',
      '-ttl=1h',
      '-display-name=ci',
      '-metadata=a=b',
      '-policy=default',
      '-orphan',
    ]);
    const fields = new Map(rows(made).map(([name = '', value = '']) => [name, value]));
    expect(fields.get('token_duration')).toBe('1h');
    expect(fields.get('token_policies')).toBe('["default"]');
    expect(fields.get('token_meta_a')).toBe('b');
    const token = fields.get('token') ?? '';
    expect(await said(['token', 'lookup', token])).toMatch(/^ttl +(1h|59m59s)$/m);
    expect(await said(['token', 'lookup', '-accessor', fields.get('token_accessor') ?? ''])).toMatch(
      /^id +n\/a$/m,
    );
    expect(await said(['token', 'renew', '-increment=30m', token])).toMatch(/^token_duration +30m$/m);
    expect(await said(['token', 'capabilities', 'sys/mounts'], { env: { VAULT_TOKEN: token } })).toBe(
      'deny\n',
    );
    expect(await said(['token', 'revoke', token])).toBe('Success! Revoked token (if it existed)\n');
    expect((await vault(['token', 'lookup', token])).stderr).toContain('bad token');
    const self = await said(['token-create', '-policy=default', '-field=token']);
    await said(['token-revoke', '-self'], { env: { VAULT_TOKEN: self } });
    expect((await vault(['token', 'lookup'], { env: { VAULT_TOKEN: self } })).code).toBe(2);
    expect(await said(['print', 'token'])).toBe(`${rootToken}\n`);
  });

  it('tells of leases that are not there', async () => {
    expect((await vault(['lease', 'lookup', 'no/lease'])).stderr).toContain('invalid lease');
    expect((await vault(['renew', 'no/lease', '60'])).code).toBe(2);
    expect(await said(['revoke', '-prefix', 'secret/'])).toBe(
      'All revocation operations queued successfully!\n',
    );
  });
});

describe('logging in', () => {
  const file = join(home, '.vault-token');
  const env = { VAULT_TOKEN: '' };

  it('keeps the token for its owner alone, and uses it', async () => {
    expect(await said(['login', '-'], { env, stdin: `${rootToken}\n` })).toMatch(
      /^Success! You are now authenticated\.[\s\S]*^token +hvs\.contract[\s\S]*^token_duration +∞$/m,
    );
    expect(readFileSync(file, 'utf8')).toBe(rootToken);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await said(['token', 'lookup', '-field=id'], { env })).toBe(rootToken);
    // Coffer's own commands honour it too.
    expect(
      (
        await call(['token', 'lookup', '--format', 'json'], {
          env: { HOME: home, VAULT_ADDR: server.address },
        })
      ).code,
    ).toBe(0);
  });

  it('keeps nothing where that was asked for, or where the token is not good', async () => {
    writeFileSync(file, 'before');
    await said(['login', '-no-store', `token=${rootToken}`], { env });
    await said(['login', '-token-only', rootToken], { env });
    expect((await vault(['login', 'hvs.wrong'], { env })).code).toBe(2);
    expect((await vault(['login', 'two words'], { env })).code).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('before');
    await said(['login', '-no-print', 'token=hvs.unseen', 'lookup=false'], { env });
    expect(readFileSync(file, 'utf8')).toBe('hvs.unseen');
    const shadowed = await vault(['login', '-no-print', rootToken]);
    expect(shadowed).toMatchObject({ code: 0, stdout: '' });
  });

  it('by AppRole and by a user’s password', async () => {
    await said(['auth', 'enable', 'approle']);
    await said(['write', 'auth/approle/role/web', 'token_policies=default', 'token_ttl=10m']);
    const roleId = await said(['read', '-field=role_id', 'auth/approle/role/web/role-id']);
    const secretId = await said(['write', '-f', '-field=secret_id', 'auth/approle/role/web/secret-id']);
    const words = ['login', '-method=approle', '-field=token_duration', `role_id=${roleId}`];
    expect(await said([...words, `secret_id=${secretId}`], { env })).toBe('600');
    expect(await said(words, { env, stdin: `${secretId}\n` })).toBe('600');
    expect((await vault(words, { env, stdin: 'wrong\n' })).stderr).toContain('invalid role or secret ID');
    const mute = await vault([...words.slice(0, 1), '-non-interactive', ...words.slice(1)], {
      env,
      typed: 'x\r',
    });
    expect([mute.code, mute.stderr]).toEqual([1, expect.stringContaining('-non-interactive forbids it')]);
    const typed = await vault(words, { env, typed: `${secretId}\r` });
    expect(typed.code).toBe(0);
    expect(typed.stderr).not.toContain(secretId);
  });

  it('with a second factor: by -mfa, at a terminal, or told what is wanted', async () => {
    await said(['auth', 'enable', '-path=two', 'userpass']);
    await said(['write', 'auth/two/users/al', 'password=p']);
    const words = ['login', '-method=userpass', '-path=two', 'username=al', 'password=p'];
    const first = await json(['login', '-no-store', '-format=json', ...words.slice(1)]);
    const entity = member(first, 'auth')['entity_id'];
    const made = await json([
      'write',
      '-format=json',
      'identity/mfa/method/totp',
      'issuer=C',
      'method_name=phone',
    ]);
    const id = String(member(made, 'data')['method_id']);
    const url = await said([
      ...['write', '-field=url', 'identity/mfa/method/totp/admin-generate'],
      ...[`method_id=${id}`, `entity_id=${String(entity)}`],
    ]);
    const accessor = member(await json(['auth', 'list', '-format=json']), 'two/')['accessor'];
    await said([
      ...['write', 'identity/mfa/login-enforcement/two', `mfa_method_ids=${id}`],
      `auth_method_accessors=${String(accessor)}`,
    ]);
    const secret = decodeBase32(new URL(url).searchParams.get('secret') ?? '') ?? Buffer.alloc(0);
    const settings = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
    const code = () => codeAt(secret, stepAt(server.clock.now(), settings), settings);
    writeFileSync(file, 'before');
    const told = await vault(words, { env });
    expect([told.code, told.stderr]).toEqual([0, expect.stringContaining('second factor')]);
    expect(told.stdout).toMatch(/mfa_request_id +\S+\nmfa_constraint_two_totp_type +totp\n/);
    expect(told.stderr + told.stdout).not.toContain('Success');
    expect((await vault([...words.slice(0, 1), '-field=token', ...words.slice(1)], { env })).code).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('before');
    const old = await vault(['auth', ...words.slice(1)], { env });
    expect([old.code, old.stderr]).toEqual([1, expect.stringContaining('needs a second factor')]);
    const [verb = '', ...rest] = words;
    await said([verb, '-no-print', `-mfa=${id}:${code()}`, ...rest], { env });
    expect(readFileSync(file, 'utf8')).toMatch(/^hvs\./);
    expect((await vault([verb, `-mfa=${id}:${code()}`, ...rest], { env })).code).toBe(2);
    server.clock.advance(30_000);
    await said([verb, '-no-print', ...rest], { env: { ...env, VAULT_MFA: `${id}:${code()}` } });
    server.clock.advance(30_000);
    const typed = await vault([verb, '-token-only', ...rest], { env, typed: `${code()}\r` });
    expect([typed.code, typed.stdout]).toEqual([0, expect.stringMatching(/^hvs\./)]);
  });

  it('by certificate sends nothing but a role, and the server says what is missing', async () => {
    await said(['auth', 'enable', 'cert']);
    const outcome = await vault(['login', '-method=cert', 'name=web'], { env });
    expect([outcome.code, outcome.stderr]).toEqual([
      2,
      expect.stringContaining('invalid certificate or no client certificate supplied'),
    ]);
  });

  it('an empty file is no token, and none is said as such', async () => {
    writeFileSync(file, '');
    const outcome = await vault(['read', 'secret/data/a/b'], { env });
    expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining('Code: 403')]);
  });
});

describe('operating', () => {
  it('tells the state by its exit code', async () => {
    await using empty = await openContractServer(false);
    const env = { VAULT_ADDR: empty.address, VAULT_TOKEN: '' };
    expect((await vault(['operator', 'init', '-status'], { env })).code).toBe(2);
    expect((await vault(['status'], { env })).code).toBe(2);
    const made = await vault(['operator', 'init', '-key-shares=3', '-key-threshold=2', '-format=json'], {
      env,
    });
    const { unseal_keys_b64: keys, root_token: token } = JSON.parse(made.stdout) as {
      unseal_keys_b64: string[];
      root_token: string;
    };
    expect(keys).toHaveLength(3);
    expect((await vault(['operator', 'unseal', keys[0] ?? ''], { env })).stdout).toMatch(
      /^Unseal Progress +1\/2$/m,
    );
    expect((await vault(['unseal', '-reset'], { env })).stdout).toMatch(/^Unseal Progress +0\/2$/m);
    await vault(['operator', 'unseal'], { env, typed: `${keys[0]}\r` });
    const opened = await vault(['operator', 'unseal'], { env, stdin: `${keys[1]}\n` });
    expect(opened.stdout).toMatch(/^Sealed +false$/m);
    expect((await vault(['status'], { env })).code).toBe(0);
    expect((await json(['status', '-format=json']))['sealed']).toBe(false);
    const root = { ...env, VAULT_TOKEN: token };
    expect((await vault(['operator', 'rotate'], { env: root })).stdout).toMatch(
      /^Success! Rotated key\n\nKey Term +2$/m,
    );

    const begun = await vault(['operator', 'generate-root', '-init', '-format=json'], { env: root });
    const { otp, nonce } = JSON.parse(begun.stdout) as { otp: string; nonce: string };
    await vault(['generate-root', `-nonce=${nonce}`, keys[0] ?? ''], { env });
    const last = await vault(['generate-root', '-format=json', `-nonce=${nonce}`, '-'], {
      env,
      stdin: `${keys[1]}\n`,
    });
    const { encoded_token: encoded } = JSON.parse(last.stdout) as { encoded_token: string };
    const decoded = await vault(['generate-root', `-decode=${encoded}`, `-otp=${otp}`], { env });
    expect(
      (
        await vault(['token', 'lookup', '-field=policies'], {
          env: { ...env, VAULT_TOKEN: decoded.stdout.trim() },
        })
      ).stdout,
    ).toBe('[root]');

    const rekey = await vault(['rekey', '-init', '-key-shares=1', '-key-threshold=1', '-format=json'], {
      env: root,
    });
    const started = JSON.parse(rekey.stdout) as { nonce: string };
    await vault(['rekey', `-nonce=${started.nonce}`, keys[0] ?? ''], { env: root });
    const done = await vault(['rekey', `-nonce=${started.nonce}`, keys[1] ?? ''], { env: root });
    expect(done.stdout).toMatch(/^Key 1: \S+$/m);
    expect((await vault(['seal'], { env: root })).stdout).toBe('Success! Vault is sealed.\n');
    expect((await vault(['status'], { env })).code).toBe(2);
    expect((await vault(['read', 'secret/x'], { env: root })).code).toBe(2);
  });

  it('ends with 1 where nothing answers', async () => {
    expect((await vault(['status'], { env: { VAULT_ADDR: 'http://127.0.0.1:1' } })).code).toBe(1);
  });
});

describe('threat 17: the certificate of a server', () => {
  it('is checked, and is not only where just that is asked for, with a warning', async () => {
    const { certificate, key } = makeCertificate('stranger');
    const seen: (string | undefined)[] = [];
    const https = createServer({ cert: certificate, key }, (request, response) => {
      seen.push(request.headers['x-vault-token']?.toString());
      response.setHeader('Content-Type', 'application/json');
      response.end('{"data": {"a": "b"}}');
    });
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const env = { VAULT_ADDR: `https://127.0.0.1:${(https.address() as AddressInfo).port}` };
    const words = ['read', '-field=a', 'old/a'];
    const strict = await vault(words, { env });
    expect([strict.code, strict.stdout]).toEqual([2, '']);
    expect(strict.stderr).toContain('certificate');
    expect(seen).toEqual([]);
    const trusting = await vault(words, { env: { ...env, VAULT_SKIP_VERIFY: 'true' } });
    expect([trusting.code, trusting.stdout]).toEqual([0, 'b']);
    expect(trusting.stderr).toContain('the certificate of the server is not checked');
    expect(seen).toEqual([rootToken]);
    const overruled = ['read', '-tls-skip-verify=false', 'old/a'];
    expect((await vault(overruled, { env: { ...env, VAULT_SKIP_VERIFY: 'true' } })).code).toBe(2);
    const file = join(home, 'authority.pem');
    writeFileSync(file, certificate);
    expect(await vault(['read', '-field=a', `-ca-cert=${file}`, 'old/a'], { env })).toMatchObject({
      code: 0,
      stderr: '',
    });
    await new Promise((resolve) => https.close(resolve));
  });
});

describe('threat 16: what comes from elsewhere', () => {
  it('repeats no token that a server echoes', async () => {
    await using echo = await startWire(({ headers }) => ({
      status: 400,
      body: { errors: [`no such thing as ${String(headers['x-vault-token'])}`] },
    }));
    const outcome = await vault(['read', 'x'], { env: { VAULT_ADDR: echo.address } });
    expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining('no such thing as [token]')]);
  });

  it('does not steer a terminal, and is as it is in a pipe', async () => {
    const bell = '\u001b]0;title\u0007\u009b31m';
    await said(['write', 'old/t', '-'], { stdin: JSON.stringify({ [`k${bell}`]: bell, plain: `a${bell}` }) });
    for (const words of [
      ['read', 'old/t'],
      ['read', '-field=plain', 'old/t'],
      ['read', '-format=json', 'old/t'],
      ['read', '-format=yaml', 'old/t'],
    ]) {
      const { stdout } = await vault(words, { columns: 80 });
      expect(stdout, words.join(' ')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    }
    expect(await said(['read', '-field=plain', 'old/t'])).toBe(`a${bell}`);
    const refused = await vault(['write', `old/x${bell}`, 'a=b']);
    expect(refused.stderr).not.toContain('\u001b');
  });

  it('tokens are in no error', async () => {
    for (const words of [
      ['read', 'old/t'],
      ['token', 'lookup', 'hvs.canary-of-a-token'],
      ['unwrap', 'hvs.canary-of-a-token'],
    ]) {
      const { stdout, stderr } = await vault(words, { env: { VAULT_TOKEN: 'hvs.canary-of-a-token' } });
      expect(stdout + stderr).not.toContain('canary');
    }
    expect(existsSync(home)).toBe(true);
  });
});

describe('audit devices', () => {
  it('are enabled, listed and disabled, in the words of then and now', async () => {
    await said(['audit', 'enable', '-path=quiet', '-description=for tools', 'file', 'file_path=discard']);
    await said(['audit-enable', '-path=old', 'file', 'path=discard']);
    expect(rows(await said(['audit', 'list', '-detailed']))).toEqual(
      expect.arrayContaining([
        ['old/', 'file', 'n/a', 'replicated', expect.stringContaining('path=discard')],
        ['quiet/', 'file', 'for tools', 'replicated', 'file_path=discard'],
      ]),
    );
    expect(await json(['audit', 'list', '-format=json'])).toMatchObject({ 'quiet/': { type: 'file' } });
    expect(await said(['write', '-field=hash', 'sys/audit-hash/quiet', 'input=x'])).toMatch(/^hmac-sha256:/);
    expect(await said(['audit', 'disable', 'quiet'])).toContain('Success! Disabled audit device');
    await said(['audit-disable', 'old']);
    expect((await vault(['audit', 'list'])).stdout).not.toContain('quiet/');
    const refused = await vault(['audit', 'enable', 'file', 'file_path=/var/log/audit.log']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('audit.directories')]);
  });
});

it('operator members lists the processes that serve the store', async () => {
  expect(rows(await said(['operator', 'members']))).toEqual([
    expect.arrayContaining(['true', expect.stringMatching(/^1\.17\./)]),
  ]);
  expect(await json(['operator', 'members', '-format=json'])).toMatchObject({
    Nodes: [{ active_node: true, hostname: expect.any(String) }],
  });
});
