/** What stays when everything else is taken away: the table, the key that opens it, and the topic of notices. */
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Subscription, SubscriptionProtocol, Topic } from 'aws-cdk-lib/aws-sns';
import type { DeploySettings } from './settings.ts';
import type { Resting } from './stack.ts';

export function makeResting(stack: Stack, { appName, tableName, email }: DeploySettings): Resting {
  // As docs/reference/storage-dynamodb.md describes it.
  const table = new Table(stack, 'Table', {
    tableName,
    partitionKey: { name: 'root', type: AttributeType.STRING },
    sortKey: { name: 'key', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    deletionProtection: true,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const key = new Key(stack, 'Key', {
    alias: `alias/coffer-${appName}`,
    description: `opens the store of ${appName}: without it nothing in the table can be read`,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const topic = new Topic(stack, 'Notices', { topicName: `${appName}-notices`, enforceSSL: true });
  new Subscription(stack, 'NoticesByEmail', {
    topic,
    protocol: SubscriptionProtocol.EMAIL,
    endpoint: email,
  });
  return { table, key, topic };
}
