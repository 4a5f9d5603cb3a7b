/**
 * Secrets Manager, asked in AWS's JSON protocol by the client of this room: the SDK's package for it would be one more, and only says who asks and where, which
 * that for STS does too.
 */
import type { STSClient } from '@aws-sdk/client-sts';
import { AwsError } from './aws-error.ts';
import { type AwsOptions, saidEndpoint } from './aws-options.ts';
import { callerIdentity } from './caller.ts';
import { LazyClient, type Loaded, patience, usualAttempts } from './client-config.ts';
import type { Answer, JsonClient } from './json-client.ts';
import { type DocumentOrigin, type NamedDocuments, tagsOf } from './named-documents.ts';
import { publicDomain } from './plain-place.ts';

type StsSdk = typeof import('@aws-sdk/client-sts');

/** Bytes of an answer; those asked for are names and versions. */
const longestAnswer = 64 * 1024;
/** A label of versions that no reader asks for: what bears it is not what the secret says. */
const probeStage = 'COFFER-PROBE';

/** Connects to nothing and loads nothing before the first call. */
export function secretDocuments(options: AwsOptions): NamedDocuments {
  return new SecretDocuments(options);
}

class SecretDocuments implements NamedDocuments {
  readonly #options: AwsOptions;
  readonly #lazy: LazyClient<StsSdk, STSClient>;
  #client: Promise<JsonClient> | undefined;

  constructor(options: AwsOptions) {
    this.#options = options;
    this.#lazy = new LazyClient<StsSdk, STSClient>(
      options,
      { service: 'Secrets Manager', env: 'SECRETS_MANAGER' },
      () => import('@aws-sdk/client-sts'),
      (sdk, config) => new sdk.STSClient(config),
    );
  }

  async put(
    name: string,
    text: string,
    origin: DocumentOrigin,
    token: string,
    signal: AbortSignal,
  ): Promise<void> {
    const value = { SecretString: text, ClientRequestToken: token };
    const key = origin.kmsKey === undefined ? {} : { KmsKeyId: origin.kmsKey };
    // A key is changed by one call, and kept by the other.
    const operation = origin.kmsKey === undefined ? 'PutSecretValue' : 'UpdateSecret';
    const write = () => this.#call(operation, name, { SecretId: name, ...value, ...key }, signal);
    const make = () =>
      this.#call('CreateSecret', name, { Name: name, ...value, ...key, Tags: tagsOf(origin) }, signal);
    if (await succeeds(write(), 'not-found')) return;
    if (await succeeds(make(), 'conflict')) return;
    // Somebody else made it in the meantime.
    await write();
  }

  async tryPutting(name: string, token: string, signal: AbortSignal): Promise<void> {
    const value = { SecretString: '{"status":"SUCCESS"}', ClientRequestToken: token };
    const input = { SecretId: name, ...value, VersionStages: [probeStage] };
    // Who is told that there is none was allowed to write it.
    await succeeds(this.#call('PutSecretValue', name, input, signal), 'not-found');
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    const input = { SecretId: name, ForceDeleteWithoutRecovery: true };
    await succeeds(this.#call('DeleteSecret', name, input, signal), 'not-found');
  }

  async account(): Promise<string> {
    return (await callerIdentity({ ...this.#options, endpoint: undefined })).account;
  }

  close(): void {
    this.#client?.then((client) => client.close()).catch(() => undefined);
    this.#client = undefined;
    this.#lazy.close();
  }

  #call(operation: string, name: string, input: object, signal: AbortSignal): Promise<Answer> {
    const about = { action: `secretsmanager:${operation}`, resource: `secret ${name}` };
    return this.#lazy.call(about, async (loaded, end) => {
      this.#client ??= this.#open(loaded).catch((error: unknown) => {
        this.#client = undefined;
        throw error;
      });
      const client = await this.#client;
      try {
        return await client.call(operation, input, AbortSignal.any([signal, end]));
      } catch (error) {
        // Said of a secret that somebody marked for deletion, and of nothing else that is asked for here.
        if (!(error instanceof Error && error.name === 'InvalidRequestException')) throw error;
        throw new AwsError(
          'wrong-state',
          `secret ${name} is marked for deletion, or belongs to a service of AWS: restore it, or wait until it is gone`,
        );
      }
    });
  }

  async #open({ client: { config } }: Loaded<StsSdk, STSClient>): Promise<JsonClient> {
    const region = await config.region();
    const said = saidEndpoint(this.#options, 'SECRETS_MANAGER');
    const host = (await config.useFipsEndpoint()) ? 'secretsmanager-fips' : 'secretsmanager';
    const domain = publicDomain(region);
    if (said === undefined && domain === undefined) {
      throw new AwsError(
        'no-region',
        `where Secrets Manager is in ${region} is not known: set AWS_ENDPOINT_URL_SECRETS_MANAGER`,
      );
    }
    const endpoint = new URL(said ?? `https://${host}.${region}.${domain}`);
    const { JsonClient } = await import('./json-client.ts');
    const bounds = {
      connecting: patience.connectionTimeout,
      answering: patience.requestTimeout,
      most: longestAnswer,
    };
    const words = {
      signingName: 'secretsmanager',
      target: 'secretsmanager',
      protocol: '1.1',
      bounds,
    } as const;
    return new JsonClient(
      { region, endpoint, credentials: config.credentials },
      { ...words, attempts: this.#options.attempts ?? usualAttempts },
      { now: Date.now, jitter: Math.random },
    );
  }
}

/** False where it failed for this reason. */
async function succeeds(call: Promise<unknown>, reason: AwsError['reason']): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof AwsError && error.reason === reason) return false;
    throw error;
  }
}
