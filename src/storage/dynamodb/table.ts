/**
 * The table of a store: found, looked at, and made where that was asked for. One that is there is never changed, except that an empty
 * one of the right shape may become a store.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { AttributeMap, CreateTableInput, DynamoClient, TableDescription } from '../../aws/dynamo.ts';
import type { TableAdmin } from '../../aws/table-admin.ts';
import { CofferError } from '../../errors.ts';
import type { DynamoAddress } from './address.ts';
import { failureKind } from './failure.ts';
import { description, keyName, rootName, tableFormat } from './layout.ts';
import { pause, persist, Stopwatch, type Surroundings } from './patience.ts';

export interface TableOptions {
  readonly client: DynamoClient;
  readonly admin: TableAdmin;
  readonly address: DynamoAddress;
  readonly create: boolean;
  readonly readOnly: boolean;
  readonly surroundings: Surroundings;
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** Milliseconds until a new table has to be ready, and between two looks at it. */
const readyWithin = 300_000;
const betweenLooks = 1_000;
/** DynamoDB refuses recovery for some seconds after a table was made. */
const recoveryWithin = 30_000;

/** Throws `store_unusable` for what an administrator has to mend, `unavailable` for what passes; a message does not name the place. */
export async function prepareTable(options: TableOptions): Promise<void> {
  const { client, address, create, surroundings } = options;
  const found = await persist(surroundings, () => client.describeTable(address.table));
  if (found === undefined) {
    if (!create)
      throw unusable(
        `there is no such table here: check its name, region and account, or make it with --init`,
      );
    await makeTable(options);
  } else {
    requireShape(found);
    await requireActive(options, found.TableStatus);
  }
  await requireStore(options);
  if (!options.readOnly) await requireRights(options);
}

/** Throws `store_unusable` for a table that is something else. */
function requireShape({ KeySchema = [], AttributeDefinitions = [] }: TableDescription): void {
  const shape = KeySchema.map(({ AttributeName = '', KeyType = '' }) => {
    const type = AttributeDefinitions.find((each) => each.AttributeName === AttributeName)?.AttributeType;
    return `${AttributeName} ${KeyType} ${type ?? ''}`;
  }).join(', ');
  if (shape === `${rootName} HASH S, ${keyName} RANGE S`) return;
  if (shape === 'name HASH S, version RANGE S') {
    throw unusable(
      'this is a table of secrets, as credstash has them, and no store of a server: open it as a safe, ' +
        `credstash://TABLE, or mount it with the engine credstash; a store needs a table of its own`,
    );
  }
  throw unusable(
    `this table has other keys (${shape.slice(0, 200)}): a store's are ${rootName} and ${keyName}, both S; name another table`,
  );
}

async function requireActive(options: TableOptions, status: string | undefined): Promise<void> {
  switch (status) {
    // A table that is being changed goes on working.
    case 'ACTIVE':
    case 'UPDATING':
      return;
    case 'CREATING':
      if (options.create) return untilActive(options);
      throw new CofferError('unavailable', 'the table is being made: try again in a minute');
    case 'DELETING':
      throw unusable('the table is being deleted');
    case 'INACCESSIBLE_ENCRYPTION_CREDENTIALS':
      throw unusable(
        'DynamoDB cannot use the KMS key that the table is encrypted with: enable the key, or let DynamoDB use it again',
      );
    case 'ARCHIVING':
    case 'ARCHIVED':
      throw unusable(
        'DynamoDB archived the table, since its KMS key was out of reach for a week: restore its backup',
      );
    default:
      throw new CofferError(
        'unavailable',
        `the table is in the state ${String(status).slice(0, 60)}, not ACTIVE`,
      );
  }
}

async function makeTable(options: TableOptions): Promise<void> {
  const { client, address, log } = options;
  const { table, wishes } = address;
  log('making the table of the store', { table });
  const { kmsKey } = wishes;
  const input: CreateTableInput = {
    TableName: table,
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: wishes.deletionProtection,
    AttributeDefinitions: [rootName, keyName].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: rootName, KeyType: 'HASH' },
      { AttributeName: keyName, KeyType: 'RANGE' },
    ],
    ...(wishes.tags.length === 0 ? {} : { Tags: [...wishes.tags] }),
    ...(kmsKey === undefined
      ? {}
      : { SSESpecification: { Enabled: true, SSEType: 'KMS' as const, KMSMasterKeyId: kmsKey } }),
  };
  try {
    await client.createTable(input);
  } catch (error) {
    // Somebody else makes it at this moment, or the answer to a first try was lost: then it is waited for like our own.
    const there = await client.describeTable(table).catch(() => undefined);
    if (there === undefined) throw error;
    requireShape(there);
  }
  await untilActive(options);
  if (wishes.recovery) await makeRecoverable(options);
}

async function untilActive({ client, address, surroundings }: TableOptions): Promise<void> {
  for (const watch = new Stopwatch(surroundings.clock); watch.passed < readyWithin; ) {
    const found = await persist(surroundings, () => client.describeTable(address.table));
    if (found?.TableStatus === 'ACTIVE' || found?.TableStatus === 'UPDATING') return;
    if (found?.TableStatus === 'DELETING') throw unusable('the table is being deleted');
    await pause(surroundings, betweenLooks);
  }
  throw new CofferError(
    'unavailable',
    'the new table was not ready in time; the same command goes on waiting',
  );
}

/** The store is there without it, and it can be turned on later: that it is not is said, and stops nothing. */
async function makeRecoverable({ admin, address, surroundings, log }: TableOptions): Promise<void> {
  for (const watch = new Stopwatch(surroundings.clock); ; ) {
    try {
      return await admin.enableRecovery(address.table);
    } catch (error) {
      const early = error instanceof AwsError && ['invalid', 'conflict', 'throttled'].includes(error.reason);
      if (!early || watch.passed >= recoveryWithin) {
        log('point-in-time recovery of the table could not be turned on', {
          table: address.table,
          reason: error instanceof AwsError ? error.reason : 'unknown',
        });
        return;
      }
    }
    await pause(surroundings, betweenLooks);
  }
}

/** Throws `store_unusable` for a table that holds no store, something else, or a store of a newer format. */
async function requireStore({
  client,
  address,
  create,
  readOnly,
  surroundings,
}: TableOptions): Promise<void> {
  const TableName = address.table;
  const look = () =>
    persist(surroundings, () => client.get({ TableName, Key: description, ConsistentRead: true }));
  let found = await look();
  if (found === undefined) {
    if (!create || readOnly) throw noStore();
    // The only time that the table as a whole is looked at: one item of it.
    const { items } = await persist(surroundings, () =>
      client.scan({ TableName, Limit: 1, ConsistentRead: true }),
    );
    found = await look();
    if (found === undefined && items.length > 0) {
      throw unusable('this table holds something else: a store needs a table of its own');
    }
    found ??= { ...description, format: { N: String(tableFormat) } };
    const item = found;
    await persist(surroundings, () => client.put({ TableName, Item: item }));
  }
  requireFormat(found);
}

/** Throws `store_unusable` where a table's own item is missing, or of a newer format. */
export function requireFormat(found: AttributeMap | undefined): void {
  if (found === undefined) throw noStore();
  const format = Number(found['format']?.N);
  if (format === tableFormat) return;
  throw unusable(
    `the table is of format ${Number.isInteger(format) ? format : '(none)'}, and this program knows ${tableFormat}: use a newer one`,
  );
}

/**
 * What a commit needs is asked for by one that cannot hold, so that it is missed now and not with the first secret; nothing is
 * written. Reading, querying and putting are what opening did before. Throws `AwsError` where a right is missing.
 */
async function requireRights({ client, address, surroundings }: TableOptions): Promise<void> {
  const TableName = address.table;
  const probe = (word: string) => ({ ...description, key: { S: `probe-${word}` } });
  await persist(surroundings, () =>
    client.transactWrite({
      TransactItems: [
        {
          ConditionCheck: {
            TableName,
            Key: description,
            ConditionExpression: 'attribute_not_exists(#key)',
            ExpressionAttributeNames: { '#key': keyName },
          },
        },
        { Put: { TableName, Item: probe('put') } },
        { Delete: { TableName, Key: probe('delete') } },
      ],
    }),
  ).catch((error: unknown) => {
    if (failureKind(error) !== 'condition') throw error;
  });
}

function noStore(): CofferError {
  return unusable('there is no store in this table: make one with --init, or name another table');
}

function unusable(message: string): CofferError {
  return new CofferError('store_unusable', message);
}
