/** What is asked of DynamoDB's items, both ways; what is asked of its tables goes by the SDK. */
import type {
  BatchGetItemCommandInput,
  BatchGetItemCommandOutput,
  BatchWriteItemCommandInput,
  BatchWriteItemCommandOutput,
  DeleteItemCommandInput,
  DeleteItemCommandOutput,
  DynamoDBClient,
  GetItemCommandInput,
  GetItemCommandOutput,
  PutItemCommandInput,
  PutItemCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
  ScanCommandInput,
  ScanCommandOutput,
  TransactGetItemsCommandInput,
  TransactGetItemsCommandOutput,
  TransactWriteItemsCommandInput,
  TransactWriteItemsCommandOutput,
  UpdateItemCommandInput,
  UpdateItemCommandOutput,
} from '@aws-sdk/client-dynamodb';
import type { AwsOptions } from './aws-options.ts';
import { encodeBytes } from './base64.ts';
import type { CallSubject, Loaded } from './client-config.ts';
import { decodeItems } from './dynamo-answer.ts';
import type { DynamoSdk } from './dynamo-sdk.ts';
import { JsonService } from './json-service.ts';

interface DynamoCalls {
  readonly BatchGetItem: [BatchGetItemCommandInput, BatchGetItemCommandOutput];
  readonly BatchWriteItem: [BatchWriteItemCommandInput, BatchWriteItemCommandOutput];
  readonly DeleteItem: [DeleteItemCommandInput, DeleteItemCommandOutput];
  readonly GetItem: [GetItemCommandInput, GetItemCommandOutput];
  readonly PutItem: [PutItemCommandInput, PutItemCommandOutput];
  readonly Query: [QueryCommandInput, QueryCommandOutput];
  readonly Scan: [ScanCommandInput, ScanCommandOutput];
  readonly TransactGetItems: [TransactGetItemsCommandInput, TransactGetItemsCommandOutput];
  readonly TransactWriteItems: [TransactWriteItemsCommandInput, TransactWriteItemsCommandOutput];
  readonly UpdateItem: [UpdateItemCommandInput, UpdateItemCommandOutput];
}

type LoadedDynamo = Loaded<DynamoSdk, DynamoDBClient>;
type BySdk<Input, Output> = (loaded: LoadedDynamo, input: Input, abortSignal: AbortSignal) => Promise<Output>;

const bySdk: { readonly [Name in keyof DynamoCalls]: BySdk<DynamoCalls[Name][0], DynamoCalls[Name][1]> } = {
  BatchGetItem: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.BatchGetItemCommand(input), { abortSignal }),
  BatchWriteItem: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.BatchWriteItemCommand(input), { abortSignal }),
  DeleteItem: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.DeleteItemCommand(input), { abortSignal }),
  GetItem: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.GetItemCommand(input), { abortSignal }),
  PutItem: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.PutItemCommand(input), { abortSignal }),
  Query: ({ sdk, client }, input, abortSignal) => client.send(new sdk.QueryCommand(input), { abortSignal }),
  Scan: ({ sdk, client }, input, abortSignal) => client.send(new sdk.ScanCommand(input), { abortSignal }),
  TransactGetItems: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.TransactGetItemsCommand(input), { abortSignal }),
  TransactWriteItems: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.TransactWriteItemsCommand(input), { abortSignal }),
  UpdateItem: ({ sdk, client }, input, abortSignal) =>
    client.send(new sdk.UpdateItemCommand(input), { abortSignal }),
};

const words = {
  service: 'DynamoDB',
  env: 'DYNAMODB',
  target: 'DynamoDB_20120810',
  protocol: '1.0',
  // A batch brings 16 MiB of items at most, which JSON and base64 make more of.
  most: 67_108_864,
} as const;

export class DynamoService {
  readonly #service: JsonService<DynamoSdk, DynamoDBClient>;

  constructor(options: AwsOptions) {
    this.#service = new JsonService(
      options,
      words,
      async () => (await import('./dynamo-sdk.ts')).dynamoSdk,
      (sdk, config) => new sdk.DynamoDBClient(config),
    );
  }

  /** Rejects with `AwsError`. */
  ask<Name extends keyof DynamoCalls>(
    operation: Name,
    about: CallSubject,
    input: DynamoCalls[Name][0],
  ): Promise<Partial<DynamoCalls[Name][1]>> {
    return this.#service.ask<Partial<DynamoCalls[Name][1]>>(
      about,
      async (send) =>
        decodeItems(await send(operation, encodeBytes(input) as object)) as Partial<DynamoCalls[Name][1]>,
      (loaded, signal) => bySdk[operation](loaded, input, signal),
    );
  }

  /** What only the SDK's client does. */
  call<T>(about: CallSubject, run: (loaded: LoadedDynamo, signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#service.call(about, run);
  }

  prepare(): void {
    this.#service.prepare();
  }

  close(): void {
    this.#service.close();
  }
}
