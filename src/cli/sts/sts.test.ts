import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Seen, startWire } from '../../client/wire.fixture.ts';
import type { JsonObject } from '../../json.ts';
import { call, type Scene, temporaryHome } from '../cli.fixture.ts';
import { roleArn } from './setup.ts';

const keys = { access_key: 'ASIAEXAMPLE', secret_key: 'sec/ret+=', security_token: 'FwoG+/=token' };
const now = Date.parse('2026-11-22T12:00:00Z');

interface Told {
  readonly issuer: string;
  readonly account: string;
  readonly code: string;
  readonly [name: string]: string;
}

function toldIn({ body }: Seen): Told {
  return JSON.parse(body) as Told;
}

/** A server that takes any codes, and counts tokens that were not revoked. */
async function bank(answer: JsonObject = { ...keys, ttl: 3_600 }) {
  const home = temporaryHome();
  const logins: Told[] = [];
  let tokens = 0;
  const server = await startWire((seen) => {
    if (seen.url === '/v1/auth/totp/login') {
      const told = toldIn(seen);
      logins.push(told);
      if (told.code === '000000') return { status: 403, body: { errors: ['permission denied'] } };
      tokens += 1;
      return { body: { auth: { client_token: 'hvs.abcdefghijklmnopqrstuvwx', lease_duration: 900 } } };
    }
    if (seen.url === '/v1/aws/sts/Broken') return { status: 503, body: { errors: ['AWS is away'] } };
    if (seen.url.startsWith('/v1/aws/sts/')) return { body: { data: answer, lease_duration: 3_600 } };
    if (seen.url === '/v1/auth/token/revoke-self') tokens -= 1;
    return {};
  });
  const person = ['--issuer', 'acme', '--account-name', 'alice'];
  return {
    server,
    home,
    logins,
    tokens: () => tokens,
    person,
    run: (words: readonly string[], scene: Scene = {}) =>
      call(['sts', ...words], {
        now: () => now,
        ...scene,
        env: { HOME: home, COFFER_ADDR: server.address, ...scene.env },
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const exported = `export AWS_ACCESS_KEY_ID=ASIAEXAMPLE
export AWS_SECRET_ACCESS_KEY=sec/ret+=
export AWS_SESSION_TOKEN=FwoG+/=token
`;

describe('get', () => {
  it('trades a code for three lines, and leaves no token behind', async () => {
    await using at = await bank();
    const outcome = await at.run(['get', ...at.person, '--role', 'Admin'], { stdin: '123456\n' });
    expect(outcome).toMatchObject({ code: 0, stdout: exported, stderr: '' });
    expect(at.logins).toEqual([{ issuer: 'acme', account: 'alice', code: '123456', role: 'Admin' }]);
    expect(at.tokens()).toBe(0);
  });

  it('is told by the variables of the old program, and flags win', async () => {
    await using at = await bank();
    const env = {
      STS_ISSUER: 'acme',
      STS_ACCOUNT_NAME: 'someone',
      STS_ROLE: 'Admin',
      STS_SECONDARY_ACCOUNT_NAME: 'bob',
    };
    const words = ['get', '--account-name', 'alice', '--no-cache'];
    expect((await at.run(words, { env, stdin: '123456\n654321\n' })).stdout).toBe(exported);
    expect(at.logins).toEqual([
      {
        issuer: 'acme',
        account: 'alice',
        code: '123456',
        role: 'Admin',
        second_account: 'bob',
        second_code: '654321',
      },
    ]);
  });

  it('takes codes where the old program took them', async () => {
    await using at = await bank();
    const codes = ['--totp-code', '123456', '--secondary-totp-code=654321', '--secondary-authorizer', 'bob'];
    const words = [
      'get',
      ...at.person,
      '--role',
      'Admin',
      '--table-name',
      'x',
      '--log-level',
      'panic',
      ...codes,
    ];
    const outcome = await at.run(words);
    expect([outcome.code, outcome.stdout]).toEqual([0, exported]);
    expect(at.logins[0]).toMatchObject({ code: '123456', second_account: 'bob', second_code: '654321' });
    const own = ['get', ...at.person, '--role', 'Admin', '--no-cache', '--second-device'];
    await at.run(own, { stdin: '111111\n222222' });
    expect(at.logins[1]).toEqual({
      issuer: 'acme',
      account: 'alice',
      code: '111111',
      role: 'Admin',
      second_code: '222222',
    });
  });

  it('prints for other shells and for programs', async () => {
    await using at = await bank();
    const ask = async (format: string) =>
      (
        await at.run(['get', ...at.person, '--role', 'Admin', '--format', format, '--no-cache'], {
          stdin: '123456',
        })
      ).stdout;
    expect(await ask('fish')).toContain("set -gx AWS_SECRET_ACCESS_KEY 'sec/ret+=';\n");
    expect(await ask('powershell')).toContain("$Env:AWS_SESSION_TOKEN = 'FwoG+/=token'\n");
    for (const format of ['json', 'credential_process']) {
      expect(JSON.parse(await ask(format))).toEqual({
        Version: 1,
        AccessKeyId: 'ASIAEXAMPLE',
        SecretAccessKey: 'sec/ret+=',
        SessionToken: 'FwoG+/=token',
        Expiration: '2026-11-22T13:00:00.000Z',
      });
    }
  });

  it('threat 16: quotes what a shell would read, and takes nothing that is no word', async () => {
    await using odd = await bank({ ...keys, secret_key: "a'b$(id)`x`;" });
    const outcome = await odd.run(['get', ...odd.person, '--role', 'Admin'], { stdin: '123456' });
    expect(outcome.stdout).toContain("export AWS_SECRET_ACCESS_KEY='a'\\''b$(id)`x`;'\n");
    for (const secret_key of ['', 'a b', 'a\nb', 7, null]) {
      await using broken = await bank({ ...keys, secret_key });
      const got = await broken.run(['get', ...broken.person, '--role', 'Admin'], { stdin: '123456' });
      expect([got.code, got.stdout]).toEqual([9, '']);
    }
  });

  it('threat 04: sends nothing that is no code, and says none of it', async () => {
    await using at = await bank();
    for (const wrong of ['12345', '123456789', '１２３４５６', '12 3456', '+12345', 'abcdef', '']) {
      const outcome = await at.run(['get', ...at.person, '--role', 'Admin'], { stdin: `${wrong}\n` });
      expect(outcome.code, wrong).toBe(2);
      if (wrong !== '') expect(outcome.stderr).not.toContain(wrong);
    }
    expect(at.logins).toEqual([]);
  });

  it('fails as what failed says, prints nothing, and leaves no token', async () => {
    await using at = await bank();
    const refused = await at.run(['get', ...at.person, '--role', 'Admin'], { stdin: '000000' });
    expect([refused.code === 0, refused.stdout]).toEqual([false, '']);
    const away = await at.run(['get', ...at.person, '--role', 'Broken'], { stdin: '123456' });
    expect([away.code === 0, away.stdout, at.tokens()]).toEqual([false, '', 0]);
    for (const words of [
      ['get'],
      ['get', '--issuer', 'a'],
      ['get', ...at.person],
      ['get', '--issuer', 'a/b', '--account-name', 'c', '--role', 'd'],
    ])
      expect((await at.run(words, { stdin: '123456' })).code).toBe(2);
  });
});

describe('what is kept', () => {
  it('is used while it lasts, by whoever asked, and for the same alone', async () => {
    await using at = await bank();
    const words = ['get', ...at.person, '--role', 'Admin'];
    await at.run(words, { stdin: '123456' });
    expect((await at.run(words)).stdout).toBe(exported);
    expect(at.logins).toHaveLength(1);
    const folder = join(at.home, '.cache', 'coffer', 'sts');
    const [file = ''] = readdirSync(folder);
    expect([statSync(join(folder, file)).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    const later = () => now + 56 * 60_000;
    expect((await at.run(words, { now: later })).code).toBe(2);
    for (const other of [
      ['--role', 'Other'],
      ['--role', 'Admin', '--ttl', '15m'],
      ['--role', 'Admin', '--no-cache'],
    ])
      expect((await at.run(['get', ...at.person, ...other])).code, other.join(' ')).toBe(2);
    await at.run([...words, '--totp-code', '123456']);
    expect(at.logins).toHaveLength(2);
  });

  it('threat 26: counts only where nobody else could read it, and only whole', async () => {
    await using at = await bank();
    const words = ['get', ...at.person, '--role', 'Admin'];
    await at.run(words, { stdin: '123456' });
    const folder = join(at.home, '.cache', 'coffer', 'sts');
    const path = join(folder, readdirSync(folder)[0] ?? '');
    for (const text of [
      '',
      '{',
      '[]',
      '{"accessKeyId":"A"}',
      readFileSync(path, 'utf8').replace('ASIA', 'A B'),
    ]) {
      writeFileSync(path, text);
      expect((await at.run(words)).code).toBe(2);
    }
    await at.run(words, { stdin: '123456' });
    chmodSync(path, 0o644);
    expect((await at.run(words)).code).toBe(2);
    expect(() => statSync(path)).toThrow();
  });

  it('goes to the keyring of the desktop where there is one, by standard input', async () => {
    await using at = await bank();
    const bin = join(at.home, 'bin');
    mkdirSync(bin);
    const tool = `#!/bin/sh
echo "$@" >> "${at.home}/words"
if [ "$1" = store ]; then cat > "${at.home}/kept"; else cat "${at.home}/kept"; fi
`;
    writeFileSync(join(bin, 'secret-tool'), tool, { mode: 0o755 });
    const env = { PATH: `${bin}:${process.env['PATH']}`, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' };
    const words = ['get', ...at.person, '--role', 'Admin'];
    expect((await at.run(words, { env, stdin: '123456' })).stdout).toBe(exported);
    expect((await at.run(words, { env })).stdout).toBe(exported);
    expect(at.logins).toHaveLength(1);
    const said = readFileSync(join(at.home, 'words'), 'utf8');
    expect(said).toMatch(/^lookup service coffer-sts subject [0-9a-f]{64}\nstore --label=/);
    for (const secret of Object.values(keys)) expect(said).not.toContain(secret);
    expect(() => readdirSync(join(at.home, '.cache'))).toThrow();
  });
});

describe('the old program’s address', () => {
  async function oldServer(reply: { readonly status?: number; readonly body?: unknown }) {
    const server = await startWire(() => reply as { status?: number; body?: Record<string, string> });
    return server;
  }

  it('is asked in the old words, and answers in them', async () => {
    await using at = await bank();
    const body = { AccessKeyId: 'ASIAOLD', SecretAccessKey: 's', SessionToken: 't' };
    await using old = await oldServer({ body });
    const env = { STS_ENDPOINT: `${old.address}/prod` };
    const words = ['get', ...at.person, '--role', 'Admin'];
    const outcome = await at.run(words, { env, stdin: '123456' });
    expect(outcome.stdout).toContain('export AWS_ACCESS_KEY_ID=ASIAOLD\n');
    expect(old.seen[0]).toMatchObject({ method: 'POST', url: '/prod' });
    expect(toldIn(old.seen[0] as Seen)).toEqual({
      Issuer: 'acme',
      AccountName: 'alice',
      TOTPCode: '123456',
      SecondaryAccountName: '',
      SecondaryTOTPCode: '',
      Role: 'Admin',
    });
    // It says no end, so that nothing is kept of it.
    expect((await at.run(words, { env })).code).toBe(2);
    expect(at.logins).toEqual([]);
  });

  it('is never believed where it gave nothing', async () => {
    await using at = await bank();
    for (const reply of [
      { status: 502, body: {} },
      { status: 200, body: { error: 'denied' } },
      { status: 200, body: {} },
      { status: 308, body: {} },
    ]) {
      await using old = await oldServer(reply);
      const words = ['get', ...at.person, '--role', 'Admin', '--endpoint', old.address];
      const outcome = await at.run(words, { stdin: '123456' });
      expect([outcome.code === 0, outcome.stdout]).toEqual([false, '']);
      expect(old.seen).toHaveLength(1);
    }
    const plain = ['get', ...at.person, '--role', 'Admin', '--endpoint', 'http://sts.example.com/'];
    expect((await at.run(plain, { stdin: '123456' })).stderr).toContain('https');
  });
});

it('exec passes on the credentials and no other identity, and ends as its child does', async () => {
  await using at = await bank();
  const file = join(at.home, 'child.mjs');
  const out = join(at.home, 'out.json');
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(out)}, JSON.stringify(process.env)); process.exit(7)`,
  );
  const env = {
    PATH: process.env['PATH'],
    AWS_PROFILE: 'other',
    COFFER_TOKEN: 'hvs.abcdefghijklmnopqrstuvwx',
  };
  const words = ['exec', ...at.person, '--role', 'Admin', '--', process.execPath, file];
  const outcome = await at.run(words, { env, stdin: '123456' });
  expect(outcome.code).toBe(7);
  const seen = JSON.parse(readFileSync(out, 'utf8')) as Record<string, string>;
  expect(seen).toMatchObject({
    AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'sec/ret+=',
    AWS_SESSION_TOKEN: 'FwoG+/=token',
    AWS_CREDENTIAL_EXPIRATION: '2026-11-22T13:00:00.000Z',
  });
  expect([seen['AWS_PROFILE'], seen['COFFER_TOKEN']]).toEqual([undefined, undefined]);
  const missing = await at.run(['exec', ...at.person, '--role', 'Admin', '--', 'no-such-program'], { env });
  expect(missing.code).toBe(127);
});

it('console asks for a login by POST, and prints where it is', async () => {
  await using at = await bank({ ...keys, ttl: 3_600, arn: 'arn:aws:sts::1:assumed-role/Admin/acme.alice' });
  await using signin = await startWire(() => ({ body: { SigninToken: 'let-me-in' } }));
  const words = ['console', ...at.person, '--role', 'Admin', '--signin', signin.address];
  const { stdout } = await at.run(words, { stdin: '123456' });
  expect(stdout).toBe(
    `${signin.address}/federation?Action=login&Issuer=coffer&Destination=https%3A%2F%2Fconsole.aws.amazon.com%2F&SigninToken=let-me-in\n`,
  );
  expect(signin.seen[0]).toMatchObject({ method: 'POST', url: '/federation' });
  const form = new URLSearchParams(signin.seen[0]?.body);
  expect(JSON.parse(form.get('Session') ?? '')).toEqual({
    sessionId: 'ASIAEXAMPLE',
    sessionKey: 'sec/ret+=',
    sessionToken: 'FwoG+/=token',
  });
});

it('roles are named by their ARN, or by their name and an account', () => {
  const arn = 'arn:aws-cn:iam::123456789012:role/team/Admin';
  expect(roleArn(arn, undefined, 'aws')).toEqual({ name: 'Admin', arn });
  expect(roleArn('Admin', '123456789012', 'aws-us-gov').arn).toBe(
    'arn:aws-us-gov:iam::123456789012:role/Admin',
  );
  for (const [role, id] of [
    ['Admin', undefined],
    ['Admin', '12'],
    ['a/b', '123456789012'],
    ['arn:aws:iam::1:user/x', '123456789012'],
  ] as const)
    expect(() => roleArn(role, id, 'aws')).toThrow();
});
