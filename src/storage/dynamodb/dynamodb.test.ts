import { afterAll, describe } from 'vitest';
import { startDynamoLocal } from '../../../test/setup/dynamodb-local.ts';
import { storageContract } from '../storage.contract.ts';
import { parseDynamoAddress } from './address.ts';
import { openDynamoStorage } from './dynamodb.ts';

const local = await startDynamoLocal();
afterAll(() => local?.close());

describe.skipIf(local === undefined)('DynamoDB', () => {
  if (local === undefined) return;
  const { env } = local;
  storageContract(
    'dynamodb',
    async () => {
      const address = parseDynamoAddress(local.url());
      let storage = await openDynamoStorage({ address, create: true, env });
      return {
        storage,
        reopen: async () => {
          await storage.close();
          storage = await openDynamoStorage({ address, create: false, env });
          return storage;
        },
        // The table goes with the server.
        dispose: () => storage.close(),
      };
    },
    { snapshots: 'DynamoDB reads no more than a transaction of 4 MB as of one moment' },
  );
});
