import { afterAll, beforeAll } from 'vitest';
import { MemoryItems } from '../../test/fakes/credstash-place.ts';
import { testRegion } from '../../test/fakes/moto-calls.ts';
import { type Moto, resetMoto, startMoto } from '../../test/setup/moto.ts';
import { dynamoClient } from '../aws/dynamo.ts';
import { dynamoStore } from './dynamo-store.ts';
import { itemStoreContract } from './item-store.contract.ts';

let moto: Moto | undefined;
beforeAll(async () => {
  moto = await startMoto();
}, 300_000);
afterAll(() => moto?.close());

itemStoreContract('memory', async () => new MemoryItems());

itemStoreContract('DynamoDB', async (context) => {
  if (moto === undefined) return context.skip('moto is missing');
  await resetMoto(moto);
  const client = dynamoClient({ region: testRegion, env: moto.env });
  await client.createTable({
    TableName: 'items',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'name', AttributeType: 'S' },
      { AttributeName: 'version', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'name', KeyType: 'HASH' },
      { AttributeName: 'version', KeyType: 'RANGE' },
    ],
  });
  return dynamoStore(client, 'items');
});
