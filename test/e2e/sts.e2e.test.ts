/** One-time codes for credentials of AWS, as people do it: an authenticator, the command line, curl, and the AWS command line. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { AwsCloud } from '../fakes/aws-cloud.ts';
import { askMoto, testRegion } from '../fakes/moto-calls.ts';
import { type Moto, resetMoto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';
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
} from './server-process.ts';

const root = 'e2e-root';
let moto: Moto | undefined;
let place: Place;
let server: ServerProcess;

beforeAll(async () => {
  moto = await startMoto();
}, 300_000);
afterAll(async () => {
  await moto?.close();
  await cleanUp();
});
beforeEach(async (context) => {
  if (moto === undefined) return context.skip('moto is missing');
  await resetMoto(moto);
  place = freshPlace();
  const config = join(place.home, 'coffer.toml');
  writeFileSync(
    config,
    `[aws]\nendpoints = ["${moto.endpoint}"]\n
[[listener]]\naddress = "127.0.0.1:0"\n
[[listener]]\naddress = "127.0.0.1:0"\ndialect = "stsftw"\n`,
    { mode: 0o600 },
  );
  const words = ['--config', config, '--dev', '--dev-root-token-id', root];
  server = await startServer(place, { listen: [], words });
});

const admin = (words: readonly string[], stdin?: string): Promise<Outcome> =>
  cli(place, words, {
    env: { COFFER_ADDR: server.address, COFFER_TOKEN: root },
    ...(stdin === undefined ? {} : { stdin }),
  });

/** Has no token: what proves this person is codes. */
const person = (
  words: readonly string[],
  stdin: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> =>
  cli(place, ['sts', ...words], { stdin, env: { COFFER_ADDR: server.address, STS_ISSUER: 'acme', ...env } });

async function done(outcome: Promise<Outcome>): Promise<Outcome> {
  const { code, stdout, stderr } = await outcome;
  expect(code, stderr).toBe(0);
  return { code, stdout, stderr };
}

/** The engine asks as a user of its own, at moto. */
async function setUp(): Promise<void> {
  const endpoint = moto?.endpoint ?? '';
  const keys = await new AwsCloud({ endpoint }).makeUser('coffer');
  await done(admin(['sts', 'setup', '--account-id', '123456789012', 'Admin', 'Audit']));
  const config = [
    `access_key=${keys.accessKey}`,
    `secret_key=${keys.secretKey}`,
    `iam_endpoint=${endpoint}`,
    `sts_endpoint=${endpoint}`,
    `region=${testRegion}`,
  ];
  await done(admin(['api', 'POST', 'aws/config/root', ...config]));
  expect((await done(admin(['sts', 'setup', '--account-id', '123456789012', 'Admin']))).stderr).toContain(
    'was there',
  );
}

/** An authenticator, by oathtool. @param off seconds from now */
function codeOf(context: TestContext, url: string, off = 0): string {
  const secret = new URL(url).searchParams.get('secret') ?? '';
  const at = `@${Math.floor(Date.now() / 1_000) + off}`;
  const made = spawnSync(need(context, 'oathtool'), ['--totp', '--base32', '--now', at, secret], {
    encoding: 'utf8',
  });
  return made.stdout.trim();
}

/** Runs an enrolment: reads the address of the secret, and answers with a code and the next one. */
function enrol(
  context: TestContext,
  words: readonly string[],
  token: string,
  first = '',
): Promise<Outcome & { url: string }> {
  const env = { ...place.env, COFFER_ADDR: server.address, COFFER_TOKEN: token, STS_ISSUER: 'acme' };
  const child = spawn(process.execPath, [program, 'sts', ...words, '--show-url'], { env });
  let [stdout, stderr, url] = ['', '', ''];
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    const found = /^otpauth:\S+$/m.exec(stdout)?.[0];
    if (found === undefined || url !== '') return;
    url = found;
    child.stdin.end(`${codeOf(context, url, -30)}\n${codeOf(context, url)}\n`);
  });
  if (first !== '') child.stdin.write(first);
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr, url }));
  });
}

describe('an account', () => {
  it('is enrolled, trades codes for credentials that AWS knows, and its codes are good once', async (context) => {
    await setUp();
    const alice = await enrol(
      context,
      ['enroll', '--account-name', 'alice', '--roles', 'Admin', '--roles', 'Audit'],
      root,
    );
    expect([alice.code, alice.stdout.trim().split('\n').length], alice.stderr).toEqual([0, 9]);
    const code = codeOf(context, alice.url, 30);
    const got = await done(person(['get', '--account-name', 'alice', '--role', 'Admin'], `${code}\n`));
    expect(got.stdout).toMatch(
      /^export AWS_ACCESS_KEY_ID=\S+\nexport AWS_SECRET_ACCESS_KEY=\S+\nexport AWS_SESSION_TOKEN=\S+\n$/,
    );
    const again = await person(['get', '--account-name', 'alice', '--role', 'Audit'], `${code}\n`);
    expect([again.code === 0, again.stdout]).toEqual([false, '']);
    const shell =
      'eval "$(node "$PROGRAM" sts get --account-name alice --role Admin)" && "$AWS" sts get-caller-identity';
    const told = await runProgram(
      'bash',
      ['-c', shell],
      {
        ...place.env,
        PROGRAM: program,
        AWS: need(context, 'aws'),
        COFFER_ADDR: server.address,
        STS_ISSUER: 'acme',
        AWS_ENDPOINT_URL: moto?.endpoint ?? '',
        AWS_DEFAULT_REGION: testRegion,
      },
      '',
    );
    expect(JSON.parse(told.stdout || '{}'), told.stderr).toMatchObject({
      Arn: 'arn:aws:sts::123456789012:assumed-role/Admin/acme.alice',
    });
    const accessors = await done(admin(['api', 'LIST', 'auth/token/accessors', '--format', 'json']));
    const { data } = JSON.parse(accessors.stdout) as { data: { keys: string[] } };
    expect(data.keys).toHaveLength(1);
  });

  it('is listed, changed, given another device, and deleted', async (context) => {
    await setUp();
    const first = await enrol(context, ['enroll', '--account-name', 'bob', '--roles', 'Audit'], root);
    expect(first.code, first.stderr).toBe(0);
    expect((await enrol(context, ['enroll', '--account-name', 'bob'], root)).stderr).toContain(
      'update device',
    );
    await done(
      admin([
        'sts',
        'update',
        'roles',
        '--issuer',
        'acme',
        '--account-name',
        'bob',
        '--roles',
        'Admin,Audit',
      ]),
    );
    expect((await done(admin(['sts', 'list']))).stdout).toBe('acme\tbob\t[Admin,Audit]\t[]\n');
    expect((await admin(['sts', 'update', 'roles', '--issuer', 'acme', '--account-name', 'bob'])).code).toBe(
      2,
    );
    expect(
      (
        await admin([
          'sts',
          'update',
          'roles',
          '--issuer',
          'acme',
          '--account-name',
          'nobody',
          '--roles',
          'x',
        ])
      ).code,
    ).not.toBe(0);
    const other = await enrol(context, ['update', 'device', '--account-name', 'bob'], root);
    expect([other.code, other.url === first.url], other.stderr).toEqual([0, false]);
    const get = (url: string) =>
      person(
        ['get', '--account-name', 'bob', '--role', 'Audit', '--no-cache'],
        `${codeOf(context, url, 30)}\n`,
      );
    await done(
      admin(['sts', 'update', 'roles', '--issuer', 'acme', '--account-name', 'bob', '--roles', 'Audit']),
    );
    expect((await get(first.url)).code).not.toBe(0);
    await done(get(other.url));
    await done(admin(['sts', 'delete', '--issuer', 'acme', '--account-name', 'bob', '--yes']));
    expect((await done(admin(['sts', 'list', '--format', 'json']))).stdout.trim()).toBe('[]');
  });

  it('is enrolled by the person, whose administrator sees no secret', async (context) => {
    await setUp();
    const invited = await done(
      admin(['sts', 'invite', '--issuer', 'acme', '--account-name', 'carol', '--roles', 'Audit']),
    );
    // Standard input is read as a whole where nobody types: the invitation and both codes come together, so that the secret is
    // fetched by hand here.
    const invitation = invited.stdout.trim();
    const post = async (path: string, body: unknown) =>
      (
        await fetch(`${server.address}/v1/auth/totp/enroll/${path}`, {
          method: 'POST',
          body: JSON.stringify(body),
        })
      ).json();
    const { data } = (await post('start', { invitation })) as { data: { url: string } };
    const codes = { code: codeOf(context, data.url, -30), next_code: codeOf(context, data.url) };
    const ended = (await post('finish', { invitation, ...codes })) as { data: { recovery_codes: string[] } };
    expect(ended.data.recovery_codes).toHaveLength(8);
    expect((await person(['enroll', '--invite'], `${invitation}\n`)).code).not.toBe(0);
    await done(person(['get', '--account-name', 'carol', '--role', 'Audit'], codeOf(context, data.url, 30)));
  });
});

it('the old program’s request is answered on its own listener, with a second person', async (context) => {
  await setUp();
  const alice = await enrol(
    context,
    ['enroll', '--account-name', 'alice', '--roles', 'Admin', '--secondary-authorizers', 'bob'],
    root,
  );
  const bob = await enrol(context, ['enroll', '--account-name', 'bob', '--roles', 'Audit'], root);
  expect([alice.code, bob.code], alice.stderr + bob.stderr).toEqual([0, 0]);
  const endpoint =
    [...server.stdout.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)]
      .map(([url]) => url)
      .find((url) => url !== server.address) ?? '';
  const ask = async (more: Readonly<Record<string, string>>) => {
    const body = {
      Issuer: 'acme',
      AccountName: 'alice',
      TOTPCode: '',
      SecondaryAccountName: '',
      SecondaryTOTPCode: '',
      Role: 'Admin',
      ...more,
    };
    const words = [
      '-s',
      '-w',
      '\n%{http_code}',
      '-X',
      'POST',
      '-H',
      'Content-Type: application/json',
      '--data',
      JSON.stringify(body),
      endpoint,
    ];
    const { stdout } = await runProgram(need(context, 'curl'), words, place.env);
    const at = stdout.lastIndexOf('\n');
    return { status: stdout.slice(at + 1), body: stdout.slice(0, at) };
  };
  const alone = await ask({ TOTPCode: codeOf(context, alice.url, 30) });
  expect(alone).toEqual({ status: '403', body: 'refused\n' });
  const both = await ask({
    TOTPCode: codeOf(context, alice.url, 30),
    SecondaryAccountName: 'bob',
    SecondaryTOTPCode: codeOf(context, bob.url, 30),
  });
  expect([both.status, Object.keys(JSON.parse(both.body) as object)]).toEqual([
    '200',
    ['AccessKeyId', 'SecretAccessKey', 'SessionToken'],
  ]);
  const { AccessKeyId } = JSON.parse(both.body) as { AccessKeyId: string };
  expect(await new AwsCloud({ endpoint: moto?.endpoint ?? '' }).whoIs(AccessKeyId)).toContain(
    'assumed-role/Admin/acme.alice',
  );
});

describe('a table of stsftw', () => {
  const good = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  const other = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
  const url = (secret: string, more = '') =>
    `otpauth://totp/acme:x?algorithm=SHA1&digits=6&issuer=acme&period=30&secret=${secret}${more}`;
  const rows: readonly (readonly [string, Record<string, unknown>])[] = [
    [
      'plain',
      { url: { S: url(good) }, roles: { L: [{ S: 'Admin' }] }, secondary_authorization: { NULL: true } },
    ],
    [
      'approved',
      {
        url: { S: url(`${other.toLowerCase()}%3D%3D`) },
        roles: { L: [{ S: 'Admin' }] },
        secondary_authorization: { L: [{ S: 'plain' }, { S: 'ghost' }, { S: 'approved' }] },
      },
    ],
    ['noroles', { url: { S: url(good) } }],
    ['nourl', { roles: { L: [{ S: 'Root' }] } }],
    ['emptysecret', { url: { S: url('') }, roles: { L: [{ S: 'Root' }] } }],
    ['short', { url: { S: url('GEZDGNBV') }, roles: { NULL: true } }],
    ['nobase32', { url: { S: url('0189!') }, roles: { L: [] } }],
    [
      'ghosted',
      {
        url: { S: url(good) },
        roles: { L: [{ S: 'Root' }] },
        secondary_authorization: { L: [{ S: 'ghost' }] },
      },
    ],
    ['Twin', { url: { S: url(good) } }],
    ['twin', { url: { S: url(good) } }],
    ['Ünïcode: a b', { url: { S: url(good) }, roles: { L: [{ S: 'Admin' }] } }],
    ['oddlist', { url: { S: url(good) }, roles: { SS: ['Admin'] } }],
  ];

  beforeEach(async () => {
    if (moto === undefined) return;
    const named = (names: readonly string[], type: string) =>
      names.map((AttributeName, at) => ({
        AttributeName,
        [type]: type === 'KeyType' ? (at === 0 ? 'HASH' : 'RANGE') : 'S',
      }));
    await askMoto(moto, 'DynamoDB_20120810.CreateTable', {
      TableName: 'sts-auth',
      KeySchema: named(['issuer', 'account_name'], 'KeyType'),
      AttributeDefinitions: named(['issuer', 'account_name'], 'AttributeType'),
      BillingMode: 'PAY_PER_REQUEST',
    });
    for (const [account, more] of rows) {
      const Item = { issuer: { S: 'acme' }, account_name: { S: account }, ...more } as never;
      await askMoto(moto, 'DynamoDB_20120810.PutItem', { TableName: 'sts-auth', Item });
    }
  });

  it('is taken over but for what anybody could have used, again and again', async (context) => {
    await setUp();
    const take = async (...words: readonly string[]) => {
      const env = { COFFER_ADDR: server.address, COFFER_TOKEN: root, ...moto?.env, STS_REGION: testRegion };
      const { code, stdout } = await cli(
        place,
        ['import', 'stsftw', 'sts-auth', '--format', 'json', ...words],
        { env, stdin: '' },
      );
      const told = JSON.parse(stdout) as readonly {
        account: string;
        result: string;
        exploitable: readonly string[];
        why: readonly string[];
      }[];
      return {
        code,
        told,
        of: (result: string) =>
          told
            .filter((each) => each.result === result)
            .map(({ account }) => account)
            .toSorted(),
      };
    };
    const rehearsed = await take('--dry-run');
    expect(rehearsed.of('would be imported')).toEqual(
      ['approved', 'noroles', 'plain', 'Ünïcode: a b'].toSorted(),
    );
    expect((await done(admin(['sts', 'list', '--format', 'json']))).stdout.trim()).toBe('[]');
    const first = await take('--yes');
    expect(first.of('imported')).toEqual(rehearsed.of('would be imported'));
    expect(first.of('refused')).toEqual(
      ['Twin', 'emptysecret', 'ghosted', 'nobase32', 'nourl', 'oddlist', 'short', 'twin'].toSorted(),
    );
    expect(first.code).not.toBe(0);
    const exploitable = first.told
      .filter((each) => each.exploitable.length > 0)
      .map(({ account }) => account);
    expect(exploitable.toSorted()).toEqual(['approved', 'emptysecret', 'ghosted', 'nourl', 'short']);
    const second = await take('--yes');
    expect([second.of('unchanged'), second.of('imported')]).toEqual([first.of('imported'), []]);
    const code = codeOf(context, url(good));
    await done(person(['get', '--account-name', 'plain', '--role', 'Admin'], code));
    const both = ['get', '--account-name', 'approved', '--role', 'Admin', '--secondary-authorizer'];
    expect((await person([...both, 'ghost'], `${codeOf(context, url(other))}\n${code}\n`)).code).not.toBe(0);
    const codes = `${codeOf(context, url(other), 30)}\n${codeOf(context, url(good), 30)}\n`;
    await done(person([...both, 'plain'], codes));
    const listed = (await done(admin(['sts', 'list']))).stdout;
    expect(listed).toContain('acme\tapproved\t[Admin]\t[plain]\n');
    expect(listed).toContain('Ünïcode: a b');
  });
});
