import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyAws, startFaultyAws } from '../../../test/fakes/faulty-aws.ts';
import { askMoto, makeKmsKey, testRegion } from '../../../test/fakes/moto-calls.ts';
import { type Moto, resetMoto, startMoto } from '../../../test/setup/moto.ts';
import type { Clock } from '../../clock.ts';
import { homeNames } from '../../config/aws-home.ts';
import { systemRandom } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { openConfiguredSeals } from '../configured-seals.ts';
import { storagePlace } from '../storage-place.ts';
import { findOrMakeHome, type Home, type HomeWish } from './home.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

/** A clock that runs as much faster than the wall's, and pauses with it: nothing is asked of it but that a minute passes. */
const haste = 20;
const fast: Clock = {
  now: () => Date.now(),
  steady: () => performance.now() * haste,
  after: () => ({ [Symbol.dispose]: () => undefined }),
};

const names = homeNames('test');

function wish(env: Readonly<Record<string, string>>, said: string[] = []): HomeWish {
  return {
    names,
    storage: undefined,
    distinguished: ['dssssadmin'],
    env: { ...env, AWS_REGION: testRegion },
    clock: fast,
    random: systemRandom,
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds / haste)),
    say: (text) => void said.push(text),
  };
}

it.each(['', 'A', 'a/b', '-a', 'a-', 'ä', 'a'.repeat(64), 'a b'])('is not named %j', (name) => {
  expect(() => homeNames(name)).toThrow(expect.objectContaining({ code: 'usage' }));
});

describe.skipIf(moto === undefined)('a home at AWS', () => {
  const given: Moto = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  const start = (said?: string[]) => findOrMakeHome(wish(given.env, said));
  const kms = (action: string, body: JsonObject = {}) => askMoto(given, `TrentService.${action}`, body);
  const dynamo = (action: string, body: JsonObject = {}) =>
    askMoto(given, `DynamoDB_20120810.${action}`, body);
  const ssm = (action: string, body: JsonObject) => askMoto(given, `AmazonSSM.${action}`, body);
  beforeEach(() => resetMoto(given));

  /** What an account has of it, and whether the key opens the store. */
  async function requireOne(home: Home): Promise<void> {
    expect((await kms('ListKeys'))['Keys']).toHaveLength(1);
    expect((await dynamo('ListTables'))['TableNames']).toEqual([names.table]);
    const { Parameters } = await ssm('GetParametersByPath', { Path: names.folder });
    const told = Object.fromEntries((Parameters as JsonObject[]).map(({ Name, Value }) => [Name, Value]));
    expect(told).toEqual({
      [names.keyParameter]: home.seal.replace('awskms:', ''),
      [names.placeParameter]: `dynamodb:${names.table}?region=${testRegion}`,
      [names.storeParameter]: home.storeId,
    });
    const KeyId = String(told[names.keyParameter]);
    expect(await kms('GetKeyRotationStatus', { KeyId })).toMatchObject({ KeyRotationEnabled: true });
    await requireAdministrator(home);
  }

  /** Whoever made the store, and however often: its own four mounts, `aws/` and `secret/`, and the policy once. */
  async function requireAdministrator(home: Home): Promise<void> {
    const place = storagePlace(home.storage, '/');
    const storage = await place.open({ create: false, env: given.env, log: () => undefined });
    const names = async (prefix: string) =>
      (await storage.range(prefix, { limit: 100 })).items.map(({ key }) => key.slice(prefix.length));
    expect(await names('core/mount/')).toHaveLength(6);
    expect(await names('core/policy/')).toEqual(['administrator', 'default']);
    const own = (await names('mount/')).map((key) => key.replace(/^[^/]+\//, ''));
    expect(own.toSorted()).toEqual([
      'config',
      'config/client',
      'config/identity',
      'role/account',
      'role/dssssadmin',
    ]);
    await storage.close();
  }

  it('is made once, as it should be, and found from then on', async () => {
    const said: string[] = [];
    const first = await start(said);
    expect(first.isNew).toBe(true);
    expect(said).toEqual([
      `making the KMS key ${names.alias}`,
      expect.stringContaining('making the store in'),
    ]);
    expect(await start(said)).toEqual({ ...first, isNew: false });
    expect(said).toHaveLength(2);
    await requireOne(first);
    const { Tags } = await kms('ListResourceTags', { KeyId: names.alias }).catch(() =>
      kms('ListResourceTags', { KeyId: first.seal.replace('awskms:', '') }),
    );
    expect(Tags).toEqual([{ TagKey: 'coffer-server', TagValue: 'test' }]);
    expect((await dynamo('DescribeTable', { TableName: names.table }))['Table']).toMatchObject({
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      DeletionProtectionEnabled: true,
    });
    expect(await dynamo('DescribeContinuousBackups', { TableName: names.table })).toMatchObject({
      ContinuousBackupsDescription: {
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'ENABLED' },
      },
    });
  });

  it('is the same for those who begin together', async () => {
    const homes = await Promise.all([persist(), persist(), persist()]);
    const [first] = homes;
    if (first === undefined) throw new Error('nobody started');
    for (const home of homes) expect(home).toMatchObject({ seal: first.seal, storeId: first.storeId });
    expect(homes.filter(({ isNew }) => isNew)).toHaveLength(1);
    await requireOne(first);
  });

  it('takes a key that somebody has made for it', async () => {
    const keyId = await makeKmsKey(given, 'coffer-test');
    const home = await start();
    expect(home.seal).toMatch(new RegExp(`^awskms:arn:.*/${keyId}$`));
    await requireOne(home);
  });

  /** Begins, and is killed at the n-th call of an action: before it is done, or after. */
  async function killed(action: string, count: number, before: boolean): Promise<boolean> {
    const faulty = await startFaultyAws(given.endpoint);
    let left = count;
    let kill: (dead: boolean) => void = () => undefined;
    const dead = new Promise<boolean>((resolve) => {
      kill = resolve;
    });
    faulty.fault = (called) => {
      if (left === 0) return { kind: 'hang' };
      if (called !== action || --left > 0) return undefined;
      if (!before) return { kind: 'lose' };
      kill(true);
      return { kind: 'hang' };
    };
    const watched = faulty.fault;
    faulty.fault = (called, body) => {
      // Whatever comes after the one that was lost was not heard of by anybody.
      if (left === 0) kill(true);
      return watched(called, body);
    };
    const ran = findOrMakeHome(wish({ ...given.env, AWS_ENDPOINT_URL: faulty.endpoint })).then(
      () => false,
      () => true,
    );
    const outcome = await Promise.race([dead, ran]);
    await faulty.close();
    return outcome;
  }

  /** Begun anew as a supervisor does it, where a slow machine had a turn run out. */
  async function persist(tries = 5): Promise<Home> {
    try {
      return await start();
    } catch (error) {
      if (tries === 0 || !(error instanceof CofferError) || error.code !== 'unavailable') throw error;
      return persist(tries - 1);
    }
  }

  it.each([
    ['before', 'CreateKey', 1],
    ['after', 'CreateKey', 1],
    ['before', 'CreateAlias', 1],
    ['after', 'CreateTable', 1],
    ['after', 'PutParameter', 3],
    ['before', 'PutParameter', 4],
    ['before', 'GetCallerIdentity', 1],
    ['after', 'TransactWriteItems', 1],
  ] as const)('is one when it is killed %s %s (%i), and two begin again', async (when, action, count) => {
    expect(await killed(action, count, when === 'before')).toBe(true);
    const [one, two] = await Promise.all([persist(), persist()]);
    expect(one).toMatchObject({ seal: two.seal, storeId: two.storeId });
    await requireOne(one);
  });

  it('asks for no second key when the answer to the first was lost', async () => {
    const faulty = await startFaultyAws(given.endpoint);
    faulty.fault = (action) => (action === 'CreateKey' ? { kind: 'lose' } : undefined);
    const home = await findOrMakeHome(wish({ ...given.env, AWS_ENDPOINT_URL: faulty.endpoint }));
    expect(faulty.calls.filter((action) => action === 'CreateKey')).toHaveLength(1);
    await faulty.close();
    await requireOne(home);
  });

  it('goes on at once when making the key was denied', async () => {
    const faulty = await denying(['CreateKey']);
    const outcome = findOrMakeHome(wish({ ...given.env, AWS_ENDPOINT_URL: faulty.endpoint }));
    await expect(outcome).rejects.toMatchObject({ code: 'permission_denied' });
    await faulty.close();
    const said: string[] = [];
    await requireOne(await start(said));
    expect(said.join()).not.toContain('waiting');
  });

  async function denying(actions: readonly string[]): Promise<FaultyAws> {
    const faulty = await startFaultyAws(given.endpoint);
    faulty.fault = (action) =>
      actions.includes(action) ? { kind: 'error', status: 400, type: 'AccessDeniedException' } : undefined;
    return faulty;
  }

  it('threat 16: says all that is denied at once, and makes nothing', async () => {
    const faulty = await denying(['GetParametersByPath', 'DescribeKey', 'DescribeTable']);
    const outcome = await findOrMakeHome(wish({ ...given.env, AWS_ENDPOINT_URL: faulty.endpoint })).catch(
      (error: unknown) => error,
    );
    await faulty.close();
    expect(outcome).toMatchObject({ code: 'permission_denied' });
    const { message } = outcome as Error;
    for (const action of ['ssm:GetParametersByPath', 'kms:DescribeKey', 'dynamodb:DescribeTable']) {
      expect(message).toContain(action);
    }
    expect(message).toContain('coffer iam-policy server --aws --name test');
    expect(message).not.toContain(given.env['AWS_SECRET_ACCESS_KEY']);
    expect((await kms('ListKeys'))['Keys']).toEqual([]);
  });

  it('threat 30: makes no store where one was, and serves none that nobody told of', async () => {
    const home = await start();
    const TableName = names.table;
    await dynamo('UpdateTable', { TableName, DeletionProtectionEnabled: false });
    await dynamo('DeleteTable', { TableName });
    const refused = { code: 'store_unusable', message: expect.stringContaining(names.storeParameter) };
    await expect(start()).rejects.toMatchObject(refused);
    await expect(start()).rejects.toMatchObject({ message: expect.stringContaining(names.table) });
    expect((await dynamo('ListTables'))['TableNames']).toEqual([]);
    await ssm('DeleteParameters', { Names: [names.storeParameter, names.placeParameter] });
    const second = await start();
    expect(second.storeId).not.toBe(home.storeId);
    await ssm('DeleteParameters', { Names: [names.storeParameter, names.placeParameter] });
    await expect(start()).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringMatching(/dynamodb:coffer-test.*holds a store.*\/coffer\/test\/storage/),
    });
  });

  it('threat 30: makes no other key where the one that is named cannot be used', async () => {
    const { seal } = await start();
    const KeyId = seal.replace(/.*\//, '');
    await kms('DisableKey', { KeyId });
    await expect(start()).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining(names.keyParameter),
    });
    expect((await kms('ListKeys'))['Keys']).toHaveLength(1);
  });

  it('threat 30: has a slot of KMS alone, and no root token', async () => {
    const home = await start();
    const { readBoot } = await import('../../seal/boot.ts');
    const place = storagePlace(home.storage, '/');
    const storage = await place.open({ create: false, env: given.env, log: () => undefined });
    const boot = await readBoot(storage);
    if (boot.kind === 'empty') throw new Error('no store');
    expect(boot.slots.map(({ kind }) => kind)).toEqual(['awskms']);
    const [seal] = openConfiguredSeals([home.seal], given.env).seals;
    const [slot] = boot.slots;
    const opened = await seal?.unwrap(slot?.body ?? {}, { storeId: home.storeId, slotId: slot?.id ?? '' });
    expect(opened).toHaveLength(32);
    expect((await storage.range('core/token/', { limit: 10 })).items).toEqual([]);
    await storage.close();
  });
});
