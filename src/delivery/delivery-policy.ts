/** The least that IAM must allow for deliveries: to the server's identity that writes, and to an application's that reads. */
import type { JsonObject } from '../json.ts';
import { requireApplication, wrongTarget } from './address.ts';
import { type NamedAddress, type NamedKind, parseNamedAddress } from './named-target.ts';
import { parseS3TargetAddress, type S3TargetAddress } from './s3/s3-target-address.ts';
import { secretsManagerKind } from './secretsmanager/secretsmanager.ts';
import { ssmKind } from './ssm/ssm.ts';

export interface PolicyScope {
  /** Twelve digits; any account where it is not known. */
  readonly account: string | undefined;
  /** Of targets that name none; any where it is not known. */
  readonly region: string | undefined;
}

export interface WriterOptions extends PolicyScope {
  /** Whether some of the buckets have ACLs: then a right of its own goes with them. */
  readonly acls: boolean;
  /** Whether what was delivered may be deleted, and not only written over. */
  readonly deletes: boolean;
}

type Target =
  | { readonly kind: 's3'; readonly address: S3TargetAddress }
  | { readonly kind: 'ssm' | 'secretsmanager'; readonly address: NamedAddress };

interface Grant {
  readonly sid: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly condition?: JsonObject;
}

const named: readonly NamedKind[] = [ssmKind, secretsManagerKind];

/**
 * For the identity of the server. Targets are read as the server reads them, without its lists.
 *
 * @throws `invalid_request` for an address that is wrong, or not of AWS
 */
export function writerPolicy(addresses: readonly string[], options: WriterOptions): JsonObject {
  return policyOf(addresses.map(targetOf).flatMap((target) => writerGrants(target, options)));
}

/** The same for who reads the credentials of these applications. */
export function readerPolicy(
  addresses: readonly string[],
  applications: readonly string[],
  scope: PolicyScope,
): JsonObject {
  const names = applications.map(requireApplication);
  return policyOf(addresses.map(targetOf).flatMap((target) => readerGrants(target, names, scope)));
}

function targetOf(address: string): Target {
  const kind = named.find(({ scheme }) => address.startsWith(`${scheme}:`));
  if (kind !== undefined) return { kind: kind.scheme, address: parseNamedAddress(kind, address) };
  if (/^(?!s3:)[a-z0-9]+:/.test(address)) {
    throw wrongTarget('policies of IAM are for targets of s3, ssm and secretsmanager');
  }
  return { kind: 's3', address: parseS3TargetAddress(address) };
}

function writerGrants(target: Target, options: WriterOptions): readonly Grant[] {
  const { acls, deletes } = options;
  const place = placeOf(target, options);
  if (target.kind === 's3') {
    const { address } = target;
    const actions = [
      's3:PutObject',
      ...(acls ? ['s3:PutObjectAcl'] : []),
      ...(deletes ? ['s3:DeleteObject'] : []),
      ...(address.verify ? ['s3:GetObject'] : []),
    ];
    const resources = ['user.json', 'client.json', 'test-mint-write'].map((name) => `${place.arn}/*/${name}`);
    // What is read again is decrypted.
    const keys = address.verify ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:GenerateDataKey'];
    return [{ sid: 'WriteObjects', actions, resources, ...ownedBy(address) }, ...keyGrants(place, keys)];
  }
  if (target.kind === 'ssm') {
    const actions = [
      'ssm:AddTagsToResource',
      'ssm:PutParameter',
      ...(deletes ? ['ssm:DeleteParameters'] : []),
    ];
    return [
      { sid: 'WriteParameters', actions, resources: [`${place.arn}/*`] },
      ...keyGrants(place, ['kms:Encrypt']),
    ];
  }
  const actions = [
    'secretsmanager:CreateSecret',
    'secretsmanager:PutSecretValue',
    'secretsmanager:TagResource',
    ...(place.kmsKey === undefined ? [] : ['secretsmanager:UpdateSecret']),
    ...(deletes ? ['secretsmanager:DeleteSecret'] : []),
  ];
  return [
    { sid: 'WriteSecrets', actions, resources: [`${place.arn}/*`] },
    ...keyGrants(place, ['kms:Decrypt', 'kms:GenerateDataKey']),
  ];
}

/** No listing: who knows the names needs none. */
function readerGrants(target: Target, applications: readonly string[], scope: PolicyScope): readonly Grant[] {
  const place = placeOf(target, scope);
  const resources = applications.map((application) => `${place.arn}/${application}/*`);
  const keys = keyGrants(place, ['kms:Decrypt']);
  if (target.kind === 's3') {
    return [
      { sid: 'ReadObjects', actions: ['s3:GetObject'], resources, ...ownedBy(target.address) },
      ...keys,
    ];
  }
  if (target.kind === 'ssm') {
    return [
      { sid: 'ReadParameters', actions: ['ssm:GetParameter', 'ssm:GetParameters'], resources },
      ...keys,
    ];
  }
  return [{ sid: 'ReadSecrets', actions: ['secretsmanager:GetSecretValue'], resources }, ...keys];
}

interface Place {
  readonly service: Target['kind'];
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  /** Of the bucket, or of the prefix without a `/` behind it. */
  readonly arn: string;
  readonly kmsKey: string | undefined;
}

function placeOf(target: Target, scope: PolicyScope): Place {
  const { kmsKey } = target.address;
  const region = target.address.region ?? scope.region ?? '*';
  const account = scope.account ?? '*';
  const partition = partitionOf(region);
  const own = { service: target.kind, partition, region, account, kmsKey };
  if (target.kind === 's3') return { ...own, arn: `arn:${partition}:s3:::${target.address.bucket}` };
  const { prefix } = target.address;
  const name = target.kind === 'ssm' ? `parameter${prefix}` : `secret:${prefix}`;
  return { ...own, arn: `arn:${partition}:${target.kind}:${region}:${account}:${name}` };
}

/** For a key of one's own alone: what the service has by itself needs no right. It serves by way of the service, and not by itself. */
function keyGrants(
  { service, partition, region, account, kmsKey }: Place,
  actions: readonly string[],
): readonly Grant[] {
  if (kmsKey === undefined) return [];
  const via = { StringLike: { 'kms:ViaService': `${service}.${region}.amazonaws.com*` } };
  const alias = /(?:^|:)(alias\/.+)$/.exec(kmsKey)?.[1];
  const condition: JsonObject =
    alias === undefined ? via : { ...via, 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } };
  const isArn = kmsKey.startsWith('arn:') && alias === undefined;
  const arn = isArn
    ? kmsKey
    : `arn:${partition}:kms:${region}:${account}:key/${alias === undefined ? kmsKey : '*'}`;
  return [{ sid: 'UseKey', actions, resources: [arn], condition }];
}

function ownedBy({ owner }: S3TargetAddress): Pick<Grant, 'condition'> {
  return owner === undefined ? {} : { condition: { StringEquals: { 's3:ResourceAccount': owner } } };
}

/** An identity policy of IAM as it is pasted: version 2012-10-17. What differs in its resources alone is one statement. */
function policyOf(grants: readonly Grant[]): JsonObject {
  const alike = new Map<string, Grant>();
  for (const grant of grants) {
    const key = JSON.stringify([grant.sid, grant.actions, grant.condition ?? {}]);
    const before = alike.get(key)?.resources ?? [];
    alike.set(key, { ...grant, resources: [...new Set([...before, ...grant.resources])] });
  }
  const counts = new Map<string, number>();
  const statements = [...alike.values()].map(({ sid, actions, resources, condition }) => {
    const count = (counts.get(sid) ?? 0) + 1;
    counts.set(sid, count);
    return {
      Sid: count === 1 ? sid : `${sid}${count}`,
      Effect: 'Allow',
      Action: actions.toSorted(),
      Resource: [...resources],
      ...(condition === undefined ? {} : { Condition: condition }),
    };
  });
  return { Version: '2012-10-17', Statement: statements };
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
