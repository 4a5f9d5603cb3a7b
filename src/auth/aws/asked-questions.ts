/**
 * The questions as they are asked: by one client for each account, region and way of asking, whose answers are kept apart. What is
 * known of one account is never looked at for another, whatever the names are (OSV: CVE-2025-11621).
 */
import type { AwsOptions } from '../../aws/aws-options.ts';
import { type AwsPlaces, requireListed } from '../../aws/aws-places.ts';
import { ec2Client } from '../../aws/ec2.ts';
import { type IamClient, type IamPrincipal, iamClient } from '../../aws/iam.ts';
import type { Clock } from '../../clock.ts';
import type { View } from '../../core/view.ts';
import { sha256 } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';
import { Answers } from './answers.ts';
import { type PrincipalArn, parseArn } from './arn.ts';
import { type ClientConfig, noClientConfig, readClientConfig, usualEc2PerSecond } from './client-config.ts';
import { InstanceLookup } from './instance-lookup.ts';
import type { AwsQuestions, Instance } from './questions.ts';
import { readStsAccount, type StsAccount } from './sts-accounts.ts';

/** Milliseconds. What an instance is may change, and a profile be given other roles; that there is none is known for less. */
const goodFor = 60_000;
const absenceGoodFor = 5_000;
const mostAnswers = 20_000;
const mostClients = 256;

/** One way of asking. */
interface Way {
  readonly options: AwsOptions;
  readonly ec2Endpoint: string;
  readonly iamEndpoint: string;
  /** Questions to EC2. */
  readonly perSecond: number;
}

/** What one mount has of AWS in this process. */
export class AskedQuestions {
  readonly #places: AwsPlaces;
  readonly #clock: Clock;
  readonly #instances: Answers<Instance | undefined>;
  readonly #profiles: Answers<readonly string[]>;
  readonly #lookups = new Map<string, InstanceLookup>();
  readonly #iams = new Map<string, IamClient>();

  constructor(places: AwsPlaces, clock: Clock) {
    this.#places = places;
    this.#clock = clock;
    this.#instances = new Answers(clock, {
      goodFor: (instance) => (instance === undefined ? absenceGoodFor : goodFor),
      most: mostAnswers,
    });
    this.#profiles = new Answers(clock, { goodFor: () => goodFor, most: mostAnswers });
  }

  /** @param view from which the config is read, with each question that is not answered already */
  from(view: View): AwsQuestions {
    return {
      instance: (account, region, id) => this.#instance(view, account, region, id),
      profileRoles: (profile) => this.#profileRoles(view, profile),
      principal: (principal) => this.#principal(view, principal),
    };
  }

  close(): void {
    for (const lookup of this.#lookups.values()) lookup.close();
    for (const iam of this.#iams.values()) iam.close();
    this.#lookups.clear();
    this.#iams.clear();
  }

  async #instance(view: View, account: string, region: string, id: string): Promise<Instance | undefined> {
    const way = await this.#way(view, account, region);
    const about = `${wayName(way)}\0${account}\0${region}\0${id}`;
    const known = this.#instances.get(about);
    if (known !== undefined) return known.value;
    const instance = await this.#lookup(way).find(id, way.perSecond);
    // What another account has is nothing that this one has.
    const own = instance?.account === account ? instance : undefined;
    this.#instances.set(about, own);
    return own;
  }

  async #profileRoles(view: View, profile: PrincipalArn): Promise<readonly string[]> {
    const way = await this.#way(view, profile.account, undefined);
    const about = `${wayName(way)}\0${profile.account}\0${profile.path}${profile.name}`;
    const known = this.#profiles.get(about);
    if (known !== undefined) return known.value;
    const arns = await this.#iam(way).instanceProfileRoles(profile.name);
    const own = arns.filter((arn) => parseArn(arn)?.account === profile.account);
    this.#profiles.set(about, own);
    return own;
  }

  async #principal(view: View, asked: PrincipalArn): Promise<IamPrincipal> {
    const way = await this.#way(view, asked.account, undefined);
    const iam = this.#iam(way);
    const found = await (asked.kind === 'user' ? iam.user(asked.name) : iam.role(asked.name));
    // The credentials may be of another account, where somebody of the same name is somebody else.
    if (parseArn(found.arn)?.account === asked.account) return found;
    throw new CofferError(
      'not_found',
      `account ${asked.account} cannot be asked: say by which role of it, in config/sts/${asked.account}`,
    );
  }

  async #way(view: View, account: string, region: string | undefined): Promise<Way> {
    const [config = noClientConfig, sts] = await Promise.all([
      readClientConfig(view),
      readStsAccount(view, account),
    ]);
    requireListed(
      'endpoint, iam_endpoint and sts_endpoint',
      [config.endpoint, config.iamEndpoint, config.stsEndpoint],
      this.#places,
    );
    return {
      options: optionsOf(config, sts, region, this.#places),
      ec2Endpoint: config.endpoint,
      iamEndpoint: config.iamEndpoint,
      perSecond: config.ec2PerSecond ?? usualEc2PerSecond,
    };
  }

  #lookup(way: Way): InstanceLookup {
    return kept(
      this.#lookups,
      `${wayName(way)}`,
      () => new InstanceLookup(ec2Client({ ...way.options, ...endpointOf(way.ec2Endpoint) }), this.#clock),
    );
  }

  #iam(way: Way): IamClient {
    return kept(this.#iams, wayName(way), () =>
      iamClient({ ...way.options, ...endpointOf(way.iamEndpoint) }),
    );
  }
}

function optionsOf(
  config: ClientConfig,
  sts: StsAccount | undefined,
  region: string | undefined,
  { env, deadline }: AwsPlaces,
): AwsOptions {
  const roleArn = sts?.role ?? (config.roleArn === '' ? undefined : config.roleArn);
  return {
    // Keys of the config are asked with as if they were the process's own: nothing of the real ones is mixed in.
    env: config.accessKey === '' ? env : withKeys(env, config),
    ...(region === undefined ? iamRegion(env, config) : { region }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(sts === undefined || sts.externalId === '' ? {} : { externalId: sts.externalId }),
    ...(config.maxRetries < 0 ? {} : { attempts: config.maxRetries + 1 }),
    ...(deadline === undefined ? {} : { deadline }),
  };
}

/** IAM is one service in all regions of a partition, and still wants to be asked from one. */
function iamRegion(env: AwsPlaces['env'], { stsRegion }: ClientConfig): { readonly region: string } | object {
  if (stsRegion !== '') return { region: stsRegion };
  return env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] ? {} : { region: 'us-east-1' };
}

function withKeys(env: AwsPlaces['env'], config: ClientConfig): AwsPlaces['env'] {
  const { AWS_SESSION_TOKEN: _, AWS_PROFILE: __, ...others } = env;
  return { ...others, AWS_ACCESS_KEY_ID: config.accessKey, AWS_SECRET_ACCESS_KEY: config.secretKey };
}

function endpointOf(endpoint: string): { readonly endpoint?: string } {
  return endpoint === '' ? {} : { endpoint };
}

/** Tells ways apart, also those whose keys have one name and two secrets. */
function wayName({ options, ec2Endpoint, iamEndpoint }: Way): string {
  const { env, region = '', roleArn = '', externalId = '', attempts = '' } = options;
  const key = env['AWS_ACCESS_KEY_ID'] ?? '';
  const secret = sha256(Buffer.from(env['AWS_SECRET_ACCESS_KEY'] ?? '')).toString('base64');
  return [key, secret, region, roleArn, externalId, attempts, ec2Endpoint, iamEndpoint].join('\0');
}

function kept<T extends { close(): void }>(all: Map<string, T>, name: string, make: () => T): T {
  const one = all.get(name) ?? make();
  // The one that was asked last stands last.
  all.delete(name);
  all.set(name, one);
  const [oldest] = all;
  if (all.size > mostClients && oldest !== undefined) {
    all.delete(oldest[0]);
    oldest[1].close();
  }
  return one;
}
