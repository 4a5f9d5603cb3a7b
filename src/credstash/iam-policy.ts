/** The least that IAM must allow for a kind of use: what the calls of this room need, on this table and this key, and nothing else. */
import type { JsonObject, JsonValue } from '../json.ts';
import { contextKeys, type EncryptionContext } from './encryption-context.ts';
import { ownName } from './item.ts';
import type { TableAddress } from './table-address.ts';

export const policyRoles = ['reader', 'writer', 'admin'] as const;
export type PolicyRole = (typeof policyRoles)[number];

/** A variable of IAM's, not of a template string. */
const ownAccount = '$\u007baws:PrincipalAccount}';

const reads = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:Scan'];
/** Deleting so that it can be undone is a mark, by `UpdateItem`; removing for good is for admins. */
const writes = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'];
const keeps = [
  'dynamodb:CreateTable',
  'dynamodb:DeleteItem',
  'dynamodb:DescribeContinuousBackups',
  'dynamodb:DescribeTable',
  'dynamodb:TagResource',
  'dynamodb:UpdateContinuousBackups',
];

export interface PolicyPlace {
  /** Twelve digits; any account where it is not known. */
  readonly account?: string | undefined;
  /** Whether the table's items share data keys (`table setup --shared-key-days`). */
  readonly sharedKeys?: boolean;
  /** Of the table; any where it is not known. */
  readonly region?: string | undefined;
  readonly kmsRegion?: string | undefined;
}

/** An identity policy of IAM as it is pasted: version 2012-10-17. */
export function iamPolicy(
  role: PolicyRole,
  address: TableAddress,
  context: EncryptionContext,
  place: PolicyPlace,
): JsonObject {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'Table',
        Effect: 'Allow',
        Action: tableActions(role, address),
        Resource: tableArn(address, place),
      },
      {
        Sid: 'DataKeys',
        Effect: 'Allow',
        Action: keyActions(role, place),
        Resource: keyArn(address, place),
        ...conditions(address, context, place, role === 'writer' && place.sharedKeys !== true),
      },
      ...(role === 'admin' ? [keyCheck(address, place)] : []),
      ...(role === 'writer' && place.sharedKeys !== true ? [tablesOwn(address, place)] : []),
    ],
  };
}

function tableActions(role: PolicyRole, { format }: TableAddress): readonly string[] {
  // Who is not told the format looks at what an unknown table holds.
  const looks = format === undefined ? ['dynamodb:Scan'] : [];
  const actions = { reader: reads, writer: [...writes, ...looks], admin: [...reads, ...writes, ...keeps] };
  return [...new Set(actions[role])].toSorted();
}

/** A writer unwraps too where the table's items share a data key. */
function keyActions(role: PolicyRole, { sharedKeys = false }: PolicyPlace): readonly string[] {
  const actions = {
    reader: ['kms:Decrypt'],
    writer: sharedKeys ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:GenerateDataKey'],
    admin: ['kms:Decrypt', 'kms:GenerateDataKey'],
  };
  return actions[role];
}

function tableArn({ table }: TableAddress, { account, region = '*' }: PolicyPlace): string {
  return `arn:${partition(region)}:dynamodb:${region}:${account ?? '*'}:table/${table}`;
}

function keyArn({ key }: TableAddress, { account, region = '*', kmsRegion = region }: PolicyPlace): string {
  if (/^arn:.*:key\//.test(key)) return key;
  const id = key.startsWith('alias/') || key.startsWith('arn:') ? '*' : key;
  return `arn:${partition(kmsRegion)}:kms:${kmsRegion}:${account ?? '*'}:key/${id}`;
}

/**
 * An alias is no resource of a policy; it is a condition on the key that has it. Any account may have a key of that alias: where the
 * account is not known, it is the caller's own, or else whoever may write the table could bring items of a key of theirs.
 */
function conditions(
  { key }: TableAddress,
  context: EncryptionContext,
  { account }: PolicyPlace,
  ownKeysOnly = false,
): JsonObject {
  const alias = /(?:^|:)(alias\/.+)$/.exec(key)?.[1];
  const equal: (readonly [string, JsonValue])[] = contextKeys(context).map((name) => [
    `kms:EncryptionContext:${name}`,
    context[name] ?? '',
  ]);
  if (account === undefined && !key.startsWith('arn:')) {
    equal.push(['aws:ResourceAccount', ownAccount]);
  }
  const condition: JsonObject = {
    ...(equal.length === 0 ? {} : { StringEquals: Object.fromEntries(equal) }),
    ...(alias === undefined ? {} : { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } }),
    ...(ownKeysOnly ? { Null: { 'kms:EncryptionContext:coffer:epoch': 'true' } } : {}),
  };
  return Object.keys(condition).length === 0 ? {} : { Condition: condition };
}

/**
 * A writer who sees no values must not come to see them: whoever could write what the table says of itself, and make a shared data key,
 * would know the key under which everybody else writes from then on.
 */
function tablesOwn(address: TableAddress, place: PolicyPlace): JsonObject {
  return {
    Sid: 'TablesOwn',
    Effect: 'Deny',
    Action: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
    Resource: tableArn(address, place),
    Condition: { 'ForAnyValue:StringEquals': { 'dynamodb:LeadingKeys': [ownName] } },
  };
}

function keyCheck(address: TableAddress, place: PolicyPlace): JsonObject {
  return {
    Sid: 'KeyState',
    Effect: 'Allow',
    Action: ['kms:DescribeKey'],
    Resource: keyArn(address, place),
    ...conditions(address, {}, place),
  };
}

function partition(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
