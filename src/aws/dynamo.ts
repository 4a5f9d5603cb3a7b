/**
 * DynamoDB with its raw attribute maps. Inputs are DynamoDB's own, so that conditions, projections and consistent reads are written
 * as its manual writes them; what is added is a deadline, pages, batches that are carried to their end, and errors.
 *
 * A write whose answer was lost is sent again. A condition may then fail on the write's own outcome: whoever depends on it reads
 * after a `conflict`.
 */
import { randomUUID } from 'node:crypto';
import type {
  BatchGetItemCommandInput,
  CreateTableCommandInput,
  DeleteItemCommandInput,
  GetItemCommandInput,
  PutItemCommandInput,
  QueryCommandInput,
  ScanCommandInput,
  AttributeValue as SdkAttributeValue,
  TableDescription as SdkTableDescription,
  WriteRequest as SdkWriteRequest,
  TransactGetItemsCommandInput,
  TransactWriteItemsCommandInput,
  UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { DynamoService } from './dynamo-service.ts';

export type AttributeValue = SdkAttributeValue;
export type AttributeMap = Record<string, AttributeValue>;
export type WriteRequest = SdkWriteRequest;
export type TableDescription = SdkTableDescription;
export type GetInput = GetItemCommandInput;
export type QueryInput = QueryCommandInput;
export type ScanInput = ScanCommandInput;
export type PutInput = PutItemCommandInput;
export type UpdateInput = UpdateItemCommandInput;
export type DeleteInput = DeleteItemCommandInput;
export type TransactWriteInput = TransactWriteItemsCommandInput;
export type TransactGetInput = TransactGetItemsCommandInput;
export type CreateTableInput = CreateTableCommandInput;
export type BatchGetOptions = Omit<NonNullable<BatchGetItemCommandInput['RequestItems']>[string], 'Keys'>;

export interface ItemPage {
  readonly items: readonly AttributeMap[];
  /** `ExclusiveStartKey` of the next page; undefined when this was the last one. */
  readonly next: AttributeMap | undefined;
}

/** Every call rejects with `AwsError` and has a deadline; a condition that does not hold is `conflict`. */
export interface DynamoClient {
  get(input: GetInput): Promise<AttributeMap | undefined>;
  /** One page; it may be empty and not the last. */
  query(input: QueryInput): Promise<ItemPage>;
  /** Every item, page by page as they are taken. */
  queryAll(input: QueryInput): AsyncGenerator<AttributeMap, void>;
  scan(input: ScanInput): Promise<ItemPage>;
  scanAll(input: ScanInput): AsyncGenerator<AttributeMap, void>;
  /** What `ReturnValues` asked for; undefined where it asked for nothing, or nothing was there. */
  put(input: PutInput): Promise<AttributeMap | undefined>;
  update(input: UpdateInput): Promise<AttributeMap | undefined>;
  delete(input: DeleteInput): Promise<AttributeMap | undefined>;
  /** All or nothing, at most 100 actions. `AwsError.cancellations` says which of them stood in the way. */
  transactWrite(input: TransactWriteInput): Promise<void>;
  /** In the order asked for. */
  transactGet(input: TransactGetInput): Promise<readonly (AttributeMap | undefined)[]>;
  /** Any number of keys, each once; the items come in no order, and those that are not there not at all. */
  batchGet(
    table: string,
    keys: readonly AttributeMap[],
    options?: BatchGetOptions,
  ): Promise<readonly AttributeMap[]>;
  /** Any number of puts and deletes, each key once. Not all or nothing: when it rejects, some may have been done. */
  batchWrite(table: string, requests: readonly WriteRequest[]): Promise<void>;
  /** Undefined where there is no such table. */
  describeTable(table: string): Promise<TableDescription | undefined>;
  /** Resolves when the table has been asked for, not when it is ready. `conflict` where it exists already. */
  createTable(input: CreateTableInput): Promise<TableDescription>;
  close(): void;
}

/** DynamoDB's own bounds of a batch. */
const mostGets = 100;
const mostWrites = 25;
/** Rounds that bring nothing forward, before a batch is given up. */
const mostIdleRounds = 8;

export interface DynamoSurroundings {
  /** Waits so many milliseconds between rounds of a batch that DynamoDB did only in part. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** 0 to 1: spreads those pauses. */
  readonly jitter: () => number;
}

const usualSurroundings: DynamoSurroundings = {
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  jitter: Math.random,
};

/** Connects to nothing and loads nothing before the first call. */
export function dynamoClient(
  options: AwsOptions,
  surroundings: DynamoSurroundings = usualSurroundings,
): DynamoClient {
  const dynamo = new DynamoService(options);
  const query = (input: QueryInput) => queryPage(dynamo, input);
  const scan = (input: ScanInput) => scanPage(dynamo, input);
  return {
    ...singleItems(dynamo),
    ...transactions(dynamo),
    ...tables(dynamo),
    query,
    scan,
    queryAll: (input) => everyPage((from) => query({ ...input, ...from })),
    scanAll: (input) => everyPage((from) => scan({ ...input, ...from })),
    batchGet: (table, keys, more) => batchGet(dynamo, surroundings, table, keys, more),
    batchWrite: (table, requests) => batchWrite(dynamo, surroundings, table, requests),
    close: () => dynamo.close(),
  };
}

function singleItems(dynamo: DynamoService): Pick<DynamoClient, 'get' | 'put' | 'update' | 'delete'> {
  return {
    get: async (input) => (await dynamo.ask('GetItem', about('GetItem', input.TableName), input)).Item,
    put: async (input) => (await dynamo.ask('PutItem', about('PutItem', input.TableName), input)).Attributes,
    update: async (input) =>
      (await dynamo.ask('UpdateItem', about('UpdateItem', input.TableName), input)).Attributes,
    delete: async (input) =>
      (await dynamo.ask('DeleteItem', about('DeleteItem', input.TableName), input)).Attributes,
  };
}

function transactions(dynamo: DynamoService): Pick<DynamoClient, 'transactWrite' | 'transactGet'> {
  return {
    async transactWrite(input) {
      const [first] = input.TransactItems ?? [];
      const table = [first?.Put, first?.Update, first?.Delete, first?.ConditionCheck].find(
        Boolean,
      )?.TableName;
      // All attempts of one call are one transaction: this is how DynamoDB knows.
      const once = { ...input, ClientRequestToken: input.ClientRequestToken ?? randomUUID() };
      await dynamo.ask('TransactWriteItems', about('TransactWriteItems', table), once);
    },
    async transactGet(input) {
      const table = input.TransactItems?.[0]?.Get?.TableName;
      const { Responses = [] } = await dynamo.ask(
        'TransactGetItems',
        about('TransactGetItems', table),
        input,
      );
      return Responses.map(({ Item }) => Item);
    },
  };
}

function tables(dynamo: DynamoService): Pick<DynamoClient, 'describeTable' | 'createTable'> {
  return {
    async describeTable(table) {
      try {
        return await dynamo.call(about('DescribeTable', table), async ({ sdk, client }, abortSignal) => {
          const input = new sdk.DescribeTableCommand({ TableName: table });
          return (await client.send(input, { abortSignal })).Table;
        });
      } catch (error) {
        if (error instanceof AwsError && error.reason === 'not-found') return undefined;
        throw error;
      }
    },
    createTable: (input) =>
      dynamo.call(about('CreateTable', input.TableName), async ({ sdk, client }, abortSignal) => {
        const { TableDescription } = await client.send(new sdk.CreateTableCommand(input), { abortSignal });
        if (TableDescription !== undefined) return TableDescription;
        throw new AwsError('aws-fault', 'DynamoDB answered without what it was asked for; try again');
      }),
  };
}

async function queryPage(dynamo: DynamoService, input: QueryInput): Promise<ItemPage> {
  const { Items = [], LastEvaluatedKey } = await dynamo.ask('Query', about('Query', input.TableName), input);
  return { items: Items, next: LastEvaluatedKey };
}

async function scanPage(dynamo: DynamoService, input: ScanInput): Promise<ItemPage> {
  const { Items = [], LastEvaluatedKey } = await dynamo.ask('Scan', about('Scan', input.TableName), input);
  return { items: Items, next: LastEvaluatedKey };
}

async function* everyPage(
  page: (from: { readonly ExclusiveStartKey?: AttributeMap }) => Promise<ItemPage>,
): AsyncGenerator<AttributeMap, void> {
  let from: { readonly ExclusiveStartKey?: AttributeMap } = {};
  for (;;) {
    const { items, next } = await page(from);
    yield* items;
    if (next === undefined) return;
    from = { ExclusiveStartKey: next };
  }
}

async function batchGet(
  dynamo: DynamoService,
  surroundings: DynamoSurroundings,
  table: string,
  keys: readonly AttributeMap[],
  options: BatchGetOptions = {},
): Promise<readonly AttributeMap[]> {
  const found: AttributeMap[] = [];
  const subject = about('BatchGetItem', table);
  await inBatches(surroundings, subject, keys, mostGets, async (batch) => {
    const input = { RequestItems: { [table]: { ...options, Keys: [...batch] } } };
    const { Responses, UnprocessedKeys } = await dynamo.ask('BatchGetItem', subject, input);
    found.push(...(Responses?.[table] ?? []));
    return UnprocessedKeys?.[table]?.Keys ?? [];
  });
  return found;
}

function batchWrite(
  dynamo: DynamoService,
  surroundings: DynamoSurroundings,
  table: string,
  requests: readonly WriteRequest[],
): Promise<void> {
  const subject = about('BatchWriteItem', table);
  return inBatches(surroundings, subject, requests, mostWrites, async (batch) => {
    const input = { RequestItems: { [table]: [...batch] } };
    const { UnprocessedItems } = await dynamo.ask('BatchWriteItem', subject, input);
    return UnprocessedItems?.[table] ?? [];
  });
}

/** Carries a list through in batches; what a round leaves undone goes with the next, after a pause that grows while nothing moves. */
async function inBatches<T>(
  { pause, jitter }: DynamoSurroundings,
  { action, resource }: ReturnType<typeof about>,
  all: readonly T[],
  most: number,
  round: (batch: readonly T[]) => Promise<readonly T[]>,
): Promise<void> {
  let waiting = [...all];
  let idle = 0;
  while (waiting.length > 0) {
    const batch = waiting.slice(0, most);
    const left = await round(batch);
    waiting = [...left, ...waiting.slice(most)];
    if (left.length === 0) {
      idle = 0;
      continue;
    }
    idle = left.length < batch.length ? 1 : idle + 1;
    if (idle > mostIdleRounds) {
      throw new AwsError(
        'throttled',
        `AWS throttles ${action} on ${resource}: try again later, or raise its capacity`,
      );
    }
    await pause(jitter() * 50 * 2 ** idle);
  }
}

function about(operation: string, table: string | undefined) {
  return { action: `dynamodb:${operation}`, resource: `table ${table ?? '(none named)'}` };
}
