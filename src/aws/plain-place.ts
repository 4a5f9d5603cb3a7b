/**
 * Whether a service can be asked without the SDK, and where it is then. The SDK knows every partition, profile and kind of
 * credentials; loading it costs a run of the command line more than its requests. So the plain way is taken where nothing but the plain
 * case is asked for: keys in the environment, a region that was said, and a public endpoint or one that was given. Of all else, and of
 * what is not known here, the SDK's client is asked, as before.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type AwsOptions, type ServiceWord, saidEndpoint, saidRegion } from './aws-options.ts';
import { type Credentials, fromEnvironment } from './client-config.ts';

export interface PlainPlace {
  readonly region: string;
  readonly endpoint: URL;
  readonly credentials: Credentials;
}

/** Partitions and their domains, as the SDK's own table has them; the isolated ones and those to come are left to it. */
const partitions: readonly (readonly [RegExp, string])[] = [
  [/^us-gov-[a-z]+-\d+$/, 'amazonaws.com'],
  [/^cn-[a-z]+-\d+$/, 'amazonaws.com.cn'],
  [/^(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+$/, 'amazonaws.com'],
];

/** The domain that services of a region are in; undefined for a partition that is not known here. */
export function publicDomain(region: string): string | undefined {
  return partitions.find(([pattern]) => pattern.test(region))?.[1];
}

/** Settings that change where a service is or how it is asked; set at all, to whatever value, they are the SDK's to read. */
const unusualNames = [
  'AWS_ACCOUNT_ID_ENDPOINT_MODE',
  'AWS_AUTH_SCHEME_PREFERENCE',
  'AWS_DEFAULTS_MODE',
  'AWS_ENABLE_ENDPOINT_DISCOVERY',
  'AWS_ENDPOINT_DISCOVERY_ENABLED',
  'AWS_USE_DUALSTACK_ENDPOINT',
  'AWS_USE_FIPS_ENDPOINT',
] as const;

/** The same in the shared files, wherever they stand there: which profile counts is not looked at. */
const unusualLine =
  /^\s*(?:account_id_endpoint_mode|auth_scheme_preference|defaults_mode|endpoint_discovery_enabled|endpoint_url|services|use_dualstack_endpoint|use_fips_endpoint)\s*=/m;

/** Undefined where the SDK has to be asked. Throws `invalid_request` for options that cannot be. */
export function plainPlace(options: AwsOptions, service: ServiceWord): PlainPlace | undefined {
  const region = saidRegion(options);
  const given = saidEndpoint(options, service);
  if (options.profile !== undefined || options.roleArn !== undefined || region === undefined)
    return undefined;
  const credentials = fromEnvironment(options.env);
  const domain = publicDomain(region);
  if (credentials === undefined || domain === undefined) return undefined;
  if (isSet(options.env, unusualNames) || isSet(process.env, unusualNames) || filesAreUnusual())
    return undefined;
  const endpoint = new URL(given ?? `https://${service.toLowerCase()}.${region}.${domain}`);
  return endpoint.pathname === '/' ? { region, endpoint, credentials } : undefined;
}

function isSet(env: AwsOptions['env'], names: readonly string[]): boolean {
  return names.some((name) => env[name] !== undefined && env[name] !== '');
}

/** Looked up as the SDK does it, in the process's own environment. */
function filesAreUnusual(): boolean {
  const { env } = process;
  const directory = join(env['HOME'] || env['USERPROFILE'] || homedir(), '.aws');
  const files = [
    env['AWS_CONFIG_FILE'] || join(directory, 'config'),
    env['AWS_SHARED_CREDENTIALS_FILE'] || join(directory, 'credentials'),
  ];
  return files.some(isUnusual);
}

/** A file that cannot be read, other than because it is not there, is for the SDK to judge. */
function isUnusual(file: string): boolean {
  try {
    return unusualLine.test(readFileSync(file, 'utf8'));
  } catch (error) {
    return !(
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    );
  }
}
