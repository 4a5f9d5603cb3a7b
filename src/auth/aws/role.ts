/** A role of `aws`: which instances, or which principals of IAM, log in by it. */
import type { Fields, FieldValues } from '../../core/endpoint.ts';
import type { JsonObject } from '../../json.ts';
import { oldTokenFields, type RoleRecord } from '../role-records.ts';
import { noTokenSettings, shownTokenSettings, withOldNames } from '../token-fields.ts';

/** How a login by the role proves itself; stays as it was when the role was made. */
export type AuthType = 'iam' | 'ec2';

/** What an instance has to be. Empty lists ask for nothing. */
export interface InstanceBinds {
  readonly amis: readonly string[];
  readonly accounts: readonly string[];
  readonly regions: readonly string[];
  readonly vpcs: readonly string[];
  readonly subnets: readonly string[];
  /** ARNs, which may end in `*`. */
  readonly roleArns: readonly string[];
  readonly profileArns: readonly string[];
  readonly instances: readonly string[];
}

/** A principal of IAM that may log in. */
export interface PrincipalBind {
  /** An ARN, which may end in `*`. */
  readonly arn: string;
  /** What AWS gives a principal once and never again (`AROA…`, `AIDA…`); absent for patterns, and where it is not to be asked. */
  readonly uniqueId?: string;
  /** Without an id: IAM has to say that the principal's path is the ARN's, too. Where it is not there the name alone counts. */
  readonly pathToo?: true;
}

export interface AwsRole extends RoleRecord {
  readonly authType: AuthType;
  readonly instance: InstanceBinds;
  /** The tag of an instance that narrows what its login is granted; empty for none. */
  readonly roleTag: string;
  readonly allowInstanceMigration: boolean;
  readonly disallowReauthentication: boolean;
  /** The same document is taken again without a nonce: whoever has a copy can log in while the instance runs. */
  readonly ignoreNonce: boolean;
  /** Seconds after its start within which an instance has to log in first; 0 or absent for any time. */
  readonly firstLoginWithin?: number;
  readonly principals: readonly PrincipalBind[];
  readonly resolveUniqueIds: boolean;
  /** Whether the session of a login stands for an instance, whose binds are looked at then. */
  readonly inferredEntity: '' | 'ec2_instance';
  readonly inferredRegion: string;
}

export const roleFields = {
  auth_type: {
    type: 'string',
    help: 'iam (the default) or ec2: how logins prove themselves. Can not be changed.',
  },
  bound_ami_id: { type: 'list', help: 'Images the instance may be of.' },
  bound_account_id: { type: 'list', help: 'Accounts it may be in.' },
  bound_region: { type: 'list', help: 'Regions it may be in.' },
  bound_vpc_id: { type: 'list', help: 'Networks it may be in.' },
  bound_subnet_id: { type: 'list', help: 'Subnets it may be in.' },
  bound_iam_role_arn: { type: 'list', help: 'Roles it may have; an ARN may end in *.' },
  bound_iam_instance_profile_arn: {
    type: 'list',
    help: 'Instance profiles it may have; an ARN may end in *.',
  },
  bound_ec2_instance_id: { type: 'list', help: 'Instances that may log in.' },
  role_tag: { type: 'string', help: 'Name of the tag that narrows what an instance is granted; ec2 only.' },
  allow_instance_migration: {
    type: 'bool',
    help: 'Take a newer pendingTime for the nonce of an instance; ec2 only.',
  },
  disallow_reauthentication: { type: 'bool', help: 'One login for each instance; ec2 only.' },
  ignore_nonce: {
    type: 'bool',
    help: 'Take an instance’s document again without a nonce: whoever has a copy can log in while it runs; ec2 only.',
  },
  first_login_within: {
    type: 'duration',
    help: 'How long after its start an instance may log in for the first time; 0 for any time. ec2 only.',
  },
  bound_iam_principal_arn: {
    type: 'list',
    help: 'Users and roles that may log in; an ARN may end in * behind its account. iam only.',
  },
  inferred_entity_type: {
    type: 'string',
    help: 'ec2_instance: the session is an instance, whose binds are looked at; iam only.',
  },
  inferred_aws_region: { type: 'string', help: 'Where that instance is looked for.' },
  resolve_aws_unique_ids: {
    type: 'bool',
    help: 'Bind to who a principal is, not to its name; true when absent. Can not be turned off later.',
  },
  ...oldTokenFields,
} as const satisfies Fields;

export type SentRole = FieldValues<typeof roleFields>;

export function newRole(name: string, id: string, authType: AuthType): AwsRole {
  return {
    name,
    id,
    authType,
    instance: {
      amis: [],
      accounts: [],
      regions: [],
      vpcs: [],
      subnets: [],
      roleArns: [],
      profileArns: [],
      instances: [],
    },
    roleTag: '',
    allowInstanceMigration: false,
    disallowReauthentication: false,
    ignoreNonce: false,
    principals: [],
    resolveUniqueIds: true,
    inferredEntity: '',
    inferredRegion: '',
    token: noTokenSettings,
    oldNames: [],
  };
}

export function shownRole(role: AwsRole): JsonObject {
  const { instance } = role;
  const shown = {
    auth_type: role.authType,
    bound_ami_id: instance.amis,
    bound_account_id: instance.accounts,
    bound_region: instance.regions,
    bound_vpc_id: instance.vpcs,
    bound_subnet_id: instance.subnets,
    bound_iam_role_arn: instance.roleArns,
    bound_iam_instance_profile_arn: instance.profileArns,
    bound_ec2_instance_id: instance.instances,
    role_tag: role.roleTag,
    allow_instance_migration: role.allowInstanceMigration,
    disallow_reauthentication: role.disallowReauthentication,
    ignore_nonce: role.ignoreNonce,
    first_login_within: role.firstLoginWithin ?? 0,
    bound_iam_principal_arn: role.principals.map(({ arn }) => arn),
    bound_iam_principal_id: role.principals.map(({ uniqueId }) => uniqueId ?? ''),
    inferred_entity_type: role.inferredEntity,
    inferred_aws_region: role.inferredRegion,
    resolve_aws_unique_ids: role.resolveUniqueIds,
    role_id: role.id,
    ...shownTokenSettings(role.token),
  };
  return withOldNames(roleFields, shown, role.oldNames);
}
