/** Who asks AWS, as STS says: a question that needs no right, and that no policy can forbid. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface AwsCaller {
  /** `arn:aws:sts::123456789012:assumed-role/app/i-0123456789abcdef0`, say. */
  readonly arn: string;
  /** `aws`, `aws-cn`, … */
  readonly partition: string;
  /** Twelve digits. */
  readonly account: string;
}

/**
 * The identity of the credentials that the SDK's default chain finds; without a region by STS's first endpoint. Rejects with
 * `AwsError`, or with `invalid_request` for options that cannot be.
 */
export async function callerIdentity(options: AwsOptions): Promise<AwsCaller> {
  try {
    return await ask(options);
  } catch (error) {
    if (!(error instanceof AwsError) || error.reason !== 'no-region') throw error;
    return ask({ ...options, region: 'us-east-1' });
  }
}

async function ask(options: AwsOptions): Promise<AwsCaller> {
  const sts = new LazyClient(
    options,
    { service: 'STS', env: 'STS' },
    () => import('@aws-sdk/client-sts'),
    (sdk, config) => new sdk.STSClient(config),
  );
  const about = { action: 'sts:GetCallerIdentity', resource: 'your own identity' };
  try {
    return await sts.call(about, async ({ sdk, client }, abortSignal) => {
      const { Arn = '', Account = '' } = await client.send(new sdk.GetCallerIdentityCommand({}), {
        abortSignal,
      });
      const partition = /^arn:(aws(?:-[a-z]+)*):(?:iam|sts)::\d{12}:[\w+=,.@/-]{1,600}$/.exec(Arn)?.[1];
      if (partition !== undefined && /^\d{12}$/.test(Account))
        return { arn: Arn, partition, account: Account };
      throw new AwsError('aws-fault', 'STS answered without what it was asked for; try again');
    });
  } finally {
    sts.close();
  }
}
