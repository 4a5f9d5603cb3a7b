/** What is used of the Parameter Store's client, by name: the build leaves out the rest. Loaded with `import()` by the first call. */
import {
  GetParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';

export const ssmSdk = {
  GetParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
  SSMClient,
} as const;
