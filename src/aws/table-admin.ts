/** What a table's owner asks DynamoDB for, beyond items: whether the table can go back to any second of the last weeks. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';
import type { DynamoSdk } from './dynamo-sdk.ts';

export interface TableAdmin {
  /** Turns point-in-time recovery on; again is no error. Rejects with `AwsError`, also for a table that has only just been made. */
  enableRecovery(table: string): Promise<void>;
  close(): void;
}

class Dynamo extends LazyClient<DynamoSdk, DynamoDBClient> {}

/** Connects to nothing and loads nothing before the first call. */
export function tableAdmin(options: AwsOptions): TableAdmin {
  const dynamo = new Dynamo(
    options,
    { service: 'DynamoDB', env: 'DYNAMODB' },
    async () => (await import('./dynamo-sdk.ts')).dynamoSdk,
    (sdk, config) => new sdk.DynamoDBClient(config),
  );
  return {
    enableRecovery: (table) =>
      dynamo.call(
        { action: 'dynamodb:UpdateContinuousBackups', resource: `table ${table}` },
        async ({ sdk, client }, abortSignal) => {
          const input = {
            TableName: table,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          };
          await client.send(new sdk.UpdateContinuousBackupsCommand(input), { abortSignal });
        },
      ),
    close: () => dynamo.close(),
  };
}
