/** A commit as actions of one transaction. */
import type { AttributeValue, TransactWriteInput } from '../../aws/dynamo.ts';
import { generateRevision } from '../revision.ts';
import type { Expectation, Revision, StorageKey, Write } from '../storage.ts';
import { addressOf, itemOf } from './layout.ts';

export type Action = NonNullable<TransactWriteInput['TransactItems']>[number];

export interface Planned {
  readonly key: StorageKey;
  readonly action: Action;
  /** Of a record that is only looked at, what is expected of it; undefined for one that is written. */
  readonly expected: Revision | null | undefined;
}

interface Condition {
  readonly ConditionExpression: string;
  readonly ExpressionAttributeNames: Record<string, string>;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue>;
}

/** Expectations first, in their order: of several that fail the first one is told. */
export function planOf(
  TableName: string,
  writes: readonly Write[],
  revisions: readonly Revision[],
  expectations: readonly Expectation[],
): readonly Planned[] {
  const written = new Map(writes.map((write, index) => [write.key, { write, revision: revisions[index] }]));
  const plan: Planned[] = [];
  for (const expectation of expectations) {
    const { key } = expectation;
    const found = written.get(key);
    const condition = conditionOf(expectation);
    if (found === undefined) {
      const action = { ConditionCheck: { TableName, Key: addressOf(key), ...condition } };
      plan.push({ key, action, expected: expectation.revision });
      continue;
    }
    written.delete(key);
    plan.push(plannedWrite(TableName, found.write, found.revision, condition));
  }
  for (const { write, revision } of written.values()) {
    plan.push(plannedWrite(TableName, write, revision, undefined));
  }
  return plan;
}

function plannedWrite(
  TableName: string,
  { key, value }: Write,
  revision: Revision = generateRevision(),
  condition: Condition | undefined,
): Planned {
  const action =
    value === null
      ? { Delete: { TableName, Key: addressOf(key), ...condition } }
      : { Put: { TableName, Item: itemOf(key, value, revision), ...condition } };
  return { key, action, expected: undefined };
}

function conditionOf({ revision }: Expectation): Condition {
  if (revision === null) {
    return { ConditionExpression: 'attribute_not_exists(#r)', ExpressionAttributeNames: { '#r': 'r' } };
  }
  return {
    ConditionExpression: '#r = :r',
    ExpressionAttributeNames: { '#r': 'r' },
    ExpressionAttributeValues: { ':r': { N: String(revision) } },
  };
}
