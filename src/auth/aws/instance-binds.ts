/** Whether an instance is what a role wants it to be. */
import { AwsError } from '../../aws/aws-error.ts';
import { CofferError } from '../../errors.ts';
import { matchesArn, parseArn } from './arn.ts';
import type { AwsQuestions, Instance } from './questions.ts';
import type { AwsRole } from './role.ts';

export interface PlacedInstance extends Instance {
  readonly region: string;
}

/** What an instance is said to be before AWS is asked about it. */
export interface StatedInstance {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  /** Absent where nobody has said. */
  readonly imageId?: string;
}

/**
 * What of a role's binds can be told without asking: whatever is not of an account that the role is for costs AWS no question. Throws
 * `permission_denied` as `checkInstance` does.
 */
export function checkStated({ instance: binds }: AwsRole, stated: StatedInstance): void {
  const { amis, accounts, regions, instances, profileArns, roleArns } = binds;
  const arns = (list: readonly string[]) => list.map((arn) => arn.split(':')[4] ?? '');
  requireBinds([
    ['bound_account_id', accounts, stated.account],
    ['bound_region', regions, stated.region],
    ['bound_ec2_instance_id', instances, stated.id],
    ['bound_iam_instance_profile_arn', arns(profileArns), stated.account],
    ['bound_iam_role_arn', arns(roleArns), stated.account],
    ...(stated.imageId === undefined ? [] : [['bound_ami_id', amis, stated.imageId] as const]),
  ]);
}

/** Rejects with `permission_denied` and the bind that does not hold, which stays inside; or with `AwsError`. */
export async function checkInstance(
  role: AwsRole,
  instance: PlacedInstance,
  questions: AwsQuestions,
): Promise<void> {
  const { amis, accounts, regions, vpcs, subnets, instances, profileArns, roleArns } = role.instance;
  requireBinds([
    ['bound_ami_id', amis, instance.imageId],
    ['bound_account_id', accounts, instance.account],
    ['bound_region', regions, instance.region],
    ['bound_vpc_id', vpcs, instance.vpcId],
    ['bound_subnet_id', subnets, instance.subnetId],
    ['bound_ec2_instance_id', instances, instance.id],
  ]);
  if (profileArns.length > 0 && !profileArns.some((bind) => matchesArn(bind, instance.profileArn)))
    throw refused('the instance is not as bound_iam_instance_profile_arn says');
  if (roleArns.length === 0) return;
  const arn = await roleOf(instance, questions);
  if (arn === undefined || !roleArns.some((bind) => matchesArn(bind, arn)))
    throw refused('the instance is not as bound_iam_role_arn says');
}

function requireBinds(
  binds: readonly (readonly [field: string, values: readonly string[], value: string])[],
) {
  for (const [field, values, value] of binds) {
    if (values.length > 0 && !values.includes(value)) throw refused(`the instance is not as ${field} says`);
  }
}

/** Its role where it has one, and itself where not, or where nobody may ask for the role. */
export async function provenName(instance: PlacedInstance, questions: AwsQuestions): Promise<string> {
  const itself = `${instance.account}:instance/${instance.id}`;
  const arn = await roleOf(instance, questions).catch((error: unknown) => {
    if (error instanceof AwsError && error.reason === 'denied') return undefined;
    throw error;
  });
  const role = arn === undefined ? undefined : parseArn(arn);
  return role?.kind === 'role' ? `${role.account}:role${role.path}${role.name}` : itself;
}

/** ARN of the role that an instance has by its profile, if it has one. Rejects with `AwsError`. */
export async function roleOf(instance: Instance, questions: AwsQuestions): Promise<string | undefined> {
  if (instance.profileArn === '') return undefined;
  const profile = parseArn(instance.profileArn);
  // A profile is of its instance's account; anything else was not said by EC2.
  if (profile?.kind !== 'instance-profile' || profile.account !== instance.account) return undefined;
  const [arn] = await questions.profileRoles(profile);
  return arn;
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}
