/** `config/client`: as whom, and where, the mount asks AWS. */
import { type AwsPlaces, requireListed } from '../../aws/aws-places.ts';
import { type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { IdentityEndpoint } from './published-keys.ts';

/** Texts are empty where nothing is set. */
export interface ClientConfig {
  /** Empty for the server's own identity. */
  readonly accessKey: string;
  readonly secretKey: string;
  /** A role to assume with them. */
  readonly roleArn: string;
  readonly endpoint: string;
  readonly iamEndpoint: string;
  readonly stsEndpoint: string;
  readonly stsRegion: string;
  /** Ask the STS of the region that a login was signed for. */
  readonly stsRegionFromClient: boolean;
  /** What a login has to have signed in `X-Vault-AWS-IAM-Server-ID`; empty asks for nothing. */
  readonly serverId: string;
  /** Further headers that a signed request may have, in lower case. */
  readonly allowedHeaders: readonly string[];
  /** -1 for the usual number. */
  readonly maxRetries: number;
  /** Questions to EC2 a second, of one account and region; configs of an earlier version do not say. */
  readonly ec2PerSecond?: number;
  /** Forms of proof by which no instance logs in; absent as the other. */
  readonly refusedProofs?: readonly IdentityEndpoint[];
}

/** EC2 gives back ten to twenty questions a second to an account (EC2 API reference, "Request throttling"). */
export const usualEc2PerSecond = 10;

export const noClientConfig: ClientConfig = {
  accessKey: '',
  secretKey: '',
  roleArn: '',
  endpoint: '',
  iamEndpoint: '',
  stsEndpoint: '',
  stsRegion: '',
  stsRegionFromClient: false,
  serverId: '',
  allowedHeaders: [],
  maxRetries: -1,
};

export const clientConfigPath = 'config/client';
const path = clientConfigPath;

const fields = {
  access_key: { type: 'string', help: 'Access key; without it the server’s own identity asks.' },
  secret_key: { type: 'string', help: 'Its secret; never shown.', sensitive: true },
  role_arn: { type: 'string', help: 'A role to assume.' },
  endpoint: { type: 'string', help: 'Address of EC2, if it is not AWS’s own.' },
  iam_endpoint: { type: 'string', help: 'Address of IAM, if it is not AWS’s own.' },
  sts_endpoint: { type: 'string', help: 'Address of STS, if it is not AWS’s own.' },
  sts_region: { type: 'string', help: 'Region whose STS is asked.' },
  use_sts_region_from_client: {
    type: 'bool',
    help: 'Ask the STS of the region that a login was signed for.',
  },
  iam_server_id_header_value: {
    type: 'string',
    help: 'What logins have to sign in X-Vault-AWS-IAM-Server-ID, so that a request signed for another server is no login here.',
  },
  allowed_sts_header_values: { type: 'list', help: 'Further headers that a signed request may have.' },
  max_retries: { type: 'int', help: 'Retries of a call; -1 is the usual number.' },
  refused_proofs: {
    type: 'list',
    help: 'Forms of proof of instances that are not taken: rsa2048, pkcs7 (DSA with SHA-1), signature (RSA with 1,024 bits).',
  },
  ec2_requests_per_second: {
    type: 'int',
    help: `Questions to EC2 of one account and region in a second, each about up to 200 instances; ${usualEc2PerSecond} unless told.`,
  },
} as const satisfies Fields;

export async function readClientConfig(view: View): Promise<ClientConfig | undefined> {
  const sealed = await view.read(path);
  return sealed === undefined ? undefined : decodeStored<ClientConfig>(sealed.open());
}

export function clientConfigEndpoint(places: AwsPlaces): Endpoint {
  return endpoint({
    pattern: 'config/client',
    help: 'As whom, and where, AWS is asked.',
    fields,
    exists: async (call) => (await readClientConfig(call.view)) !== undefined,
    operations: {
      read: {
        summary: 'Show how AWS is asked',
        response: {
          access_key: { type: 'string' },
          role_arn: { type: 'string' },
          endpoint: { type: 'string' },
          iam_endpoint: { type: 'string' },
          sts_endpoint: { type: 'string' },
          sts_region: { type: 'string' },
          use_sts_region_from_client: { type: 'bool' },
          iam_server_id_header_value: { type: 'string' },
          allowed_sts_header_values: { type: 'list' },
          max_retries: { type: 'int' },
          ec2_requests_per_second: { type: 'int' },
          refused_proofs: { type: 'list' },
        },
        handle: async (call) => {
          const config = await readClientConfig(call.view);
          return config === undefined ? undefined : { data: shown(config) };
        },
      },
      update: {
        summary: 'Set how AWS is asked',
        handle: async (call) => {
          await retryOnConflict(async () => {
            const sealed = await call.view.read(path);
            const before = sealed === undefined ? noClientConfig : decodeStored<ClientConfig>(sealed.open());
            const value = encodeStored(withFields(before, call.fields, places));
            await call.view.commit([{ path, value }], [{ path, revision: sealed?.revision ?? null }]);
          });
          return undefined;
        },
      },
      delete: {
        summary: 'Ask AWS as usual again',
        handle: async (call) => {
          await call.view.commit([{ path, value: null }]);
          return undefined;
        },
      },
    },
  });
}

function withFields(before: ClientConfig, sent: FieldValues<typeof fields>, places: AwsPlaces): ClientConfig {
  const config: ClientConfig = {
    accessKey: sent.access_key ?? before.accessKey,
    secretKey: sent.secret_key ?? before.secretKey,
    roleArn: sent.role_arn ?? before.roleArn,
    endpoint: sent.endpoint ?? before.endpoint,
    iamEndpoint: sent.iam_endpoint ?? before.iamEndpoint,
    stsEndpoint: sent.sts_endpoint ?? before.stsEndpoint,
    stsRegion: sent.sts_region ?? before.stsRegion,
    stsRegionFromClient: sent.use_sts_region_from_client ?? before.stsRegionFromClient,
    serverId: sent.iam_server_id_header_value ?? before.serverId,
    allowedHeaders:
      sent.allowed_sts_header_values?.map((name) => name.toLowerCase()) ?? before.allowedHeaders,
    maxRetries: sent.max_retries ?? before.maxRetries,
    refusedProofs: sent.refused_proofs?.map(parseProof) ?? before.refusedProofs ?? [],
    ec2PerSecond: sent.ec2_requests_per_second ?? before.ec2PerSecond ?? usualEc2PerSecond,
  };
  check(config);
  requireListed(
    'endpoint, iam_endpoint and sts_endpoint',
    [config.endpoint, config.iamEndpoint, config.stsEndpoint],
    places,
  );
  return config;
}

function check(config: ClientConfig): void {
  if ((config.accessKey === '') !== (config.secretKey === ''))
    throw refused('access_key and secret_key go together');
  if (config.accessKey !== '' && !/^\w{16,128}$/.test(config.accessKey))
    throw refused('access_key is none of AWS');
  if (config.roleArn !== '' && !/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(config.roleArn))
    throw refused('role_arn is the ARN of a role');
  if (config.stsRegion !== '' && !/^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/.test(config.stsRegion))
    throw refused('sts_region is a region such as eu-central-1');
  if (!/^[\x21-\x7e]{0,255}$/.test(config.serverId))
    throw refused('iam_server_id_header_value is printable text without spaces');
  if (config.maxRetries < -1 || config.maxRetries > 10) throw refused('max_retries is -1 to 10');
  const { ec2PerSecond = usualEc2PerSecond } = config;
  if (ec2PerSecond < 1 || ec2PerSecond > 1_000) throw refused('ec2_requests_per_second is 1 to 1,000');
  const wrong = config.allowedHeaders.length > 32 || !config.allowedHeaders.every(isHeaderName);
  if (wrong) throw refused('allowed_sts_header_values has at most 32 names of headers');
}

function parseProof(name: string): IdentityEndpoint {
  if (name === 'rsa2048' || name === 'pkcs7' || name === 'signature') return name;
  throw refused('refused_proofs holds rsa2048, pkcs7 or signature');
}

function isHeaderName(name: string): boolean {
  return /^[a-z0-9-]{1,64}$/.test(name);
}

function shown(config: ClientConfig): JsonObject {
  return {
    access_key: config.accessKey,
    role_arn: config.roleArn,
    endpoint: config.endpoint,
    iam_endpoint: config.iamEndpoint,
    sts_endpoint: config.stsEndpoint,
    sts_region: config.stsRegion,
    use_sts_region_from_client: config.stsRegionFromClient,
    iam_server_id_header_value: config.serverId,
    allowed_sts_header_values: config.allowedHeaders,
    max_retries: config.maxRetries,
    ec2_requests_per_second: config.ec2PerSecond ?? usualEc2PerSecond,
    refused_proofs: config.refusedProofs ?? [],
  };
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
