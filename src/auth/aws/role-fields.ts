/** What was sent for a role, checked and put over what the role was. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { readTokenSettings, usedOldNames } from '../token-fields.ts';
import { checkArnBind } from './arn.ts';
import { type AuthType, type AwsRole, type InstanceBinds, roleFields, type SentRole } from './role.ts';

const mostBinds = 500;
/** Seconds. */
const longestWait = 10 * 365 * 86_400;

const instanceFields = [
  ['bound_ami_id', 'amis', /^ami-[0-9a-f]{8,17}$/],
  ['bound_account_id', 'accounts', /^\d{12}$/],
  ['bound_region', 'regions', /^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/],
  ['bound_vpc_id', 'vpcs', /^vpc-[0-9a-f]{8,17}$/],
  ['bound_subnet_id', 'subnets', /^subnet-[0-9a-f]{8,17}$/],
  ['bound_ec2_instance_id', 'instances', /^i-[0-9a-f]{8,17}$/],
] as const satisfies readonly (readonly [keyof SentRole, keyof InstanceBinds, RegExp])[];

/** Throws `invalid_request`. */
export function parseAuthType(sent: string | undefined): AuthType | undefined {
  if (sent === undefined || sent === '') return undefined;
  if (sent === 'iam' || sent === 'ec2') return sent;
  throw refused(`unrecognized auth_type: it is "iam" or "ec2"`);
}

/**
 * The role with what was sent put over it, but for principals, which may have to be asked for; `data` is the same as it was sent. Throws
 * `invalid_request`.
 */
export function withFields(role: AwsRole, sent: SentRole, data: JsonObject): AwsRole {
  const authType = parseAuthType(sent.auth_type) ?? role.authType;
  if (authType !== role.authType) throw refused('cannot change auth_type on a role');
  const changed: AwsRole = {
    ...role,
    instance: instanceBinds(role.instance, sent),
    roleTag: sent.role_tag ?? role.roleTag,
    allowInstanceMigration: sent.allow_instance_migration ?? role.allowInstanceMigration,
    disallowReauthentication: sent.disallow_reauthentication ?? role.disallowReauthentication,
    ignoreNonce: sent.ignore_nonce ?? role.ignoreNonce,
    firstLoginWithin: sent.first_login_within ?? role.firstLoginWithin ?? 0,
    resolveUniqueIds: resolving(role, sent.resolve_aws_unique_ids),
    inferredEntity: inferredEntity(sent.inferred_entity_type) ?? role.inferredEntity,
    inferredRegion: sent.inferred_aws_region ?? role.inferredRegion,
    token: readTokenSettings(sent, role.token),
    oldNames: usedOldNames(roleFields, data, role.oldNames),
  };
  if (authType === 'ec2') checkEc2(changed, sent);
  else checkIam(changed);
  return changed;
}

/** The principals that were sent. Throws `invalid_request`. */
export function sentPrincipals(role: AwsRole, sent: SentRole): readonly string[] | undefined {
  const arns = sent.bound_iam_principal_arn;
  if (arns === undefined) return undefined;
  if (role.authType !== 'iam' && arns.length > 0)
    throw refused('bound_iam_principal_arn is for auth_type iam');
  if (arns.length > mostBinds) throw refused(`"bound_iam_principal_arn" has at most ${mostBinds} entries`);
  for (const arn of arns)
    checkArnBind(arn, 'bound_iam_principal_arn', ['role', 'user', 'root', 'assumed-role']);
  return arns;
}

/** A role that asks for nothing would let everybody in who has an account at Amazon. Throws `invalid_request`. */
export function checkBound(role: AwsRole): void {
  const instance = Object.values(role.instance).some((binds) => binds.length > 0);
  if (role.principals.length > 0 || instance) return;
  throw refused(
    role.authType === 'ec2'
      ? 'at least one bound parameter should be specified on the role, such as bound_account_id'
      : 'at least one bound parameter should be specified on the role, such as bound_iam_principal_arn',
  );
}

function instanceBinds(before: InstanceBinds, sent: SentRole): InstanceBinds {
  const changed: Record<keyof InstanceBinds, readonly string[]> = { ...before };
  for (const [field, member, form] of instanceFields) {
    const values = sent[field];
    if (values === undefined) continue;
    if (values.length > mostBinds) throw refused(`"${field}" has at most ${mostBinds} entries`);
    const wrong = values.find((value) => !form.test(value));
    if (wrong !== undefined) throw refused(`"${field}" holds what can be none: ${JSON.stringify(wrong)}`);
    changed[member] = values;
  }
  const { bound_iam_role_arn: roles, bound_iam_instance_profile_arn: profiles } = sent;
  if ((roles ?? profiles ?? []).length > mostBinds) throw refused(`a list has at most ${mostBinds} entries`);
  if (roles !== undefined)
    changed.roleArns = roles.map((arn) => checkArnBind(arn, 'bound_iam_role_arn', ['role']));
  if (profiles !== undefined) {
    changed.profileArns = profiles.map((arn) =>
      checkArnBind(arn, 'bound_iam_instance_profile_arn', ['instance-profile']),
    );
  }
  return changed;
}

function resolving(role: AwsRole, sent: boolean | undefined): boolean {
  // Without the ids that were resolved, whoever is given a deleted principal's name next would be let in.
  if (sent === false && role.resolveUniqueIds && role.principals.length > 0) {
    throw refused('changing resolve_aws_unique_ids from true to false is not allowed');
  }
  return sent ?? role.resolveUniqueIds;
}

function inferredEntity(sent: string | undefined): '' | 'ec2_instance' | undefined {
  if (sent === undefined || sent === '' || sent === 'ec2_instance') return sent;
  throw refused('unrecognized inferred_entity_type: it is "ec2_instance"');
}

function checkEc2(role: AwsRole, sent: SentRole): void {
  if (role.inferredEntity !== '' || role.inferredRegion !== '')
    throw refused('inferred_entity_type and inferred_aws_region are for auth_type iam');
  if (sent.resolve_aws_unique_ids !== undefined) throw refused('resolve_aws_unique_ids is for auth_type iam');
  if (role.allowInstanceMigration && role.disallowReauthentication)
    throw refused('cannot set both disallow_reauthentication and allow_instance_migration');
  if (role.ignoreNonce && role.disallowReauthentication)
    throw refused('cannot set both disallow_reauthentication and ignore_nonce');
  const { firstLoginWithin = 0 } = role;
  if (firstLoginWithin < 0 || firstLoginWithin > longestWait)
    throw refused('first_login_within is a time of at most ten years');
  if (!/^[\w+=.:@/-]{0,127}$/.test(role.roleTag)) throw refused('role_tag is the name of a tag');
}

function checkIam(role: AwsRole): void {
  if (role.roleTag !== '') throw refused('role_tag is for auth_type ec2');
  if (role.allowInstanceMigration) throw refused('allow_instance_migration is for auth_type ec2');
  if (role.disallowReauthentication) throw refused('disallow_reauthentication is for auth_type ec2');
  if (role.ignoreNonce) throw refused('ignore_nonce is for auth_type ec2');
  if ((role.firstLoginWithin ?? 0) !== 0) throw refused('first_login_within is for auth_type ec2');
  const inferred = role.inferredEntity !== '';
  if (inferred !== (role.inferredRegion !== ''))
    throw refused('inferred_entity_type and inferred_aws_region go together');
  if (inferred && !/^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/.test(role.inferredRegion))
    throw refused('inferred_aws_region is a region such as eu-central-1');
  if (!inferred && Object.values(role.instance).some((binds) => binds.length > 0)) {
    throw refused('binds of instances are for auth_type ec2, or with inferred_entity_type ec2_instance');
  }
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
