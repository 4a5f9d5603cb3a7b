/**
 * Tables as they are made, on moto: it knows recovery, tags, keys and rights, which DynamoDB Local does not. It takes 25 keys in a
 * multi-get where DynamoDB takes 100, and keeps no two transactions apart, so the contract is not run on it.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { askMoto, makeIamUser, makeKmsKey } from '../../../test/fakes/moto-calls.ts';
import { type MotoOptions, startMoto } from '../../../test/setup/moto.ts';
import type { JsonObject } from '../../json.ts';
import { bytes, key } from '../opened-storage.ts';
import { parseDynamoAddress } from './address.ts';
import { openDynamoStorage } from './dynamodb.ts';

const moto = await startMoto();
/** Making a user and its keys is three calls that nobody has to be allowed. */
const strict = await startMoto({ freeCalls: 2 } satisfies MotoOptions);
afterAll(async () => {
  await moto?.close();
  await strict?.close();
});

describe.skipIf(moto === undefined)('the table of a store', () => {
  if (moto === undefined || strict === undefined) return;
  const told: string[] = [];
  const log = (message: string) => told.push(message);
  const open = (query: string, wish: { readonly create: boolean; readonly readOnly?: boolean }) => {
    const address = parseDynamoAddress(`dynamodb:${query}`);
    return openDynamoStorage({ address, env: moto.env, log, ...wish });
  };
  const describeTable = async (TableName: string) =>
    (await askMoto(moto, 'DynamoDB_20120810.DescribeTable', { TableName }))['Table'] as JsonObject;

  it('is made when that is asked for, hard to lose, and by nobody else', async () => {
    const table = `t-${randomUUID()}`;
    const place = `${table}?region=eu-central-1&tag=team=blue`;
    await expect(open(place, { create: false })).rejects.toMatchObject({ code: 'store_unusable' });
    await expect(describeTable(table)).rejects.toThrowError(/ResourceNotFound/);
    const storage = await open(place, { create: true });
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    await storage.close();
    expect(told).toEqual(['making the table of the store']);
    const made = await describeTable(table);
    expect(made).toMatchObject({
      TableStatus: 'ACTIVE',
      DeletionProtectionEnabled: true,
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    });
    const backups = await askMoto(moto, 'DynamoDB_20120810.DescribeContinuousBackups', { TableName: table });
    expect(backups).toMatchObject({
      ContinuousBackupsDescription: {
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'ENABLED' },
      },
    });
    const tags = await askMoto(moto, 'DynamoDB_20120810.ListTagsOfResource', {
      ResourceArn: String(made['TableArn']),
    });
    expect(tags['Tags']).toEqual([{ Key: 'team', Value: 'blue' }]);
  });

  it('is made as the address says, and left as it is afterwards', async () => {
    await makeKmsKey(moto, 'of-a-store');
    const table = `t-${randomUUID()}`;
    const off = `${table}?region=eu-central-1&recovery=off&deletion_protection=off&kms_key=alias/of-a-store`;
    await (await open(off, { create: true })).close();
    await (await open(`${table}?region=eu-central-1&tag=late=1`, { create: true })).close();
    const made = await describeTable(table);
    expect(made).toMatchObject({
      DeletionProtectionEnabled: false,
      SSEDescription: { Status: 'ENABLED', SSEType: 'KMS' },
    });
    const backups = await askMoto(moto, 'DynamoDB_20120810.DescribeContinuousBackups', { TableName: table });
    expect(backups).toMatchObject({
      ContinuousBackupsDescription: {
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'DISABLED' },
      },
    });
  });

  it('that is there and empty becomes a store by request only, and one to be read only takes nothing', async () => {
    const table = `t-${randomUUID()}`;
    const names = ['root', 'key'];
    await askMoto(moto, 'DynamoDB_20120810.CreateTable', {
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: names.map((AttributeName, index) => ({
        AttributeName,
        KeyType: ['HASH', 'RANGE'][index] ?? '',
      })),
    });
    const place = `${table}?region=eu-central-1`;
    for (const how of [{ create: false }, { create: true, readOnly: true }]) {
      await expect(open(place, how)).rejects.toMatchObject({
        code: 'store_unusable',
        message: expect.stringContaining('no store in this table'),
      });
    }
    await (await open(place, { create: true })).close();
    const reader = await open(place, { create: false, readOnly: true });
    await expect(reader.commit([{ key: key('a'), value: bytes('1') }])).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(await reader.read(key('a'))).toBeUndefined();
    await reader.close();
  });

  it('is not asked for by who has no rights', async () => {
    const env = { ...strict.env, ...(await makeIamUser(strict, 'nobody')) };
    const address = parseDynamoAddress('dynamodb:some-table?region=eu-central-1');
    await expect(openDynamoStorage({ address, env, create: true })).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('denies dynamodb:DescribeTable on table some-table'),
    });
  });
});
