/** A store in DynamoDB that is not to be had: what is said at its opening, and that nothing is made of what is somebody else's. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import { parseDynamoAddress } from '../../src/storage/dynamodb/address.ts';
import { type DynamoOptions, openDynamoStorage } from '../../src/storage/dynamodb/dynamodb.ts';
import { bytes, key } from '../../src/storage/opened-storage.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { type AwsFault, type FaultyAws, startFaultyAws } from '../fakes/faulty-aws.ts';
import { startDynamoLocal } from '../setup/dynamodb-local.ts';

const local = await startDynamoLocal();
const denied: AwsFault = { kind: 'error', status: 400, type: 'AccessDeniedException' };

describe.skipIf(local === undefined)('a store in DynamoDB, at its opening', () => {
  if (local === undefined) return;
  let faulty: FaultyAws;
  let url: string;
  const opened: Storage[] = [];

  beforeAll(async () => {
    faulty = await startFaultyAws(local.endpoint);
  });
  afterEach(async () => {
    faulty.fault = () => undefined;
    await Promise.all(opened.splice(0).map((storage) => storage.close()));
  });
  afterAll(async () => {
    await faulty.close();
    await local.close();
  });

  async function open(wish: Partial<DynamoOptions> & { readonly at?: string } = {}): Promise<Storage> {
    const { at = url, ...rest } = wish;
    const address = parseDynamoAddress(at);
    const env = local?.env ?? {};
    const storage = await openDynamoStorage({ address, create: true, env, jitter: () => 0.01, ...rest });
    opened.push(storage);
    return storage;
  }

  const always = (action: string, fault: AwsFault) => {
    faulty.fault = (asked) => (asked === action ? fault : undefined);
  };

  const table = (fields: JsonObject): AwsFault => ({
    kind: 'answer',
    body: JSON.stringify({ Table: { TableStatus: 'ACTIVE', ...shape('root', 'key'), ...fields } }),
  });
  const shape = (hash: string, range: string) => ({
    KeySchema: [
      { AttributeName: hash, KeyType: 'HASH' },
      { AttributeName: range, KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [hash, range].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
  });

  it.each([
    ['CREATING', 'unavailable', 'being made'],
    ['DELETING', 'store_unusable', 'being deleted'],
    ['INACCESSIBLE_ENCRYPTION_CREDENTIALS', 'store_unusable', 'KMS key'],
    ['ARCHIVED', 'store_unusable', 'archived'],
    ['SOMETHING_NEW', 'unavailable', 'SOMETHING_NEW, not ACTIVE'],
  ])('refuses a table that is %s', async (TableStatus, code, said) => {
    url = local.url(faulty.endpoint);
    always('DescribeTable', table({ TableStatus }));
    await expect(open({ create: false })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(said),
    });
  });

  it('refuses the tables of others', async () => {
    url = local.url(faulty.endpoint);
    always('DescribeTable', table(shape('name', 'version')));
    await expect(open()).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringMatching(/table of secrets.*credstash/),
    });
    always('DescribeTable', table(shape('pk', 'sk')));
    await expect(open()).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('pk HASH S, sk RANGE S'),
    });
  });

  it('refuses one of a newer format, and one that holds something else', async () => {
    url = local.url(faulty.endpoint);
    const item = (Item: JsonObject): AwsFault => ({ kind: 'answer', body: JSON.stringify({ Item }) });
    await (await open()).close();
    always('GetItem', item({ format: { N: '2' } }));
    await expect(open()).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('format 2'),
    });
    // There are items, and none says what they are.
    always('GetItem', { kind: 'answer', body: '{}' });
    await expect(open()).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('something else'),
    });
  });

  it.each(['DescribeTable', 'GetItem', 'Query', 'PutItem', 'TransactWriteItems'])(
    'names the right that is missing: %s',
    async (action) => {
      url = local.url(faulty.endpoint);
      await (await open()).close();
      always(action, denied);
      await expect(open()).rejects.toMatchObject({
        code: 'store_unusable',
        message: expect.stringContaining(`denies dynamodb:${action} on table`),
      });
    },
  );

  it('finds no table in another region, and says which it asked', async () => {
    url = local.url(faulty.endpoint);
    await (await open()).close();
    const elsewhere = url.replace('eu-central-1', 'eu-west-3');
    await expect(open({ at: elsewhere, create: false })).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringMatching(/region=eu-west-3.*no such table/),
    });
  });

  it('goes on with a table whose making was told to nobody', async () => {
    url = local.url(faulty.endpoint);
    let lost = false;
    faulty.fault = (action) => {
      if (action !== 'CreateTable' || lost) return undefined;
      lost = true;
      return { kind: 'lose' };
    };
    const storage = await open();
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    expect((await storage.read(key('a')))?.value).toEqual(bytes('1'));
  });

  it('makes a table that is hard to lose, and says where it could not', async () => {
    const asked: JsonObject[] = [];
    const told: string[] = [];
    url = `${local.url(faulty.endpoint).replace('&recovery=off', '')}&kms_key=alias/store&tag=team=blue`;
    faulty.fault = (action, body) => {
      if (action === 'CreateTable') asked.push(body);
      return action === 'UpdateContinuousBackups' ? denied : undefined;
    };
    await open({ log: (message) => told.push(message) });
    expect(asked).toEqual([
      expect.objectContaining({
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled: true,
        SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: 'alias/store' },
        Tags: [{ Key: 'team', Value: 'blue' }],
      }),
    ]);
    expect(told).toContain('point-in-time recovery of the table could not be turned on');
  });
});
