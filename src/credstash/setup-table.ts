/**
 * Making a table: billed by request, recoverable to any second, protected from being deleted by mistake, ready when this resolves. Each
 * step looks first, so that a set-up that was interrupted goes on when it is called again; a table that is there is not changed.
 */
import { AwsError } from '../aws/aws-error.ts';
import {
  type CreateTableInput,
  type DynamoClient,
  dynamoClient,
  type TableDescription,
} from '../aws/dynamo.ts';
import { kmsClient } from '../aws/kms.ts';
import { tableAdmin } from '../aws/table-admin.ts';
import { CofferError } from '../errors.ts';
import { dynamoStore } from './dynamo-store.ts';
import type { ItemStore } from './item-store.ts';
import type { TableAddress } from './table-address.ts';
import { settingsItem, settingsKey, type TableSettings } from './table-settings.ts';

export interface SetupWishes {
  /** Undefined leaves a table that is there as it is, and gives a new one the usual. */
  readonly settings: TableSettings;
  /** Whether the settings were asked for, and not only the usual. */
  readonly settingsMeant: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** A KMS key for the table's own encryption at rest; AWS's own key otherwise. */
  readonly tableKey?: string | undefined;
}

export interface SetupSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Told in words what is waited for. */
  readonly say: (step: string) => void;
}

export interface SetupOutcome {
  readonly created: boolean;
  /** Whether the settings were written. */
  readonly settings: boolean;
}

/** Looks at a table until it is ready: 150 times two seconds. */
const mostLooks = 150;
const betweenLooks = 2_000;
/** DynamoDB refuses recovery for some seconds after a table was made. */
const mostRecoveryTries = 30;

/**
 * Throws `conflict` for a table of another shape, `not_found` or `invalid_request` for a key that cannot be used, `unavailable`
 * when the table does not become ready in five minutes.
 */
export async function setupTable(
  address: TableAddress,
  wishes: SetupWishes,
  surroundings: SetupSurroundings,
): Promise<SetupOutcome> {
  const options = { ...address.account, env: surroundings.env };
  const client = dynamoClient(options);
  try {
    await requireKey(address, surroundings);
    const found = await client.describeTable(address.table);
    if (found !== undefined) requireShape(address.table, found);
    else await create(client, address, wishes, surroundings);
    await ready(client, address.table, surroundings);
    const store = dynamoStore(client, address.table);
    if (found === undefined) {
      await recoverable(address, surroundings);
      return { created: true, settings: await writeSettings(store, wishes.settings) };
    }
    return {
      created: false,
      settings: wishes.settingsMeant && (await writeSettings(store, wishes.settings)),
    };
  } finally {
    client.close();
  }
}

/** Found out before the table is made, and not by the first secret. */
async function requireKey({ key, kmsAccount }: TableAddress, { env }: SetupSurroundings): Promise<void> {
  const kms = kmsClient({ ...kmsAccount, env });
  try {
    const { state, spec, usage } = await kms.describeKey(key);
    if (state !== 'Enabled')
      throw new CofferError('unavailable', `the KMS key ${key} is not enabled: it is ${state}`);
    if (spec !== 'SYMMETRIC_DEFAULT' || usage !== 'ENCRYPT_DECRYPT') {
      throw new CofferError(
        'invalid_request',
        `the KMS key ${key} must be symmetric and for encryption; it is ${spec}`,
      );
    }
  } catch (error) {
    if (!(error instanceof AwsError) || error.reason !== 'not-found') throw error;
    const remedy = `make it with \`aws kms create-key\` and \`aws kms create-alias\`, or name another one with key=…`;
    throw new CofferError('not_found', `${error.message}; ${remedy}`, { cause: error });
  } finally {
    kms.close();
  }
}

async function create(
  client: DynamoClient,
  { table }: TableAddress,
  { tags, tableKey }: SetupWishes,
  { say }: SetupSurroundings,
): Promise<void> {
  say(`making the table ${table}`);
  const input: CreateTableInput = {
    TableName: table,
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: true,
    AttributeDefinitions: [
      { AttributeName: 'name', AttributeType: 'S' },
      { AttributeName: 'version', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'name', KeyType: 'HASH' },
      { AttributeName: 'version', KeyType: 'RANGE' },
    ],
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    ...(tableKey === undefined
      ? {}
      : { SSESpecification: { Enabled: true, SSEType: 'KMS' as const, KMSMasterKeyId: tableKey } }),
  };
  await client.createTable(input).catch((error: unknown) => {
    // Somebody else makes it at this moment: then it is waited for like our own.
    if (!(error instanceof AwsError) || error.reason !== 'conflict') throw error;
  });
}

/** Resolves when the table can be used. Throws `conflict` for one that goes, `unavailable` after five minutes. */
export async function ready(
  client: DynamoClient,
  table: string,
  { pause, say }: Pick<SetupSurroundings, 'pause' | 'say'>,
): Promise<void> {
  for (let look = 0; look < mostLooks; look++) {
    const status = (await client.describeTable(table))?.TableStatus;
    if (status === 'ACTIVE' || status === 'UPDATING') return;
    if (status === 'DELETING') throw new CofferError('conflict', `the table ${table} is being deleted`);
    if (look === 0) say('waiting until it is ready');
    await pause(betweenLooks);
  }
  throw new CofferError(
    'unavailable',
    `the table ${table} was not ready in time; the same command goes on waiting`,
  );
}

async function recoverable(
  { table, account }: TableAddress,
  { env, pause }: SetupSurroundings,
): Promise<void> {
  const admin = tableAdmin({ ...account, env });
  try {
    for (let tries = 1; ; tries++) {
      try {
        return await admin.enableRecovery(table);
      } catch (error) {
        const early =
          error instanceof AwsError && (error.reason === 'invalid' || error.reason === 'conflict');
        if (!early || tries === mostRecoveryTries) throw error;
        await pause(betweenLooks);
      }
    }
  } finally {
    admin.close();
  }
}

/** Not in tables of the old programs: to them every item is a secret, and one without a number for a version breaks their lists. */
async function writeSettings(store: ItemStore, settings: TableSettings): Promise<boolean> {
  if (settings.format !== 'coffer') return false;
  if ((await store.read(settingsKey)) !== undefined) return false;
  return (await store.create(settingsItem(settings))) === 'created';
}

/** Throws `conflict` for a table that is no table of secrets. */
export function requireShape(
  table: string,
  { KeySchema = [], AttributeDefinitions = [] }: TableDescription,
): void {
  const shape = KeySchema.map(({ AttributeName = '', KeyType = '' }) => {
    const type =
      AttributeDefinitions.find((each) => each.AttributeName === AttributeName)?.AttributeType ?? '';
    return `${AttributeName} ${KeyType} ${type}`;
  });
  if (shape.join(', ') === 'name HASH S, version RANGE S') return;
  throw new CofferError(
    'conflict',
    `there is a table ${table} of another shape (${shape.join(', ')}); secrets need the keys name and version, both S`,
  );
}
