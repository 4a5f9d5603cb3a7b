/** Parameters of the Parameter Store that are encrypted (SecureString), as far as Coffer reads them: those that another program left. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

/** Every call rejects with `AwsError`, and has a deadline. */
export interface SecretParameters {
  /** Names with this beginning, in pages, in AWS's order. */
  names(prefix: string): AsyncIterable<readonly string[]>;
  /** What parameters say, in the clear; those that are not there are left out. At most 10 names. */
  values(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Where it asks; undefined where nobody says. */
  region(): Promise<string | undefined>;
  close(): void;
}

/** Connects to nothing and loads nothing before the first call. */
export function secretParameters(options: AwsOptions): SecretParameters {
  const ssm = new LazyClient(
    options,
    { service: 'the Parameter Store', env: 'SSM' },
    async () => (await import('./ssm-sdk.ts')).ssmSdk,
    (sdk, config) => new sdk.SSMClient(config),
  );
  return {
    async *names(prefix) {
      const filters = [{ Key: 'Name', Option: 'BeginsWith', Values: [prefix] }];
      let token: string | undefined;
      do {
        const input = {
          ParameterFilters: filters,
          MaxResults: 50,
          ...(token === undefined ? {} : { NextToken: token }),
        };
        const about = { action: 'ssm:DescribeParameters', resource: `parameters ${prefix}*` };
        const answer = await ssm.call(about, ({ sdk, client }, abortSignal) =>
          client.send(new sdk.DescribeParametersCommand(input), { abortSignal }),
        );
        yield (answer.Parameters ?? []).flatMap(({ Name }) => (Name === undefined ? [] : [Name]));
        if (answer.NextToken === token && token !== undefined) throw endless();
        token = answer.NextToken === '' ? undefined : answer.NextToken;
      } while (token !== undefined);
    },
    async values(names) {
      const about = { action: 'ssm:GetParameters', resource: `parameter ${names.join(', ')}` };
      const input = { Names: [...names], WithDecryption: true };
      const { Parameters = [] } = await ssm.call(about, ({ sdk, client }, abortSignal) =>
        client.send(new sdk.GetParametersCommand(input), { abortSignal }),
      );
      return new Map(Parameters.map(({ Name = '', Value = '' }) => [Name, Value]));
    },
    region: () => ssm.region(),
    close: () => ssm.close(),
  };
}

function endless(): AwsError {
  return new AwsError('aws-fault', 'the Parameter Store named the same page twice; try again');
}
