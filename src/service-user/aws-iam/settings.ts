/** What a provider of users of IAM is told: as whom and where it asks, and what its users are like. */
import type { AwsOptions } from '../../aws/aws-options.ts';
import { checkAwsAccount } from '../../aws/aws-options.ts';
import { type AwsPlaces, requireAmbient, requireListed } from '../../aws/aws-places.ts';
import { CofferError } from '../../errors.ts';
import type { ProviderSettings } from '../provider.ts';
import { concurrencyOf, listOf, type ProviderOptions, refuseUnknown } from '../provider-options.ts';

export const awsIamType = 'aws-iam';

const known = [
  'access_key',
  'region',
  'role_arn',
  'external_id',
  'iam_endpoint',
  'sts_endpoint',
  'path',
  'boundary',
  'groups',
  'policies',
  'concurrency',
] as const;

export interface AwsIamSettings {
  readonly iam: AwsOptions;
  /** With `/` at both ends, and never that of the whole account. */
  readonly path: string;
  /** ARN of the policy that no user's rights go beyond; empty for none. */
  readonly boundary: string;
  readonly groups: readonly string[];
  readonly policies: readonly string[];
  readonly concurrency: number;
}

/** Throws `invalid_request`, naming what cannot be or what the server's settings do not allow. */
export function parseSettings({ options, secret }: ProviderSettings, places: AwsPlaces): AwsIamSettings {
  refuseUnknown(awsIamType, options, known);
  const { iam_endpoint: iamEndpoint = '', sts_endpoint: stsEndpoint = '', access_key: key = '' } = options;
  requireListed('iam_endpoint and sts_endpoint', [iamEndpoint, stsEndpoint], places);
  if ((key === '') !== (secret === '') || (key !== '' && !/^\w{16,128}$/.test(key))) {
    throw new CofferError(
      'invalid_request',
      'access_key is the id of a key, and goes with the secret, which is its secret access key',
    );
  }
  if (key === '') requireAmbient(places);
  const role = options['role_arn'] ?? '';
  const externalId = options['external_id'] ?? '';
  const account = checkAwsAccount({
    region: options['region'] || places.env['AWS_REGION'] || places.env['AWS_DEFAULT_REGION'] || 'us-east-1',
    ...(role === '' ? {} : { roleArn: role }),
    ...(externalId === '' ? {} : { externalId }),
    ...(iamEndpoint === '' ? {} : { endpoint: iamEndpoint }),
  });
  return {
    iam: {
      ...account,
      env: environmentOf(places.env, { key, secret, stsEndpoint }),
      ...(places.deadline === undefined ? {} : { deadline: places.deadline }),
    },
    path: pathOf(options),
    boundary: arnOf('boundary', options['boundary'] ?? ''),
    groups: listOf(options, 'groups').map(groupName),
    policies: listOf(options, 'policies').map((arn) => arnOf('policies', arn)),
    concurrency: concurrencyOf(options, 4),
  };
}

/** Who asks with a key of its own asks as if it were the process's: nothing of the real ones is mixed in. */
function environmentOf(
  env: AwsPlaces['env'],
  {
    key,
    secret,
    stsEndpoint,
  }: { readonly key: string; readonly secret: string; readonly stsEndpoint: string },
): AwsPlaces['env'] {
  const { AWS_SESSION_TOKEN: _, AWS_PROFILE: __, ...others } = env;
  const keyed = key === '' ? env : { ...others, AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret };
  return stsEndpoint === '' ? keyed : { ...keyed, AWS_ENDPOINT_URL_STS: stsEndpoint };
}

function pathOf(options: ProviderOptions): string {
  const path = options['path'] || '/coffer/';
  if (/^\/(?:[\w+=,.@-]+\/){1,20}$/.test(path) && path.length <= 500) return path;
  throw new CofferError(
    'invalid_request',
    'path is where the users are, and theirs alone: such as /coffer/, of letters, digits and any of _+=,.@- between slashes',
  );
}

function arnOf(name: string, arn: string): string {
  if (arn === '' || /^arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy\/[\w+=,.@/-]{1,600}$/.test(arn)) return arn;
  throw new CofferError(
    'invalid_request',
    `${name} is of ARNs of policies: arn:aws:iam::123456789012:policy/NAME`,
  );
}

function groupName(name: string): string {
  if (/^[\w+=,.@-]{1,128}$/.test(name)) return name;
  throw new CofferError('invalid_request', 'groups are names of groups of IAM, with commas between them');
}
