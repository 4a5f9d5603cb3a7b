/** What a mount asks AWS. Each answer is about one account, and is never taken for another's. */
import type { PrincipalArn } from './arn.ts';

/** An instance as EC2 describes it now. */
export interface Instance {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  /** `running`, `stopped`, … */
  readonly state: string;
  readonly imageId: string;
  readonly vpcId: string;
  readonly subnetId: string;
  /** Empty where it has none. */
  readonly profileArn: string;
  readonly tags: ReadonlyMap<string, string>;
}

export interface AwsQuestions {
  /** Undefined where the account has none of this id. Rejects with `AwsError`. */
  instance(account: string, region: string, id: string): Promise<Instance | undefined>;
  /** ARNs of the roles that an instance profile hands to its instances. Rejects with `AwsError`. */
  profileRoles(profileArn: string): Promise<readonly string[]>;
  /** Of a user or a role: what AWS gives a principal once and never again. Rejects with `AwsError`, `not-found` for nobody. */
  uniqueId(principal: PrincipalArn): Promise<string>;
}
