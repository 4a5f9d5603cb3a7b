/** The least that IAM must allow for `coffer server --aws`: what its calls need, on what bears its name, and nothing else. */
import { type HomeNames, nameTag } from '../config/aws-home.ts';
import type { JsonObject } from '../json.ts';

export interface ServerPlace {
  /** Twelve digits; any account where it is not known. */
  readonly account: string | undefined;
  /** Any where it is not known. */
  readonly region: string | undefined;
}

/** An identity policy of IAM as it is pasted: version 2012-10-17. The statements of making can go once everything is there. */
export function serverPolicy(names: HomeNames, { account = '*', region = '*' }: ServerPlace): JsonObject {
  const arn = (service: string, resource: string) =>
    `arn:${partitionOf(region)}:${service}:${region}:${account}:${resource}`;
  const parameters = [`parameter${names.folder}`, `parameter${names.folder}/*`].map((each) =>
    arn('ssm', each),
  );
  const people = (kind: string) => `arn:${partitionOf(region)}:iam::${account}:${kind}/*`;
  const table = arn('dynamodb', `table/${names.table}`);
  const keys = arn('kms', 'key/*');
  const tagged = { StringEquals: { [`aws:ResourceTag/${nameTag}`]: names.name } };
  const asked = { StringEquals: { [`aws:RequestTag/${nameTag}`]: names.name } };
  const aliased = { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': names.alias } };
  return {
    Version: '2012-10-17',
    Statement: [
      allow('Parameters', ['ssm:GetParameter', 'ssm:GetParametersByPath'], parameters),
      allow('Key', ['kms:Decrypt', 'kms:DescribeKey'], keys, aliased),
      allow('Table', tableActions, table),
      allow('MakeParameters', ['ssm:PutParameter'], parameters),
      allow('MakeKey', ['kms:CreateKey', 'kms:TagResource'], '*', asked),
      allow('NameKey', ['kms:CreateAlias'], arn('kms', names.alias)),
      allow('FitKey', ['kms:CreateAlias', 'kms:DescribeKey', 'kms:EnableKeyRotation'], keys, tagged),
      allow('WrapRootKey', ['kms:Encrypt'], keys, aliased),
      allow('FindKey', ['kms:ListKeys', 'kms:ListResourceTags'], '*'),
      allow('MakeTable', tableMaking, table),
      allow('KnowCallers', ['iam:GetRole', 'iam:GetUser'], [people('role'), people('user')]),
    ],
  };
}

/** As docs/reference/storage-dynamodb.md has them. */
const tableActions = [
  'dynamodb:BatchGetItem',
  'dynamodb:ConditionCheckItem',
  'dynamodb:DeleteItem',
  'dynamodb:DescribeTable',
  'dynamodb:GetItem',
  'dynamodb:PutItem',
  'dynamodb:Query',
];
const tableMaking = [
  'dynamodb:CreateTable',
  'dynamodb:Scan',
  'dynamodb:TagResource',
  'dynamodb:UpdateContinuousBackups',
];

function allow(
  sid: string,
  actions: readonly string[],
  resource: string | readonly string[],
  condition?: JsonObject,
): JsonObject {
  return {
    Sid: sid,
    Effect: 'Allow',
    Action: [...actions],
    Resource: typeof resource === 'string' ? resource : [...resource],
    ...(condition === undefined ? {} : { Condition: condition }),
  };
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
