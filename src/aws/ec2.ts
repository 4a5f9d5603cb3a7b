/** EC2, as far as anything here needs it: what an account's instances are now. */
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface DescribedInstance {
  readonly id: string;
  /** Twelve digits. */
  readonly account: string;
  /** `running`, `stopped`, …; empty where EC2 did not say. */
  readonly state: string;
  readonly imageId: string;
  readonly vpcId: string;
  readonly subnetId: string;
  /** Empty for none. */
  readonly profileArn: string;
  readonly tags: ReadonlyMap<string, string>;
}

export interface Ec2Client {
  /**
   * Those of them that the account has, in no order. Asked by a filter, so that one id that is not there does not fail the others; at
   * most 200, which is what a filter takes. Rejects with `AwsError`.
   */
  describeInstances(ids: readonly string[]): Promise<readonly DescribedInstance[]>;
  close(): void;
}

/** Values of one filter. */
export const mostInstances = 200;

/** Connects to nothing and loads nothing before the first call. */
export function ec2Client(options: AwsOptions): Ec2Client {
  const ec2 = new LazyClient(
    options,
    { service: 'EC2', env: 'EC2' },
    () => import('@aws-sdk/client-ec2'),
    (sdk, config) => new sdk.EC2Client(config),
  );
  return {
    describeInstances: (ids) => {
      const about = { action: 'ec2:DescribeInstances', resource: `${ids.length} instances` };
      return ec2.call(about, async ({ sdk, client }, abortSignal) => {
        const found: DescribedInstance[] = [];
        let token: string | undefined;
        do {
          const answer = await client.send(
            new sdk.DescribeInstancesCommand({
              Filters: [{ Name: 'instance-id', Values: [...ids] }],
              ...(token === undefined ? {} : { NextToken: token }),
            }),
            { abortSignal },
          );
          for (const { OwnerId = '', Instances = [] } of answer.Reservations ?? [])
            found.push(...Instances.map((each) => described(OwnerId, each)));
          token = answer.NextToken;
        } while (token !== undefined && token !== '');
        return found;
      });
    },
    close: () => ec2.close(),
  };
}

interface Said {
  readonly InstanceId?: string | undefined;
  readonly State?: { readonly Name?: string | undefined } | undefined;
  readonly ImageId?: string | undefined;
  readonly VpcId?: string | undefined;
  readonly SubnetId?: string | undefined;
  readonly IamInstanceProfile?: { readonly Arn?: string | undefined } | undefined;
  readonly Tags?:
    | readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[]
    | undefined;
}

function described(account: string, said: Said): DescribedInstance {
  return {
    id: said.InstanceId ?? '',
    account,
    state: said.State?.Name ?? '',
    imageId: said.ImageId ?? '',
    vpcId: said.VpcId ?? '',
    subnetId: said.SubnetId ?? '',
    profileArn: said.IamInstanceProfile?.Arn ?? '',
    tags: new Map((said.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  };
}
