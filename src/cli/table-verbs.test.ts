/** The verbs on a table as people use them, against moto's KMS and DynamoDB. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { askMoto, makeKmsKey, testRegion as region } from '../../test/fakes/moto-calls.ts';
import { type Moto, resetMoto, startMoto } from '../../test/setup/moto.ts';
import { dynamoClient } from '../aws/dynamo.ts';
import { call, type Scene, temporaryHome } from './cli.fixture.ts';
import { checkTable } from './doctor/table-checks.ts';

let moto: Moto | undefined;
beforeAll(async () => {
  moto = await startMoto();
}, 300_000);
afterAll(() => moto?.close());

const safe = `credstash://secrets?region=${region}&key=alias/k`;
let home = '';

beforeEach(async (context) => {
  if (moto === undefined) return context.skip('moto is missing');
  await resetMoto(moto);
  home = temporaryHome();
  await makeKmsKey(moto, 'k');
  expect(await coffer(['table', 'setup'])).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('made and ready'),
  });
});

function env(more: Record<string, string> = {}) {
  return {
    ...moto?.env,
    HOME: home,
    XDG_CONFIG_HOME: home,
    COFFER_SAFE: safe,
    PATH: process.env['PATH'],
    ...more,
  };
}

const coffer = (words: readonly string[], scene: Scene = {}) =>
  call(words, { ...scene, env: { ...env(), ...scene.env } });

const client = () => dynamoClient({ region, env: env() });

describe('a secret in a table', () => {
  it('is put, read, listed, found, compared, deleted and brought back', async () => {
    expect(await coffer(['put', 'shop/db', 'one'])).toMatchObject({
      code: 0,
      stderr: 'shop/db: version 1 stored\n',
    });
    await coffer(['put', 'shop/db', 'two']);
    await coffer(['put', 'shop/web', 'user=app', 'password=s3cret']);
    expect((await coffer(['get', 'shop/db'])).stdout).toBe('two');
    expect((await coffer(['get', 'shop/db', '--version', '1'])).stdout).toBe('one');
    expect((await coffer(['get', 'shop/web', '--field', 'password'])).stdout).toBe('s3cret');
    expect((await coffer(['list'])).stdout).toBe('shop/\n');
    expect((await coffer(['list', 'shop/'])).stdout).toBe('db\nweb\n');
    expect((await coffer(['find', 'we*'])).stdout).toBe('shop/web\n');
    expect((await coffer(['diff', 'shop/db'])).stdout).toBe('~ value\n');
    expect((await coffer(['history', 'shop/db'])).stdout).toMatch(/^1\t\d{4}-.*\n2\t.*\tcurrent\n$/);
    await coffer(['delete', 'shop/db']);
    expect(await coffer(['get', 'shop/db'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('undelete'),
    });
    await coffer(['undelete', 'shop/db']);
    expect((await coffer(['get', 'shop/db'])).stdout).toBe('two');
    await coffer(['rollback', 'shop/db']);
    expect((await coffer(['get', 'shop/db'])).stdout).toBe('one');
    await coffer(['put', 'shop/web', 'password=changed', '--patch']);
    expect(JSON.parse((await coffer(['get', 'shop/web', '--format', 'json'])).stdout)).toEqual({
      user: 'app',
      password: 'changed',
    });
  });

  it('comes back byte for byte, whatever it is', async () => {
    const values = [
      Buffer.from([0, 255, 254, 10]),
      Buffer.from('{"a":"b"}'),
      Buffer.from('a\r\nb\n'),
      Buffer.from('@x'),
    ];
    for (const format of ['coffer', 'credstash', 'credsmash']) {
      for (const [index, stdin] of values.entries()) {
        const scene = { stdin, env: { COFFER_SAFE: `${safe}&format=${format}` } };
        expect((await coffer(['put', `v/${format}/${index}`], scene)).code).toBe(0);
        expect((await coffer(['get', `v/${format}/${index}`])).bytes.equals(stdin)).toBe(true);
      }
    }
  });

  it('runs programs, is exported and imported', async () => {
    await coffer(['put', 'app/db', 'user=app', 'password=s3cret']);
    await coffer(['put', 'app/key', 'k-1']);
    expect(JSON.parse((await coffer(['export', 'app/', '--as', 'json'])).stdout)).toEqual({
      db: { user: 'app', password: 's3cret' },
      key: { value: 'k-1' },
    });
    const file = join(home, 'all.json');
    expect((await coffer(['export', '/', '--as', 'json', '-o', file])).code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await coffer(['import', file, 'copy/', '--yes']);
    expect((await coffer(['get', 'copy/app/key'])).stdout).toBe('k-1');
    const out = join(home, 'out');
    const ran = await coffer(['exec', 'app/db', '--', 'sh', '-c', `printf %s "$user" > ${out}`]);
    expect(ran).toMatchObject({ code: 0 });
    expect(readFileSync(out, 'utf8')).toBe('app');
  });

  it('moves and is copied with its versions, and nothing is replaced unasked', async () => {
    await coffer(['put', 'a/x', 'one']);
    await coffer(['put', 'a/x', 'two']);
    await coffer(['put', 'a/y', 'why']);
    await coffer(['put', 'b/y', 'there']);
    expect((await coffer(['mv', 'a/x', 'c/x'])).code).toBe(0);
    expect((await coffer(['get', 'a/x'])).code).toBe(3);
    expect((await coffer(['get', 'c/x', '--version', '1'])).stdout).toBe('one');
    expect(await coffer(['cp', 'a/y', 'b/y'])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('b/y'),
    });
    expect((await coffer(['get', 'b/y'])).stdout).toBe('there');
    expect((await coffer(['cp', '--recursive', 'a/', 'b/', '--yes'])).code).toBe(6);
    expect((await coffer(['cp', 'a/y', 'b/y', '--overwrite', '--yes'])).code).toBe(0);
    expect((await coffer(['get', 'b/y'])).stdout).toBe('why');
    // What an interrupted move left is gone on with.
    expect((await coffer(['mv', 'a/y', 'b/y'])).code).toBe(0);
    expect((await coffer(['get', 'a/y'])).code).toBe(3);
  });

  it('is deleted for good and pruned only when somebody says so', async () => {
    for (const value of ['one', 'two', 'three']) await coffer(['put', 'db', value]);
    expect(await coffer(['prune', 'db'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect((await coffer(['prune', 'db', '--dry-run'])).stderr).toContain('version 1, 2 would be destroyed');
    expect((await coffer(['get', 'db', '--version', '1'])).stdout).toBe('one');
    expect((await coffer(['prune', 'db', '--yes'])).code).toBe(0);
    expect((await coffer(['get', 'db', '--version', '1'])).code).toBe(3);
    expect((await coffer(['get', 'db'])).stdout).toBe('three');
    expect((await coffer(['delete', 'db', '--all', '--dry-run'])).stderr).toContain('destroyed for good');
    expect((await coffer(['delete', 'db', '--all'])).code).toBe(2);
    expect((await coffer(['get', 'db'])).stdout).toBe('three');
    expect((await coffer(['delete', 'db', '--all'], { typed: 'y\n', columns: 80 })).code).toBe(0);
    expect((await coffer(['history', 'db'])).code).toBe(3);
    expect((await coffer(['delete', 'db', '--all', '--yes'])).code).toBe(3);
  });

  it('of writers at once none is lost', async () => {
    const codes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => coffer(['put', 'race', `value ${index}`])),
    );
    expect(codes.map(({ code }) => code)).toEqual(Array(8).fill(0));
    const read = await Promise.all(
      Array.from({ length: 8 }, (_, index) => coffer(['get', 'race', '--version', `${index + 1}`])),
    );
    expect(read.map(({ stdout }) => stdout).toSorted()).toEqual(
      Array.from({ length: 8 }, (_, index) => `value ${index}`),
    );
  });
});

describe('what is wrong has a code of its own', () => {
  it.each([
    ['a secret that is not there', ['get', 'none'], {}, 3, 'there is no secret none'],
    [
      'a table that is not there',
      ['get', 'x'],
      { COFFER_SAFE: safe.replace('secrets', 'other') },
      3,
      'table setup',
    ],
    [
      'a key that is not there',
      ['put', 'x', 'y'],
      { COFFER_SAFE: safe.replace('alias/k', 'alias/none') },
      3,
      'alias/none',
    ],
    [
      'an option that there is not',
      ['get', 'x'],
      { COFFER_SAFE: `${safe}&reigon=x` },
      2,
      'did you mean region',
    ],
    ['no table', ['get', 'x'], { COFFER_SAFE: 'credstash://' }, 2, 'credstash://TABLE'],
    ['a context for a server', ['get', 'x', '--context', 'a=b'], { COFFER_SAFE: 'secret' }, 2, '--context'],
    ['a context that is none', ['get', 'x', '--context', 'a'], {}, 2, 'KEY=VALUE'],
    ['a version that is taken', ['put', 'x', 'y', '--cas', '7'], {}, 6, 'version 0'],
    ['a value that is too large', ['put', 'x', '@large'], {}, 2, '409600'],
    ['a name with a line end', ['put', 'a\nb', 'y'], {}, 2, 'control'],
  ])('%s', async (_what, words, more, code, message) => {
    const large = join(home, 'large');
    writeFileSync(large, Buffer.alloc(400 * 1024, 'x'));
    const given = words.map((word) => (word === '@large' ? `@${large}` : word));
    const outcome = await coffer(given, { env: more });
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('a context that is forgotten is named, and one that is wrong is denied', async () => {
    await coffer(['put', 'db', 'one', '--context', 'env=prod-value']);
    expect((await coffer(['get', 'db', '--context', 'env=prod-value'])).stdout).toBe('one');
    expect(await coffer(['get', 'db'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('--context env=… is missing'),
    });
    const wrong = await coffer(['get', 'db', '--context', 'env=other-value']);
    expect(wrong).toMatchObject({ code: 4, stdout: '' });
    expect(wrong.stderr).not.toContain('-value');
  });

  it('an item that somebody changed is of no integrity', async () => {
    await coffer(['put', 'db', 'one']);
    const key = { name: { S: 'db' }, version: { S: '0000000000000000001' } };
    const item = await client().get({ TableName: 'secrets', Key: key });
    await client().put({ TableName: 'secrets', Item: { ...item, contents: { B: Buffer.alloc(40) } } });
    expect(await coffer(['get', 'db'])).toMatchObject({
      code: 7,
      stdout: '',
      stderr: expect.stringContaining('db version 1'),
    });
    await coffer(['put', 'web', 'fine']);
    const all = await coffer(['export', '/', '--as', 'json']);
    expect(all).toMatchObject({ code: 7, stdout: '', stderr: expect.stringContaining('--partial') });
    const some = await coffer(['export', '/', '--as', 'json', '--partial']);
    expect(some).toMatchObject({ code: 7, stderr: expect.stringContaining('db is left out') });
    expect(JSON.parse(some.stdout)).toEqual({ web: { value: 'fine' } });
  });

  it('a data key of another region is denied, and the option that helps is named', async () => {
    await makeKmsKey(moto ?? { endpoint: '' }, 'k', 'us-west-2');
    await coffer(['put', 'db', 'one']);
    const elsewhere = await coffer(['get', 'db'], { env: { COFFER_SAFE: `${safe}&kms_region=us-west-2` } });
    expect(elsewhere).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('kms_region') });
  });

  it('a throttled Query, or PutItem, ends with 9 and gives nothing', async () => {
    await coffer(['put', 'db', 'one']);
    const throttled = async (action: string, words: readonly string[]) => {
      const faulty = await startFaultyAws(moto?.endpoint);
      try {
        faulty.fault = (each) =>
          each === action ? { kind: 'error', status: 400, type: 'ThrottlingException' } : undefined;
        return await coffer(words, { env: { AWS_ENDPOINT_URL: faulty.endpoint } });
      } finally {
        await faulty.close();
      }
    };
    // At once: either is asked for again until its attempts are over, which is seconds of waiting.
    const outcomes = await Promise.all([
      throttled('Query', ['get', 'db']),
      throttled('PutItem', ['put', 'db', 'two']),
    ]);
    const ended = { code: 9, stdout: '', stderr: expect.stringContaining('throttles') };
    expect(outcomes).toMatchObject([ended, ended]);
    expect((await coffer(['get', 'db'])).stdout).toBe('one');
  });

  it('an old format cannot undo a deletion, and says what there is instead', async () => {
    const old = { env: { COFFER_SAFE: `${safe}&format=credstash` } };
    await coffer(['put', 'db', 'one'], old);
    expect(await coffer(['delete', 'db'], old)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--all'),
    });
    expect((await coffer(['get', 'db'], old)).stdout).toBe('one');
  });
});

describe('set-up', () => {
  it('leaves a table that is there as it is, and refuses one of another shape', async () => {
    expect((await coffer(['table', 'setup'])).stderr).toContain('there already');
    await client().createTable({
      TableName: 'other',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    });
    const other = { env: { COFFER_SAFE: safe.replace('secrets', 'other') } };
    expect(await coffer(['table', 'setup'], other)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('another shape'),
    });
  });

  it('makes the table as it is told, and what it says is what is written', async () => {
    const words = ['table', 'setup', '--undelete-days', '7', '--tag', 'team=web'];
    const own = { env: { COFFER_SAFE: safe.replace('secrets', 'own') } };
    expect((await coffer(words, own)).code).toBe(0);
    const table = await client().describeTable('own');
    expect(table).toMatchObject({
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      DeletionProtectionEnabled: true,
    });
    await coffer(['put', 'db', 'x'], own);
    const item = await client().get({
      TableName: 'own',
      Key: { name: { S: 'db' }, version: { S: '0000000000000000001' } },
    });
    expect(item?.['algorithm']).toEqual({ S: 'coffer-1' });
    const { stderr } = await coffer(['delete', 'db'], own).then(() => coffer(['get', 'db'], own));
    const until = Date.parse(/until (\S+)/.exec(stderr)?.[1] ?? '');
    expect(Math.round((until - Date.now()) / 86_400_000)).toBe(7);
    const backups = await askMoto(moto ?? { endpoint: '' }, 'DynamoDB_20120810.DescribeContinuousBackups', {
      TableName: 'own',
    });
    expect(JSON.stringify(backups)).toContain('"PointInTimeRecoveryStatus":"ENABLED"');
  });

  it('waits for a table that is still being made, and refuses one that is being deleted', async () => {
    const faulty = await startFaultyAws(moto?.endpoint);
    const described = (TableStatus: string) => ({
      kind: 'answer' as const,
      body: JSON.stringify({
        Table: {
          TableName: 'secrets',
          TableStatus,
          KeySchema: [
            { AttributeName: 'name', KeyType: 'HASH' },
            { AttributeName: 'version', KeyType: 'RANGE' },
          ],
          AttributeDefinitions: [
            { AttributeName: 'name', AttributeType: 'S' },
            { AttributeName: 'version', AttributeType: 'S' },
          ],
        },
      }),
    });
    try {
      let looks = 0;
      const there = { env: { AWS_ENDPOINT_URL: faulty.endpoint } };
      faulty.fault = (action) =>
        action === 'DescribeTable' && looks++ < 4 ? described('CREATING') : undefined;
      expect(await coffer(['table', 'setup'], there)).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('waiting until it is ready'),
      });
      expect(looks).toBe(5);
      faulty.fault = (action) => (action === 'DescribeTable' ? described('DELETING') : undefined);
      expect(await coffer(['table', 'setup'], there)).toMatchObject({ code: 6 });
    } finally {
      await faulty.close();
    }
  });

  it('of a table for the old programs leaves nothing in it that they would take for a secret', async () => {
    const old = { env: { COFFER_SAFE: safe.replace('secrets', 'old') } };
    const made = await coffer(['table', 'setup', '--format', 'credsmash'], old);
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('format=credsmash') });
    expect((await client().scan({ TableName: 'old' })).items).toEqual([]);
    const words = ['table', 'setup', '--format', 'credstash', '--undelete-days', '7'];
    expect((await coffer(words, old)).code).toBe(2);
  });

  it('asks for a key that is there before it makes anything', async () => {
    const other = { env: { COFFER_SAFE: 'credstash://fresh?region=eu-central-1&key=alias/none' } };
    expect(await coffer(['table', 'setup'], other)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('create-key'),
    });
    expect(await client().describeTable('fresh')).toBeUndefined();
  });
});

describe('doctor', () => {
  it('says what a table holds, and what of it is worth a look', async () => {
    const surroundings = { env: env(), now: () => Date.now() };
    await coffer(['put', 'db', 'one'], { env: { COFFER_SAFE: `${safe}&format=credstash` } });
    const key = { name: { S: 'db' }, version: { S: '0000000000000000001' } };
    const item = await client().get({ TableName: 'secrets', Key: key });
    await client().put({ TableName: 'secrets', Item: { ...item, version: { S: '0000000000000000003' } } });
    await client().put({
      TableName: 'secrets',
      Item: { ...item, version: { S: '2' }, digest: { S: 'MD5' } },
    });
    await client().put({ TableName: 'secrets', Item: { ...item, name: { S: 'odd' }, version: { S: 'v5' } } });
    const findings = await checkTable(safe, surroundings);
    const text = findings.map(({ check, message }) => `${check}: ${message}`).join('\n');
    expect(text).toContain('2 secrets, 4 versions: 4 in the format of credstash');
    expect(text).toMatch(/versions: credstash and its ports take an older version for the latest of "db"/);
    expect(text).toMatch(/versions that are no numbers: "odd"/);
    expect(text).toMatch(/digest of yesterday: "db"/);
    const missing = await checkTable(safe.replace('secrets', 'none'), surroundings);
    expect(missing).toMatchObject([{ level: 'fail', check: 'table' }]);
  });
});

describe('iam-policy', () => {
  it('prints the least for a role', async () => {
    const { stdout, code } = await coffer([
      'iam-policy',
      'reader',
      '--account',
      '111122223333',
      '--context',
      'env=prod',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'Table',
          Effect: 'Allow',
          Action: ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'],
          Resource: 'arn:aws:dynamodb:eu-central-1:111122223333:table/secrets',
        },
        {
          Sid: 'DataKeys',
          Effect: 'Allow',
          Action: ['kms:Decrypt'],
          Resource: 'arn:aws:kms:eu-central-1:111122223333:key/*',
          Condition: {
            StringEquals: { 'kms:EncryptionContext:env': 'prod' },
            'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/k' },
          },
        },
      ],
    });
    const writer = (await coffer(['iam-policy', 'writer'])).stdout;
    expect(writer).not.toMatch(/Decrypt|DeleteItem|BatchGet/);
  });

  it('threat 27: prints the least for the engine aws, and for no more than is asked', async () => {
    const arn = 'arn:aws:iam::111122223333:role/Admin';
    const words = ['iam-policy', 'aws-engine', '--use', 'assumed_role', '--role-arn', arn];
    expect(JSON.parse((await coffer(words)).stdout)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'AssumeRoles',
          Effect: 'Allow',
          Action: ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'],
          Resource: [arn],
        },
      ],
    });
    const boundary = 'arn:aws:iam::111122223333:policy/bound';
    const made = await coffer([
      'iam-policy',
      'aws-engine',
      '--use',
      'iam_user',
      '--user-path',
      '/made/',
      '--boundary',
      boundary,
    ]);
    const { Statement } = JSON.parse(made.stdout) as {
      readonly Statement: readonly { readonly [member: string]: unknown }[];
    };
    expect(Statement[0]).toMatchObject({
      Resource: ['arn:aws:iam::*:user/made/*'],
      Condition: { StringEquals: { 'iam:PermissionsBoundary': boundary } },
    });
    expect(made.stdout).not.toMatch(/"\*"|AssumeRole/);
    expect((await coffer(['iam-policy', 'aws-engine'])).stdout).toContain(`user/$${'{aws:username}'}`);
  });

  it('threat 25: of an account that is not known it allows the keys of no other', async () => {
    const policy = JSON.parse((await coffer(['iam-policy', 'reader'])).stdout) as {
      readonly Statement: readonly { readonly Sid: string; readonly [member: string]: unknown }[];
    };
    expect(policy.Statement.find(({ Sid }) => Sid === 'DataKeys')).toMatchObject({
      Condition: { StringEquals: { 'aws:ResourceAccount': `$${'{aws:PrincipalAccount}'}` } },
    });
  });

  it('threat 25: a writer without values cannot choose the data key of others', async () => {
    const { Statement: own } = JSON.parse((await coffer(['iam-policy', 'writer'])).stdout) as {
      readonly Statement: readonly { readonly Sid: string; readonly [member: string]: unknown }[];
    };
    expect(own.find(({ Sid }) => Sid === 'DataKeys')).toMatchObject({
      Condition: { Null: { 'kms:EncryptionContext:coffer:epoch': 'true' } },
    });
    expect(own.find(({ Sid }) => Sid === 'TablesOwn')).toMatchObject({
      Effect: 'Deny',
      Action: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
      Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:LeadingKeys': ['!coffer'] } },
    });
    const shared = (await coffer(['iam-policy', 'writer', '--shared-keys'])).stdout;
    expect(shared).toContain('kms:Decrypt');
    expect(shared).not.toMatch(/Deny|coffer:epoch/);
  });

  it.each([
    [['iam-policy', 'root'], 'reader, writer, admin'],
    [['iam-policy', 'aws-engine', '--use', 'all'], '--use is one of: assumed_role, iam_user'],
    [['iam-policy', 'aws-engine', '--role-arn', '*'], '--role-arn is the ARN'],
    [['iam-policy', 'aws-engine', '--user-path', 'a'], '--user-path'],
    [['iam-policy', 'aws-engine', '--boundary', 'a'], '--boundary'],
    [['iam-policy', 'reader', '--account', '12'], 'twelve'],
    [['iam-policy', 'reader', '--safe', 'secret'], 'credstash://TABLE'],
  ])('%j is refused', async (words, message) => {
    expect(await coffer(words)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});
