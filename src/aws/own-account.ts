/** Whose credentials these are: the account that this process acts for. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

/** Twelve digits, as STS says. Needs no permission of IAM's. Rejects with `AwsError`. */
export async function ownAccount(options: AwsOptions): Promise<string> {
  const sts = new LazyClient(
    options,
    { service: 'STS', env: 'STS' },
    () => import('@aws-sdk/client-sts'),
    (sdk, config) => new sdk.STSClient(config),
  );
  const about = { action: 'sts:GetCallerIdentity', resource: 'your own identity' };
  try {
    const { Account = '' } = await sts.call(about, ({ sdk, client }, abortSignal) =>
      client.send(new sdk.GetCallerIdentityCommand({}), { abortSignal }),
    );
    if (/^\d{12}$/.test(Account)) return Account;
    throw new AwsError('aws-fault', 'STS answered without an account; try again');
  } finally {
    sts.close();
  }
}
