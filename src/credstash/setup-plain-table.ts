/** A table as the old programs' own set-up makes it: the keys and nothing else, so that whatever takes it away again still can. */
import { AwsError } from '../aws/aws-error.ts';
import { dynamoClient } from '../aws/dynamo.ts';
import { ready, requireShape, type SetupSurroundings } from './setup-table.ts';
import type { TableAddress } from './table-address.ts';

export interface PlainWishes {
  readonly tags: Readonly<Record<string, string>>;
  /** Units a second; undefined is billed by request. */
  readonly capacity?: { readonly read: number; readonly write: number } | undefined;
}

/**
 * Tells `creating` and `waiting` when it comes to them. False where the table is there already; it is left as it is.
 *
 * @throws `conflict` for a table of another shape, `unavailable` when it does not become ready in five minutes
 */
export async function setupPlainTable(
  { table, account }: Pick<TableAddress, 'table' | 'account'>,
  { tags, capacity }: PlainWishes,
  { env, pause, say }: SetupSurroundings,
): Promise<boolean> {
  const client = dynamoClient({ ...account, env });
  try {
    const found = await client.describeTable(table);
    if (found !== undefined) {
      requireShape(table, found);
      return false;
    }
    say('creating');
    try {
      await client.createTable({
        TableName: table,
        AttributeDefinitions: [
          { AttributeName: 'name', AttributeType: 'S' },
          { AttributeName: 'version', AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: 'name', KeyType: 'HASH' },
          { AttributeName: 'version', KeyType: 'RANGE' },
        ],
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        ...(capacity === undefined
          ? { BillingMode: 'PAY_PER_REQUEST' as const }
          : {
              ProvisionedThroughput: {
                ReadCapacityUnits: capacity.read,
                WriteCapacityUnits: capacity.write,
              },
            }),
      });
    } catch (error) {
      if (error instanceof AwsError && error.reason === 'conflict') return false;
      throw error;
    }
    say('waiting');
    await ready(client, table, { pause, say: () => {} });
    return true;
  } finally {
    client.close();
  }
}
