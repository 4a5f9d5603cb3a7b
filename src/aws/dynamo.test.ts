import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FaultyAws, startFaultyAws } from '../../test/fakes/faulty-aws.ts';
import { testRegion } from '../../test/fakes/moto-calls.ts';
import { resetMoto, startMoto } from '../../test/setup/moto.ts';
import type { AttributeMap, CreateTableInput } from './dynamo.ts';
import { dynamoClient } from './dynamo.ts';

const moto = await startMoto();
afterAll(() => moto?.close());

const table = 'things';
const definition: CreateTableInput = {
  TableName: table,
  KeySchema: [
    { AttributeName: 'name', KeyType: 'HASH' },
    { AttributeName: 'version', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: 'name', AttributeType: 'S' },
    { AttributeName: 'version', AttributeType: 'S' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
};
const item = (name: string, version: number, more: AttributeMap = {}): AttributeMap => ({
  name: { S: name },
  version: { S: String(version).padStart(4, '0') },
  ...more,
});

/** A setting that is the SDK's to read, to its usual effect: so both ways are asked the same. */
const ways = [
  ['plainly', {}],
  ['by the SDK', { AWS_USE_FIPS_ENDPOINT: 'false' }],
] as const;

describe.skipIf(moto === undefined).each(ways)('DynamoDB asked %s', (_, way) => {
  const given = moto ?? { endpoint: '', env: {}, pid: 0, close: async () => undefined };
  const env = { ...given.env, AWS_REGION: testRegion, ...way };
  const pauses: number[] = [];
  const surroundings = {
    pause: async (milliseconds: number) => void pauses.push(milliseconds),
    jitter: () => 1,
  };
  const dynamo = dynamoClient({ env }, surroundings);
  afterAll(() => dynamo.close());
  beforeEach(async () => {
    await resetMoto(given);
    await dynamo.createTable(definition);
  });

  it('makes and describes tables', async () => {
    expect(await dynamo.describeTable(table)).toMatchObject({ TableName: table, TableStatus: 'ACTIVE' });
    expect(await dynamo.describeTable('nowhere')).toBeUndefined();
    await expect(dynamo.createTable(definition)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('keeps attributes as they are', async () => {
    const kept = item('a', 1, {
      text: { S: 'ü😀' },
      number: { N: '12345678901234567890.5' },
      bytes: { B: Buffer.from([0, 255, 7]) },
      list: { L: [{ BOOL: true }, { NULL: true }, { M: { inner: { SS: ['x', 'y'] } } }] },
    });
    expect(await dynamo.put({ TableName: table, Item: kept })).toBeUndefined();
    const read = await dynamo.get({ TableName: table, Key: item('a', 1), ConsistentRead: true });
    expect({ ...read, bytes: { B: Buffer.from(read?.['bytes']?.B ?? []) } }).toEqual(kept);
    expect(await dynamo.get({ TableName: table, Key: item('a', 2) })).toBeUndefined();
    const old = await dynamo.delete({ TableName: table, Key: item('a', 1), ReturnValues: 'ALL_OLD' });
    expect(old?.['text']).toEqual({ S: 'ü😀' });
    expect(await dynamo.get({ TableName: table, Key: item('a', 1) })).toBeUndefined();
  });

  it('writes only where the condition holds', async () => {
    const put = () =>
      dynamo.put({
        TableName: table,
        Item: item('a', 1),
        ConditionExpression: 'attribute_not_exists(#name)',
        ExpressionAttributeNames: { '#name': 'name' },
      });
    await put();
    await expect(put()).rejects.toMatchObject({ code: 'conflict', reason: 'conflict' });
    const counted = () =>
      dynamo.update({
        TableName: table,
        Key: item('a', 1),
        UpdateExpression: 'ADD #count :one',
        ExpressionAttributeNames: { '#count': 'count' },
        ExpressionAttributeValues: { ':one': { N: '1' } },
        ReturnValues: 'UPDATED_NEW',
      });
    await counted();
    expect(await counted()).toEqual({ count: { N: '2' } });
  });

  it('does a transaction whole or not at all, and says what stood in the way', async () => {
    const write = (names: readonly string[]) =>
      dynamo.transactWrite({
        TransactItems: names.map((name) => ({
          Put: {
            TableName: table,
            Item: item(name, 1),
            ConditionExpression: 'attribute_not_exists(version)',
          },
        })),
      });
    await write(['a', 'b']);
    await expect(write(['c', 'b'])).rejects.toMatchObject({
      code: 'conflict',
      cancellations: ['None', 'ConditionalCheckFailed'],
    });
    const read = await dynamo.transactGet({
      TransactItems: ['b', 'c'].map((name) => ({ Get: { TableName: table, Key: item(name, 1) } })),
    });
    expect(read).toEqual([item('b', 1), undefined]);
  });

  it('brings every item of a query and a scan, page by page', async () => {
    const all = Array.from({ length: 30 }, (_, index) => item(index < 20 ? 'a' : 'b', index));
    await dynamo.batchWrite(
      table,
      all.map((Item) => ({ PutRequest: { Item } })),
    );
    const query = {
      TableName: table,
      KeyConditionExpression: '#name = :a',
      ExpressionAttributeNames: { '#name': 'name' },
      ExpressionAttributeValues: { ':a': { S: 'a' } },
      Limit: 7,
    };
    const page = await dynamo.query(query);
    expect(page.items).toHaveLength(7);
    expect(page.next).toEqual(all[6]);
    expect(await gather(dynamo.queryAll(query))).toEqual(all.slice(0, 20));
    const scanned = await gather(dynamo.scanAll({ TableName: table, Limit: 11 }));
    expect(new Set(scanned.map((each) => each['version']?.S)).size).toBe(30);
  });

  it('reads and writes more than one batch holds', async () => {
    const all = Array.from({ length: 130 }, (_, index) => item('a', index));
    await dynamo.batchWrite(
      table,
      all.map((Item) => ({ PutRequest: { Item } })),
    );
    const read = await dynamo.batchGet(table, [...all, item('z', 1)], { ConsistentRead: true });
    expect(new Set(read.map((each) => each['version']?.S)).size).toBe(130);
    await dynamo.batchWrite(
      table,
      all.map((Key) => ({ DeleteRequest: { Key } })),
    );
    expect(await dynamo.batchGet(table, all)).toEqual([]);
    await dynamo.batchWrite(table, []);
    expect(await dynamo.batchGet(table, [])).toEqual([]);
  });

  describe('that does batches only in part', () => {
    let faulty: FaultyAws;
    const keys = [item('a', 1), item('a', 2), item('a', 3)];
    const requests = keys.map((Item) => ({ PutRequest: { Item } }));
    const partly = async (
      left: (round: number) => number,
      run: (client: typeof dynamo) => Promise<unknown>,
    ) => {
      faulty = await startFaultyAws(given.endpoint);
      let round = 0;
      faulty.fault = (_, body) => {
        const undone =
          (body['RequestItems'] as Record<string, unknown[]>)[table]?.slice(-left(++round)) ?? [];
        if (left(round) === 0) return undefined;
        return { kind: 'answer', body: JSON.stringify({ UnprocessedItems: { [table]: undone } }) };
      };
      pauses.length = 0;
      const client = dynamoClient({ env, endpoint: faulty.endpoint }, surroundings);
      try {
        return await run(client);
      } finally {
        client.close();
        await faulty.close();
      }
    };

    it('is asked for the rest, after a pause', async () => {
      await partly(
        (round) => [3, 3, 1, 0][round - 1] ?? 0,
        (client) => client.batchWrite(table, requests),
      );
      expect(faulty.calls).toHaveLength(4);
      expect(pauses).toEqual([100, 200, 100]);
      expect(await dynamo.batchGet(table, keys)).toHaveLength(1);
    });

    it('and never gets on is given up as throttled', async () => {
      await expect(
        partly(
          () => 3,
          (client) => client.batchWrite(table, requests),
        ),
      ).rejects.toMatchObject({ code: 'rate_limited', reason: 'throttled' });
      expect(faulty.calls).toHaveLength(9);
    });
  });

  it('says which table there is not', async () => {
    await expect(dynamo.get({ TableName: 'nowhere', Key: item('a', 1) })).rejects.toMatchObject({
      code: 'not_found',
      message: 'DynamoDB has no table nowhere in eu-central-1: check its name, the region and the account',
    });
  });
});

async function gather(items: AsyncGenerator<AttributeMap, void>): Promise<readonly AttributeMap[]> {
  const all: AttributeMap[] = [];
  for await (const each of items) all.push(each);
  return all;
}
