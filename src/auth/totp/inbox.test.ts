import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, auditText, makePlace, makeToken, type Place, storedText } from '../../../test/fakes/client.ts';
import { type FaultyAws, startFaultyAws } from '../../../test/fakes/faulty-aws.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { askMoto, makeKmsKey, testRegion } from '../../../test/fakes/moto-calls.ts';
import { Sinks } from '../../../test/fakes/sink-notifier.ts';
import { Device, logIn, makeAccount } from '../../../test/fakes/totp-place.ts';
import { startMoto } from '../../../test/setup/moto.ts';
import { call, output, temporaryHome } from '../../cli/cli.fixture.ts';
import { run } from '../../cli/run.ts';
import { draftRequest } from '../../inbox/draft.ts';
import { parseInboxAddress } from '../../inbox/inbox-address.ts';
import { type InboxServices, openInbox } from '../../inbox/inbox-table.ts';
import type { JsonObject } from '../../json.ts';
import type { CofferNode } from '../../main/node.ts';
import { totpWith } from './totp.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

/** AWS has a clock of its own, by which signatures are judged. */
const start = Math.floor(Date.now() / 60_000) * 60_000;
let tables = 0;

describe.skipIf(moto === undefined)('an inbox', () => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  let way: FaultyAws;
  let place: Place;
  let node: CofferNode;
  let sinks: Sinks;
  let table: string;
  let writer: InboxServices;
  beforeAll(async () => {
    way = await startFaultyAws(given.endpoint);
    await makeKmsKey(given, 'inbox');
    await makeKmsKey(given, 'other');
  });
  afterAll(() => way.close());
  const env = () => ({ ...given.env, AWS_ENDPOINT_URL: way.endpoint, AWS_REGION: testRegion });
  const dynamo = (action: string, body: JsonObject) =>
    askMoto(given, `DynamoDB_20120810.${action}`, { TableName: table, ...body });

  beforeEach(async () => {
    way.fault = () => undefined;
    table = `inbox-${tables++}`;
    const keys = { issuer: 'HASH', account_name: 'RANGE' };
    await dynamo('CreateTable', {
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Object.keys(keys).map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: Object.entries(keys).map(([AttributeName, KeyType]) => ({ AttributeName, KeyType })),
    });
    writer = openInbox(parseInboxAddress(`dynamodb:${table}`, 'alias/inbox'), { env: env() });
    sinks = new Sinks();
    const places = { env: env(), endpoints: [], profiles: [], deadline: 5_000 };
    place = await makePlace({
      clock: new HandClock(start),
      authMethods: [totpWith({ places })],
      notifiers: { types: new Map([['sink', sinks.type]]), configured: [] },
    });
    node = await place.node();
    await ask(node, 'update', 'sys/auth/totp', { type: 'totp' });
    await ask(node, 'update', 'sys/notifiers/all', { type: 'sink', options: { to: 'all' } });
    expect(await configure()).toBe(204);
  });
  afterEach(async () => {
    writer.close();
    await place.remove();
  });

  const configure = async (more: JsonObject = {}) => {
    const sent = { table, key: 'alias/inbox', allowed_roles: 'Admin,Audit', token_policies: 'sts', ...more };
    return (await ask(node, 'update', 'auth/totp/config/inbox', sent)).status;
  };
  const take = (fields: JsonObject = {}) => ask(node, 'update', 'auth/totp/inbox/take', fields);
  const items = async () => (await dynamo('Scan', {}))['Items'] as readonly JsonObject[];

  /** A request that waits, and the device that it is of. */
  async function request(
    account: string,
    { roles = ['Admin'], authorizers = [] as string[], issuer = 'acme', key = 'alias/inbox' } = {},
  ): Promise<Device> {
    const wish = { issuer, account, roles, authorizers, createdAt: start };
    const draft = await draftRequest(writer.kms, key, wish);
    await writer.table.create(draft.waiting);
    return Device.of(place.clock, draft.url);
  }

  /** `coffer sts enroll --inbox`, by somebody who looks at the secret and types what the device shows. */
  async function enrollByHand(words: readonly string[], wrong = false) {
    const stdout = output();
    const stderr = output();
    const stdin = new PassThrough();
    let device: Device | undefined;
    stdout.stream.on('data', (chunk: Buffer) => {
      const url = /otpauth:\S+/.exec(chunk.toString())?.[0];
      if (url === undefined) return;
      device = Device.of(place.clock, url);
      stdin.end(`${device.code(-30)}\n${wrong ? device.wrong() : device.code()}\n`);
    });
    const code = await run(['sts', 'enroll', '--show-url', ...words], {
      env: { ...env(), HOME: temporaryHome() },
      stdin,
      stdout: stdout.stream,
      stderr: stderr.stream,
      interrupt() {},
      now: () => place.clock.now(),
      pause: async () => {},
    });
    return { code, device, stderr: stderr.bytes().toString() };
  }

  const ann = ['--issuer', 'acme', '--account-name', 'ann', '--roles', 'Admin'];
  const where = () => ['--inbox', `dynamodb:${table}?region=${testRegion}`, '--key', 'alias/inbox'];

  it('goes from a command with no server to a login by code', async () => {
    const wrong = await enrollByHand([...ann, ...where()], true);
    expect(wrong.code).not.toBe(0);
    expect(await items()).toEqual([]);
    const { code, device, stderr } = await enrollByHand([...ann, ...where()]);
    expect(stderr).toContain(`waits in ${table}`);
    expect(code).toBe(0);
    expect((await ask(node, 'read', 'auth/totp/inbox')).data).toEqual({
      waiting: [
        {
          issuer: 'acme',
          account: 'ann',
          roles: ['Admin'],
          authorizers: [],
          created_time: new Date(start).toISOString(),
        },
      ],
      unreadable: 0,
    });
    expect((await take()).data).toEqual({
      taken: [{ issuer: 'acme', account: 'ann', roles: ['Admin'] }],
      finished: [],
      refused: [],
      unreadable: 0,
    });
    expect(await items()).toEqual([]);
    place.clock.jump(60);
    const login = await logIn(node, 'ann', device?.code() ?? '', { role: 'Admin' });
    expect(login.errors).toEqual([]);
    expect(login.auth).toMatchObject({ tokenPolicies: ['default', 'sts'], metadata: { role: 'Admin' } });
    expect((await take()).data).toMatchObject({ taken: [], refused: [], unreadable: 0 });
  });

  it('threat 04: codes that were shown before it was taken over log nobody in', async () => {
    const device = await request('ann');
    await take();
    for (const off of [-30, 0, 30])
      expect((await logIn(node, 'ann', device.code(off))).status, `${off}`).toBe(400);
  });

  it('says who took what, and what became of it, in the audit log and in notices', async () => {
    await request('ann');
    await request('eve', { roles: ['Owner'] });
    await take();
    for (let turns = 0; turns < 10_000 && sinks.letters('all').length < 2; turns++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(sinks.kinds('all').toSorted()).toEqual(['enrolment.refused', 'enrolment.taken']);
    const taken = sinks.letters('all').find(({ kind }) => kind === 'enrolment.taken');
    expect(taken?.fields).toMatchObject({ issuer: 'acme', account: 'ann', roles: 'Admin', by: 'root' });
    const line = auditText(place.auditDirectory)
      .split('\n')
      .find((each) => each.includes('"response"') && each.includes('inbox/take'));
    expect(line).toMatch(/"taken":\[\{[^\]]*"ann"/);
  });

  it('leaves an account that is there as it is, and takes the request away', async () => {
    const bob = await makeAccount(node, place.clock, 'bob', { roles: 'Audit' });
    const before = (await ask(node, 'read', 'auth/totp/accounts/acme/bob')).data;
    await request('bob');
    await request('BOB');
    const { data } = await take();
    expect(data).toMatchObject({ taken: [], unreadable: 0 });
    expect(data['refused']).toEqual(
      expect.arrayContaining([
        {
          issuer: 'acme',
          account: 'bob',
          reason: expect.stringContaining('there is an account of this name'),
        },
        { issuer: 'acme', account: 'BOB', reason: expect.stringContaining('looks like this one') },
      ]),
    );
    expect(await items()).toEqual([]);
    expect((await ask(node, 'read', 'auth/totp/accounts/acme/bob')).data).toEqual(before);
    expect((await logIn(node, 'bob', bob.code())).status).toBe(200);
  });

  it('threat 27: no request gets a role that is not listed, and none at all unless some are', async () => {
    await request('ann', { roles: ['Admin', 'Owner'] });
    expect((await take()).data).toMatchObject({ taken: [], refused: [{ account: 'ann' }] });
    expect(await configure({ allowed_roles: [] })).toBe(204);
    await request('bob', { roles: ['Admin'] });
    expect((await take()).data).toMatchObject({ taken: [], refused: [{ account: 'bob' }] });
    await request('cat', { roles: [], authorizers: ['bob'] });
    expect((await take()).data).toMatchObject({ taken: [{ account: 'cat' }] });
    expect((await ask(node, 'read', 'auth/totp/accounts/acme/cat')).data).toMatchObject({
      second: 'person',
      authorizers: ['bob'],
      roles: [],
    });
  });

  it('threat 27: whoever may not sudo says neither who comes in nor with which policies', async () => {
    const policy = 'path "auth/totp/*" { capabilities = ["create", "read", "update", "delete"] }';
    await ask(node, 'update', 'sys/policies/acl/helper', { policy });
    const token = await makeToken(node, { policies: ['helper'] });
    const sent = { table, key: 'alias/inbox', token_policies: 'sts' };
    expect((await ask(node, 'update', 'auth/totp/config/inbox', sent, token)).status).toBe(403);
    expect(await configure({ token_policies: 'root' })).toBe(400);
    expect(await configure({ endpoint: 'http://169.254.169.254/' })).toBe(400);
    expect(await configure({ profile: 'admin' })).toBe(400);
    expect(await configure({ key: '' })).toBe(400);
  });

  it('takes nothing that was changed, moved to another account, or wrapped by another key', async () => {
    await request('ann');
    await request('bob');
    await request('cat', { key: 'alias/other' });
    const [one, other] = (await items()).filter(
      ({ account_name: name }) => (name as JsonObject)['S'] !== 'cat',
    );
    if (one === undefined || other === undefined) expect.unreachable();
    const swapped = { ...one, secret: other['secret'] ?? '' };
    const text = String((other['request'] as JsonObject)['S']);
    const widened = { ...other, request: { S: text.replace('["Admin"]', '["Admin","Audit"]') } };
    for (const Item of [swapped, widened]) await dynamo('PutItem', { Item });
    const { data, errors, warnings } = await take();
    expect(errors).toEqual([]);
    // What moto says of another key than the one that is named; AWS has an error of its own for it.
    expect(warnings).toEqual([expect.stringContaining('AWS denies kms:Decrypt')]);
    expect(data).toMatchObject({ taken: [], refused: [], unreadable: 3 });
    expect(await items()).toHaveLength(3);
    for (const name of ['ann', 'bob', 'cat'])
      expect((await ask(node, 'read', `auth/totp/accounts/acme/${name}`)).status, name).toBe(404);
  });

  it('threat 15: items that are no requests are stepped over and left alone, however many or large', async () => {
    const key = (name: string) => ({ issuer: { S: 'acme' }, account_name: { S: name } });
    const strange: JsonObject[] = [
      key('row'),
      { ...key('types'), id: { N: '1' }, request: { M: {} }, secret: { L: [] } },
      { ...key('json'), id: { S: 'x' }, request: { S: '{"version":1,' }, secret: { B: 'AAAA' } },
      { ...key('deep'), id: { S: 'x' }, request: { S: '['.repeat(60_000) }, secret: { B: 'AAAA' } },
      { ...key('huge'), id: { S: 'x' }, request: { S: 'x'.repeat(300_000) }, secret: { B: 'AAAA' } },
      { ...key('null'), request: { S: 'null' }, secret: { B: 'AAAA' } },
      { ...key('\u202eann'), url: { S: 'otpauth://totp/x?secret=AAAA' } },
    ];
    for (const Item of strange) await dynamo('PutItem', { Item });
    await request('a/b');
    await request('e\u0301');
    await request('ann');
    expect((await ask(node, 'read', 'auth/totp/inbox')).data).toMatchObject({
      waiting: [{ account: 'ann' }],
      unreadable: 9,
    });
    const taken: unknown[] = [];
    let after = '';
    do {
      const { data, errors } = await take({ limit: 3, after });
      expect(errors).toEqual([]);
      taken.push(...(data['taken'] as readonly unknown[]));
      after = String(data['next'] ?? '');
    } while (after !== '');
    expect(taken).toEqual([{ issuer: 'acme', account: 'ann', roles: ['Admin'] }]);
    expect(await items()).toHaveLength(9);
    for (const wish of [{ limit: 0 }, { limit: 101 }, { after: '!' }, { after: 'x'.repeat(20_000) }])
      expect((await take(wish)).status, JSON.stringify(wish)).toBe(400);
  });

  it('waits while KMS is away, and changes nothing', async () => {
    await request('ann');
    way.fault = (action) => (action === 'Decrypt' ? { kind: 'drop' } : undefined);
    expect((await take()).status).toBe(503);
    expect(await items()).toHaveLength(1);
    way.fault = () => undefined;
    expect((await take()).data).toMatchObject({ taken: [{ account: 'ann' }] });
  });

  it('goes on where it was cut off, and takes nothing twice', async () => {
    await request('ann');
    way.fault = (action) => (action === 'DeleteItem' ? { kind: 'drop' } : undefined);
    const cut = await take();
    expect(cut.data).toMatchObject({ taken: [{ account: 'ann' }] });
    expect(cut.warnings).toHaveLength(1);
    // Gone by an administrator's hand before the item was.
    await ask(node, 'delete', 'auth/totp/accounts/acme/ann');
    expect((await take()).status).toBe(503);
    way.fault = () => undefined;
    const next = await take();
    expect(next.data).toMatchObject({ taken: [], finished: [{ account: 'ann' }], refused: [] });
    expect(await items()).toEqual([]);
    expect((await ask(node, 'read', 'auth/totp/accounts/acme/ann')).status).toBe(404);
  });

  it('is taken once by many at a time', async () => {
    for (const name of ['ann', 'bob', 'cat']) await request(name);
    const answers = await Promise.all(Array.from({ length: 6 }, () => take()));
    const all = (what: string) => answers.flatMap(({ data }) => data[what] as readonly unknown[]);
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(all('taken')).toHaveLength(3);
    expect(all('refused')).toEqual([]);
    expect(await items()).toEqual([]);
  });

  it('threat 16: has no secret in the clear, in the table, the store or the log', async () => {
    const device = await request('ann');
    const wrapped = JSON.stringify(await items());
    await take();
    for (const form of [device.key.toString('base64'), device.key.toString('hex'), device.url.slice(-32)])
      for (const text of [
        wrapped,
        await storedText(place.storage),
        auditText(place.auditDirectory),
        JSON.stringify(sinks.letters('all')),
      ])
        expect(text).not.toContain(form);
  });

  it('has one request of an account at a time, and says how a table is made', async () => {
    await request('ann');
    await expect(request('ann')).rejects.toMatchObject({ code: 'conflict' });
    const missing = parseInboxAddress('dynamodb:nowhere', 'alias/inbox');
    const elsewhere = openInbox(missing, { env: env() });
    await expect(elsewhere.table.check()).rejects.toThrow('aws dynamodb create-table --table-name nowhere');
    elsewhere.close();
  });

  it.each([
    [['--inbox', 'dynamodb:t-t'], '--inbox and --key go together'],
    [['--inbox', 'consul:x', '--key', 'alias/inbox'], 'dynamodb:TABLE'],
    [['--inbox', 'dynamodb:t-t?color=red', '--key', 'alias/inbox'], 'has no option "color"'],
    [['--inbox', 'dynamodb:t-t', '--key', 'alias/inbox', '--recover'], 'need the server'],
    [['--inbox', 'dynamodb:t-t', '--key', 'alias/inbox', '--policies', 'root'], 'config/inbox'],
    [['--inbox', 'dynamodb:t-t', '--key', 'alias/inbox', '--second', 'person'], '--secondary-authorizers'],
  ])('refuses on the command line: %j', async (words, message) => {
    const outcome = await call(['sts', 'enroll', ...ann, ...words], { env: { HOME: temporaryHome() } });
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(2);
  });
});
