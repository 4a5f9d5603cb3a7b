/** The table in which requests wait, keyed by issuer and account: of an account one waits at a time. */
import { AwsError } from '../aws/aws-error.ts';
import { type AttributeMap, type DynamoClient, dynamoClient } from '../aws/dynamo.ts';
import { type KmsClient, kmsClient } from '../aws/kms.ts';
import { CofferError } from '../errors.ts';
import { type EnrolmentRequest, itemOf, type WaitingRequest } from './enrolment-request.ts';
import type { InboxAddress } from './inbox-address.ts';

export interface InboxPage {
  readonly items: readonly AttributeMap[];
  /** Where the next page begins; undefined when this was the last one. */
  readonly next: AttributeMap | undefined;
}

/** Every call rejects with what AWS says. */
export interface InboxTable {
  /** Whether the table is there and may be written, found out without writing. */
  check(): Promise<void>;
  /** Rejects with `conflict` where a request of this account waits. */
  create(request: WaitingRequest): Promise<void>;
  /** Items in no order, each as it is now. */
  page(limit: number, after: AttributeMap | undefined): Promise<InboxPage>;
  /** Takes this request away; one that has come in its place stays. */
  remove(request: Pick<EnrolmentRequest, 'id' | 'issuer' | 'account'>): Promise<void>;
}

export interface InboxServices {
  readonly table: InboxTable;
  readonly kms: Pick<KmsClient, 'encrypt' | 'decrypt'>;
  close(): void;
}

export interface InboxSurroundings {
  /** The process's environment, for AWS's own variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds for a call with all its retries. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Connects to nothing before the first call. */
export function openInbox(address: InboxAddress, options: InboxSurroundings): InboxServices {
  const dynamo = dynamoClient({ ...address.account, ...options });
  const kms = kmsClient({ ...address.kmsAccount, ...options });
  return {
    table: inboxTable(dynamo, address.table),
    kms,
    close() {
      dynamo.close();
      kms.close();
    },
  };
}

function inboxTable(dynamo: DynamoClient, table: string): InboxTable {
  return {
    async check() {
      try {
        // Never true, so that it needs the right of the write to come and no other, and writes nothing.
        await dynamo.put({
          TableName: table,
          Item: { issuer: { S: '-' }, account_name: { S: '-' } },
          ConditionExpression: 'attribute_exists(issuer) AND attribute_not_exists(issuer)',
        });
      } catch (error) {
        if (!isConflict(error)) throw explained(error, table);
      }
    },
    async create(waiting) {
      try {
        await dynamo.put({
          TableName: table,
          Item: itemOf(waiting),
          // A write whose answer was lost is sent again, and finds itself.
          ConditionExpression: 'attribute_not_exists(issuer) OR id = :id',
          ExpressionAttributeValues: { ':id': { S: waiting.request.id } },
        });
      } catch (error) {
        if (!isConflict(error)) throw explained(error, table);
        const message = 'a request of this account waits already: it has to be taken over, or removed, first';
        throw new CofferError('conflict', message, { cause: error });
      }
    },
    page: (limit, after) =>
      dynamo.scan({
        TableName: table,
        Limit: limit,
        ConsistentRead: true,
        ...(after === undefined ? {} : { ExclusiveStartKey: after }),
      }),
    async remove({ id, issuer, account }) {
      try {
        await dynamo.delete({
          TableName: table,
          Key: { issuer: { S: issuer }, account_name: { S: account } },
          ConditionExpression: 'attribute_not_exists(issuer) OR id = :id',
          ExpressionAttributeValues: { ':id': { S: id } },
        });
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    },
  };
}

function isConflict(error: unknown): boolean {
  return error instanceof AwsError && error.reason === 'conflict';
}

/** A table that is missing, or of another key, is the one thing that its writer can put right without the server. */
function explained(error: unknown, table: string): unknown {
  if (!(error instanceof AwsError) || (error.reason !== 'not-found' && error.reason !== 'invalid'))
    return error;
  const how =
    `aws dynamodb create-table --table-name ${table} --billing-mode PAY_PER_REQUEST --attribute-definitions ` +
    'AttributeName=issuer,AttributeType=S AttributeName=account_name,AttributeType=S ' +
    '--key-schema AttributeName=issuer,KeyType=HASH AttributeName=account_name,KeyType=RANGE';
  return new CofferError(error.code, `${error.message}; an inbox is made by \`${how}\``, { cause: error });
}
