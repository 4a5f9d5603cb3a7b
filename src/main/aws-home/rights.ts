/**
 * Which rights are missing, before anything is made: whatever can be tried without making something is tried, at once, and what is
 * denied is told together. The rights to make a key, an alias, a table and parameters show when they are needed.
 */
import { AwsError } from '../../aws/aws-error.ts';
import { type DynamoClient, dynamoClient } from '../../aws/dynamo.ts';
import type { HomeNames } from '../../config/aws-home.ts';
import { CofferError } from '../../errors.ts';
import { description, keyName, rootName } from '../../storage/dynamodb/layout.ts';
import { described } from './key.ts';
import type { HomeRooms } from './rooms.ts';

interface TableWish {
  readonly names: HomeNames;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly storage: { readonly url: string } | undefined;
}

/**
 * @param wish undefined for a store that is elsewhere, or in a table that was named; its storage tells what it lacks
 * @throws `permission_denied` with all that was denied
 */
export async function requireRights(
  rooms: HomeRooms,
  wish: TableWish | undefined,
  region: string,
): Promise<void> {
  const { names, parameters } = rooms;
  const tries: (() => Promise<unknown>)[] = [
    () => parameters.below(names.folder),
    () => parameters.read(names.keyParameter),
    () => tryKey(rooms),
  ];
  const dynamo =
    wish === undefined || wish.storage !== undefined ? undefined : dynamoClient({ env: wish.env, region });
  try {
    if (dynamo !== undefined) tries.push(...(await tableTries(dynamo, names.table)));
    requireAll(await Promise.allSettled(tries.map((each) => each())), names);
  } finally {
    dynamo?.close();
  }
}

/** The key under its alias; one that is not there yet is no lack. */
async function tryKey(rooms: HomeRooms): Promise<void> {
  const { names, kms, parameters } = rooms;
  const key = await described(rooms, names.alias);
  // Who serves a store that is there needs Decrypt alone, and the store's own slot tells whether it is allowed.
  const stored = await parameters.read(names.storeParameter).catch(() => '');
  if (key?.state !== 'Enabled' || stored !== undefined) return;
  const context = { 'coffer-probe': names.name };
  const plaintext = Buffer.from(names.name);
  const { ciphertext } = await kms.encrypt({ key: key.arn, plaintext, context });
  await kms.decrypt({ key: key.arn, ciphertext, context });
}

/** Of a table that is there. What writes is tried by transactions that cannot hold. */
async function tableTries(dynamo: DynamoClient, table: string): Promise<readonly (() => Promise<unknown>)[]> {
  const seen = await dynamo.describeTable(table).then(
    (found) => found?.TableStatus,
    (error: unknown) => () => Promise.reject(error),
  );
  if (typeof seen === 'function') return [seen];
  if (seen !== 'ACTIVE' && seen !== 'UPDATING') return [];
  const input = { TableName: table, Key: { ...description } };
  const never = {
    ConditionCheck: {
      ...input,
      ConditionExpression: 'attribute_exists(#key) AND attribute_not_exists(#key)',
      ExpressionAttributeNames: { '#key': keyName },
    },
  };
  const item = { ...description, [keyName]: { S: 'probe' } };
  const transaction = (...others: Parameters<DynamoClient['transactWrite']>[0]['TransactItems'] & object) =>
    dynamo.transactWrite({ TransactItems: [never, ...others] }).catch((error: unknown) => {
      if (!(error instanceof AwsError) || error.reason !== 'conflict') throw error;
    });
  return [
    () => dynamo.get({ ...input, ConsistentRead: true }),
    () => dynamo.batchGet(table, [{ ...description }]),
    () =>
      dynamo.query({
        TableName: table,
        Limit: 1,
        KeyConditionExpression: '#root = :root',
        ExpressionAttributeNames: { '#root': rootName },
        ExpressionAttributeValues: { ':root': description.root },
      }),
    () => transaction({ Put: { TableName: table, Item: item } }),
    () => transaction({ Delete: { TableName: table, Key: item } }),
  ];
}

function requireAll(outcomes: readonly PromiseSettledResult<unknown>[], { name }: HomeNames): void {
  const errors: unknown[] = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  const denied = errors.filter((error) => error instanceof AwsError && error.reason === 'denied');
  const [other] = errors.filter((error) => !denied.includes(error));
  if (denied.length === 0 && other === undefined) return;
  if (denied.length === 0) throw other;
  throw lacking([...new Set(denied.map((error) => actionOf(String((error as AwsError).message))))], name);
}

/** What a step on the way failed with; a right that AWS denied is told as one, whatever the step made of it. */
export function asLacking(error: unknown, { name }: HomeNames): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof AwsError && at.reason === 'denied') return lacking([actionOf(at.message)], name, error);
  }
  return error;
}

function lacking(actions: readonly string[], name: string, cause?: unknown): CofferError {
  return new CofferError(
    'permission_denied',
    `AWS denies what this server needs: ${actions.join('; ')}. \`coffer iam-policy server --aws --name ${name}\` prints all its rights`,
    cause === undefined ? undefined : { cause },
  );
}

/** `kms:DescribeKey on key alias/…`, without the remedy that each has. */
function actionOf(message: string): string {
  return /^AWS denies (.*?): allow it/.exec(message)?.[1] ?? message;
}
