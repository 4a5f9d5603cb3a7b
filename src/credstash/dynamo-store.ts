/** The table in DynamoDB. Every read is consistent, every write is conditional or harmless when it comes twice. */

import { AwsError } from '../aws/aws-error.ts';
import type { AttributeMap, AttributeValue, DynamoClient } from '../aws/dynamo.ts';
import { CofferError } from '../errors.ts';
import type { Item, ItemKey } from './item.ts';
import { type Change, type Expected, type Extent, headAttributes, type ItemStore } from './item-store.ts';

/** Names of attributes are always passed by placeholders: many are reserved words of DynamoDB's expressions. */
const headNames = ['name', 'version', ...headAttributes];
const headProjection = {
  ProjectionExpression: headNames.map((_, index) => `#h${index}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(headNames.map((name, index) => [`#h${index}`, name])),
};

export function dynamoStore(client: DynamoClient, table: string): ItemStore {
  const own = <T>(call: Promise<T>): Promise<T> => call.catch((error: unknown) => fail(error, table));
  return {
    title: table,
    versions: (name, extent, limit) =>
      told(client.queryAll(versionsQuery(table, name, extent, limit)), table),
    scan: (extent) =>
      told(client.scanAll({ TableName: table, ConsistentRead: true, ...projection(extent) }), table),
    read: (key) => own(client.get({ TableName: table, Key: keyMap(key), ConsistentRead: true })),
    readMany: (keys) => own(client.batchGet(table, keys.map(keyMap), { ConsistentRead: true })),
    create: (item) => own(create(client, table, item)),
    change: (key, change, expected) => own(changeItem(client, table, key, change, expected)),
    async remove(key) {
      await own(client.delete({ TableName: table, Key: keyMap(key) }));
    },
    close: () => client.close(),
  };
}

function versionsQuery(table: string, name: string, extent: Extent, limit: number | undefined) {
  const { ExpressionAttributeNames = {}, ...rest } = projection(extent);
  return {
    TableName: table,
    ConsistentRead: true,
    ScanIndexForward: false,
    KeyConditionExpression: '#name = :name',
    ExpressionAttributeNames: { ...ExpressionAttributeNames, '#name': 'name' },
    ExpressionAttributeValues: { ':name': { S: name } },
    ...(limit === undefined ? {} : { Limit: limit }),
    ...rest,
  };
}

function projection(extent: Extent): Partial<typeof headProjection> {
  return extent === 'head' ? headProjection : {};
}

async function create(client: DynamoClient, table: string, item: Item): Promise<'created' | 'exists'> {
  try {
    await client.put({
      TableName: table,
      Item: { ...item },
      ConditionExpression: 'attribute_not_exists(#name)',
      ExpressionAttributeNames: { '#name': 'name' },
    });
    return 'created';
  } catch (error) {
    if (error instanceof AwsError && error.reason === 'conflict') return 'exists';
    throw error;
  }
}

async function changeItem(
  client: DynamoClient,
  table: string,
  key: ItemKey,
  { set = {}, remove = [] }: Change,
  expected: Expected,
): Promise<boolean> {
  const names: Record<string, string> = {};
  const values: AttributeMap = {};
  const addedName = (name: string) => {
    const placeholder = `#a${Object.keys(names).length}`;
    names[placeholder] = name;
    return placeholder;
  };
  const addedValue = (value: AttributeValue) => {
    const placeholder = `:v${Object.keys(values).length}`;
    values[placeholder] = value;
    return placeholder;
  };
  const sets = Object.entries(set).map(([name, value]) => `${addedName(name)} = ${addedValue(value)}`);
  const removes = remove.map(addedName);
  const conditions = Object.entries(expected).map(([name, value]) =>
    value === undefined
      ? `attribute_not_exists(${addedName(name)})`
      : `${addedName(name)} = ${addedValue(value)}`,
  );
  try {
    await client.update({
      TableName: table,
      Key: keyMap(key),
      UpdateExpression: [
        ...(sets.length === 0 ? [] : [`SET ${sets.join(', ')}`]),
        ...(removes.length === 0 ? [] : [`REMOVE ${removes.join(', ')}`]),
      ].join(' '),
      ConditionExpression: [`attribute_exists(${addedName('name')})`, ...conditions].join(' AND '),
      ExpressionAttributeNames: names,
      ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
    });
    return true;
  } catch (error) {
    if (error instanceof AwsError && error.reason === 'conflict') return false;
    throw error;
  }
}

function keyMap({ name, version }: ItemKey): AttributeMap {
  return { name: { S: name }, version: { S: version } };
}

async function* told(items: AsyncIterable<Item>, table: string): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (error) {
    fail(error, table);
  }
}

/** A table that is still being made is, for DynamoDB, no table. */
function fail(error: unknown, table: string): never {
  if (error instanceof AwsError && error.reason === 'not-found') {
    const message = `${error.message}; a table that is being made is not found either (\`coffer table setup\` makes ${table} and waits)`;
    throw new CofferError('not_found', message, { cause: error });
  }
  throw error;
}
