/** What a mount asks AWS. Each answer is about one account, and is never taken for another's. */
import type { DescribedInstance } from '../../aws/ec2.ts';
import type { IamPrincipal } from '../../aws/iam.ts';
import type { PrincipalArn } from './arn.ts';

export type Instance = DescribedInstance;

export interface AwsQuestions {
  /** As it was within the last minute; undefined where the account has none of this id. Rejects with `AwsError`. */
  instance(account: string, region: string, id: string): Promise<Instance | undefined>;
  /** ARNs of the roles that an instance profile hands to its instances. Rejects with `AwsError`. */
  profileRoles(profile: PrincipalArn): Promise<readonly string[]>;
  /** A user or a role, with its path and with what AWS gives once and never again. Rejects with `AwsError`, `not-found` for nobody. */
  principal(principal: PrincipalArn): Promise<IamPrincipal>;
}
