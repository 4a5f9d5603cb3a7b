/** Where AWS is and who asks: what people configure, alike for every service. */
import { CofferError } from '../errors.ts';

/** Options as people write them, in the query of an address: `awskms:alias/coffer?region=eu-central-1`. */
export interface AwsAccount {
  /** Before `AWS_REGION`, `AWS_DEFAULT_REGION` and the profile's. */
  readonly region?: string | undefined;
  /** A profile of the shared configuration; before credentials of the environment. */
  readonly profile?: string | undefined;
  /** Before `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL`. */
  readonly endpoint?: string | undefined;
  /** A role to assume with whatever credentials there are. */
  readonly roleArn?: string | undefined;
  /** What the role's trust policy wants to hear besides. */
  readonly externalId?: string | undefined;
}

export interface AwsOptions extends AwsAccount {
  /** The process's environment; the SDK's default chain reads it, and files, by itself. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds for a call with all its retries; 15 seconds unless told. */
  readonly deadline?: number | undefined;
  /** Requests at most for one call; 4 unless told. */
  readonly attempts?: number | undefined;
  /** Ends calls under way and refuses new ones. */
  readonly signal?: AbortSignal | undefined;
}

/** The environment's name for a service, as in `AWS_ENDPOINT_URL_KMS`. */
export type ServiceWord =
  | 'KMS'
  | 'DYNAMODB'
  | 'S3'
  | 'STS'
  | 'EC2'
  | 'IAM'
  | 'SSM'
  | 'SNS'
  | 'SECRETS_MANAGER';

/** Names of the account's options in a query. */
export const awsQueryNames = ['region', 'profile', 'endpoint', 'role_arn', 'external_id'] as const;

/**
 * The account's options of a query; others are the caller's to look at. Throws `invalid_request` for a value that cannot be, and
 * for an option that is there twice or empty.
 */
export function parseAwsQuery(query: URLSearchParams): AwsAccount {
  const [region, profile, endpoint, roleArn, externalId] = awsQueryNames.map((name) => single(query, name));
  return checkAwsAccount({ region, profile, endpoint, roleArn, externalId });
}

/** The same account. Throws `invalid_request`, naming the option that cannot be; nothing is looked up. */
export function checkAwsAccount(account: AwsAccount): AwsAccount {
  const { region, profile, endpoint, roleArn, externalId } = account;
  // It becomes part of a host name.
  if (region !== undefined && !/^[a-z]{2}[a-z0-9-]{1,40}$/.test(region)) {
    throw new CofferError('invalid_request', 'an AWS region is a word such as eu-central-1');
  }
  if (profile !== undefined && !/^[^\p{Cc}[\]]{1,200}$/u.test(profile)) {
    throw new CofferError('invalid_request', 'an AWS profile is named by a line of at most 200 characters');
  }
  if (roleArn !== undefined && !/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,600}$/.test(roleArn)) {
    throw new CofferError(
      'invalid_request',
      'role_arn is the ARN of a role: arn:aws:iam::123456789012:role/NAME',
    );
  }
  if (externalId !== undefined && (roleArn === undefined || !/^[\w+=,.@:/-]{2,1224}$/.test(externalId))) {
    throw new CofferError(
      'invalid_request',
      'external_id goes with role_arn, and is 2 to 1,224 letters, digits and any of _+=,.@:/-',
    );
  }
  if (endpoint !== undefined) checkEndpoint(endpoint, 'endpoint');
  return account;
}

/** The region that was said, as far as it is known without reading the profile. Throws `invalid_request`. */
export function saidRegion({ region, env }: AwsOptions): string | undefined {
  const said = [region, env['AWS_REGION'], env['AWS_DEFAULT_REGION']].find(
    (each) => each !== undefined && each !== '',
  );
  return checkAwsAccount({ region: said }).region;
}

/** The address that was said for a service; the SDK looks into the profile where there is none. Throws `invalid_request`. */
export function saidEndpoint({ endpoint, env }: AwsOptions, service: ServiceWord): string | undefined {
  // What an option says is for the one service it was given for; roles are assumed where roles are.
  if (endpoint !== undefined && service !== 'STS') return checkEndpoint(endpoint, 'endpoint');
  for (const name of [`AWS_ENDPOINT_URL_${service}`, 'AWS_ENDPOINT_URL']) {
    const said = env[name];
    if (said !== undefined && said !== '') return checkEndpoint(said, name);
  }
  return undefined;
}

function checkEndpoint(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url === undefined || !plain || !/^https?:$/.test(url.protocol)) {
    throw new CofferError(
      'invalid_request',
      `${what} is an address such as https://kms.eu-central-1.amazonaws.com, without user name and query`,
    );
  }
  return url.href.replace(/\/$/, '');
}

function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) throw new CofferError('invalid_request', `"${name}" is given more than once`);
  if (values[0] === '') throw new CofferError('invalid_request', `"${name}" is empty`);
  return values[0];
}
