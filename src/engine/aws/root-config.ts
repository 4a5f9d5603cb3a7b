/** `config/root` at rest: as whom, and where, a mount asks AWS. */
import type { AwsOptions } from '../../aws/aws-options.ts';
import type { AwsPlaces } from '../../aws/aws-places.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import type { Revision } from '../../storage/storage.ts';

/** Another key of the same user, on its way to take the place of the one that is asked with. */
export interface PendingKey {
  readonly user: string;
  /** Keys that the user had before: any other was made by the rotation. */
  readonly known: readonly string[];
  /** Milliseconds when the rotation began. */
  readonly startedAt: number;
  /** Milliseconds until which whoever began it may still be at it. */
  readonly busyUntil: number;
  /** Once AWS has made it. */
  readonly accessKey?: string;
  readonly secretKey?: string;
}

/** Texts are empty where nothing is set. */
export interface RootConfig {
  /** Empty for the server's own identity. */
  readonly accessKey: string;
  readonly secretKey: string;
  /** A role to assume with them. */
  readonly roleArn: string;
  readonly externalId: string;
  readonly region: string;
  readonly stsRegion: string;
  readonly iamEndpoint: string;
  readonly stsEndpoint: string;
  /** -1 for the usual number. */
  readonly maxRetries: number;
  readonly usernameTemplate: string;
  readonly pending?: PendingKey;
  /** The key before, until it is deleted. */
  readonly former?: { readonly user: string; readonly accessKey: string; readonly retryAt: number };
}

export const noRootConfig: RootConfig = {
  accessKey: '',
  secretKey: '',
  roleArn: '',
  externalId: '',
  region: '',
  stsRegion: '',
  iamEndpoint: '',
  stsEndpoint: '',
  maxRetries: -1,
  usernameTemplate: '',
};

export const rootPath = 'config/root';

export interface StoredRoot {
  readonly root: RootConfig;
  /** Null where nothing was written: then the server's own identity asks, if it may. */
  readonly revision: Revision | null;
}

export async function readRoot(view: View): Promise<StoredRoot> {
  const record = await view.read(rootPath);
  if (record === undefined) return { root: noRootConfig, revision: null };
  return { root: decodeStored<RootConfig>(record.open()), revision: record.revision };
}

export function encodeRoot(root: RootConfig): Buffer {
  return encodeStored(root);
}

/** How IAM and STS are asked by these. */
export function awsOptions(
  root: RootConfig,
  { env, deadline }: AwsPlaces,
): { readonly iam: AwsOptions; readonly sts: AwsOptions } {
  const region = root.region || env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1';
  const common: AwsOptions = {
    env: ownEnvironment(root, env),
    region,
    ...(root.roleArn === '' ? {} : { roleArn: root.roleArn }),
    ...(root.externalId === '' ? {} : { externalId: root.externalId }),
    ...(root.maxRetries < 0 ? {} : { attempts: root.maxRetries + 1 }),
    ...(deadline === undefined ? {} : { deadline }),
  };
  return {
    iam: root.iamEndpoint === '' ? common : { ...common, endpoint: root.iamEndpoint },
    sts: root.stsRegion === '' ? common : { ...common, region: root.stsRegion },
  };
}

/** Keys of the config are asked with as if they were the process's own: nothing of the real ones is mixed in. */
function ownEnvironment(root: RootConfig, env: AwsPlaces['env']): AwsPlaces['env'] {
  const { AWS_SESSION_TOKEN: _, AWS_PROFILE: __, ...others } = env;
  const keyed =
    root.accessKey === ''
      ? env
      : { ...others, AWS_ACCESS_KEY_ID: root.accessKey, AWS_SECRET_ACCESS_KEY: root.secretKey };
  return root.stsEndpoint === '' ? keyed : { ...keyed, AWS_ENDPOINT_URL_STS: root.stsEndpoint };
}
