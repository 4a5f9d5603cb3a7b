/** The least that IAM must allow for the identity that a mount of the engine `aws` asks as: what its roles need, and nothing else. */
import type { JsonObject } from '../json.ts';

export const engineUses = [
  'assumed_role',
  'iam_user',
  'federation_token',
  'rotate_root',
  'static_role',
] as const;
export type EngineUse = (typeof engineUses)[number];

export interface EnginePolicyOptions {
  readonly uses: readonly EngineUse[];
  /** Twelve digits; any account where it is not known. */
  readonly account: string | undefined;
  /** Whose partition counts; any of AWS's first one where it is not known. */
  readonly region: string | undefined;
  /** ARNs of the roles that may be assumed; any of the account where none is said. */
  readonly roleArns: readonly string[];
  /** Path of the users that are made, with `/` at both ends. */
  readonly userPath: string;
  /** ARN of the policy that bounds every user that is made; undefined bounds none. */
  readonly boundary: string | undefined;
}

/** An identity policy of IAM as it is pasted: version 2012-10-17. Sessions of the identity's own need no right. */
export function awsEnginePolicy(options: EnginePolicyOptions): JsonObject {
  const { uses, account = '*', region = '', roleArns, userPath, boundary } = options;
  const arn = (resource: string) => `arn:${partitionOf(region)}:iam::${account}:${resource}`;
  const made = arn(`user${userPath}*`);
  const bounded = boundary === undefined ? {} : { StringEquals: { 'iam:PermissionsBoundary': boundary } };
  const statements: Readonly<Record<EngineUse, readonly JsonObject[]>> = {
    assumed_role: [
      allow(
        'AssumeRoles',
        ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'],
        roleArns.length === 0 ? [arn('role/*')] : roleArns,
      ),
    ],
    iam_user: [
      allow('MakeUsers', ['iam:AttachUserPolicy', 'iam:CreateUser', 'iam:PutUserPolicy'], [made], bounded),
      allow('FitUsers', userActions, [made]),
      allow('JoinGroups', ['iam:AddUserToGroup', 'iam:RemoveUserFromGroup'], [arn('group/*')]),
    ],
    federation_token: [
      allow(
        'Federate',
        ['sts:GetFederationToken', 'sts:TagSession'],
        [`arn:${partitionOf(region)}:sts::${account}:federated-user/*`],
      ),
    ],
    rotate_root: [allow('RotateOwnKey', ['iam:GetUser', ...keyActions], [arn(`user/$${'{aws:username}'}`)])],
    static_role: [allow('RotateStaticKeys', keyActions, [arn('user/*')])],
  };
  return {
    Version: '2012-10-17',
    Statement: engineUses.filter((use) => uses.includes(use)).flatMap((use) => statements[use]),
  };
}

const keyActions = ['iam:CreateAccessKey', 'iam:DeleteAccessKey', 'iam:ListAccessKeys'];
const userActions = [
  ...keyActions,
  'iam:DeleteLoginProfile',
  'iam:DeleteUser',
  'iam:DeleteUserPolicy',
  'iam:DetachUserPolicy',
  'iam:ListAttachedUserPolicies',
  'iam:ListGroupsForUser',
  'iam:ListUserPolicies',
  'iam:TagUser',
];

function allow(
  sid: string,
  actions: readonly string[],
  resources: readonly string[],
  condition: JsonObject = {},
): JsonObject {
  return {
    Sid: sid,
    Effect: 'Allow',
    Action: [...actions],
    Resource: [...resources],
    ...(Object.keys(condition).length === 0 ? {} : { Condition: condition }),
  };
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
