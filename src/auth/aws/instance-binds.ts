/** Whether an instance is what a role wants it to be. */
import { CofferError } from '../../errors.ts';
import { matchesArn, parseArn } from './arn.ts';
import type { AwsQuestions, Instance } from './questions.ts';
import type { AwsRole } from './role.ts';

export interface PlacedInstance extends Instance {
  readonly region: string;
}

/** Rejects with `permission_denied` and the bind that does not hold, which stays inside; or with `AwsError`. */
export async function checkInstance(
  role: AwsRole,
  instance: PlacedInstance,
  questions: AwsQuestions,
): Promise<void> {
  const { amis, accounts, regions, vpcs, subnets, instances, profileArns, roleArns } = role.instance;
  const binds = [
    ['bound_ami_id', amis, instance.imageId],
    ['bound_account_id', accounts, instance.account],
    ['bound_region', regions, instance.region],
    ['bound_vpc_id', vpcs, instance.vpcId],
    ['bound_subnet_id', subnets, instance.subnetId],
    ['bound_ec2_instance_id', instances, instance.id],
  ] as const;
  for (const [field, values, value] of binds) {
    if (values.length > 0 && !values.includes(value)) throw refused(`the instance is not as ${field} says`);
  }
  if (profileArns.length > 0 && !profileArns.some((bind) => matchesArn(bind, instance.profileArn)))
    throw refused('the instance is not as bound_iam_instance_profile_arn says');
  if (roleArns.length === 0) return;
  const arn = await roleOf(instance, questions);
  if (arn === undefined || !roleArns.some((bind) => matchesArn(bind, arn)))
    throw refused('the instance is not as bound_iam_role_arn says');
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
