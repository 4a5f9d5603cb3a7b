/** What every client of AWS is made with, and the one way that its calls take. */
import { CofferError } from '../errors.ts';
import { type AwsSubject, awsError } from './aws-error.ts';
import { type AwsOptions, type ServiceWord, saidEndpoint, saidRegion } from './aws-options.ts';

/** Requests at most for one call. */
export const usualAttempts = 4;
const usualDeadline = 15_000;
/** Milliseconds for one attempt: to be connected, and to be answered. */
const connecting = 3_000;
const answering = 5_000;

export const patience = {
  connectionTimeout: connecting,
  requestTimeout: answering,
  throwOnRequestTimeout: true,
} as const;

/** As the SDK's own credentials; kept apart, so that no other room has to know the SDK. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

type CredentialSource = Credentials | (() => Promise<Credentials>);

/** What the SDK's clients take, all of them alike. */
export interface ClientConfig {
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials?: CredentialSource;
  readonly maxAttempts: number;
  /** Full jitter, and a budget for retries that runs dry where everything fails. */
  readonly retryMode: 'standard';
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: true;
  };
}

/** Throws `invalid_request` for options that cannot be; credentials are first looked for by the first call. */
export async function clientConfig(options: AwsOptions, service: ServiceWord): Promise<ClientConfig> {
  const region = saidRegion(options);
  const endpoint = saidEndpoint(options, service);
  const credentials = await credentialsOf(options, region);
  // The SDK has a word to say about Node 20, on the standard error of whoever called.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  return {
    ...(region === undefined ? {} : { region }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: options.attempts ?? usualAttempts,
    retryMode: 'standard',
    requestHandler: patience,
  };
}

/** Undefined leaves it to the SDK's default chain: environment, profile, SSO, web identity, container, instance. */
async function credentialsOf(
  options: AwsOptions,
  region: string | undefined,
): Promise<CredentialSource | undefined> {
  const { profile, roleArn, externalId, env } = options;
  // Asking for credentials is a call as well, which would wait for ever otherwise.
  const ofRegion = { ...(region === undefined ? {} : { region }), requestHandler: patience };
  const own = profile === undefined ? fromEnvironment(env) : undefined;
  if (profile === undefined && roleArn === undefined) return own;
  const providers = await import('@aws-sdk/credential-providers');
  // A profile that was named is meant: where it has no credentials, none of the machine's others are taken instead.
  const base = profile === undefined ? own : providers.fromIni({ profile, clientConfig: ofRegion });
  if (roleArn === undefined) return base;
  const endpoint = saidEndpoint(options, 'STS');
  return providers.fromTemporaryCredentials({
    params: {
      RoleArn: roleArn,
      RoleSessionName: 'coffer',
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    ...(base === undefined ? {} : { masterCredentials: base }),
    clientConfig: { ...ofRegion, ...(endpoint === undefined ? {} : { endpoint }) },
  });
}

/** Keys that the environment has in full; undefined where it has not. */
export function fromEnvironment(env: AwsOptions['env']): Credentials | undefined {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = env['AWS_SESSION_TOKEN'];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** What of a client's resolved configuration is of use here. */
export interface SdkClient {
  readonly config: { readonly region: () => Promise<string> };
  readonly middlewareStack: { remove(name: string): boolean };
  destroy(): void;
}

/** The action as policies spell it, and what it is done to. */
export type CallSubject = Pick<AwsSubject, 'action' | 'resource'>;

export interface Loaded<Module, Client> {
  readonly sdk: Module;
  readonly client: Client;
}

/** A service's client that comes with its package when it is first used, and the way its calls take. */
export class LazyClient<Module, Client extends SdkClient> {
  readonly #options: AwsOptions;
  readonly #words: { readonly service: string; readonly env: ServiceWord };
  readonly #load: () => Promise<Module>;
  readonly #make: (sdk: Module, config: ClientConfig) => Client;
  #loaded: Promise<Loaded<Module, Client>> | undefined;

  constructor(
    options: AwsOptions,
    words: { readonly service: string; readonly env: ServiceWord },
    load: () => Promise<Module>,
    make: (sdk: Module, config: ClientConfig) => Client,
  ) {
    this.#options = options;
    this.#words = words;
    this.#load = load;
    this.#make = make;
  }

  /** Runs one call to the end of its deadline. Rejects with `AwsError`, or with `invalid_request` for options that cannot be. */
  call<T>(
    about: CallSubject,
    run: (loaded: Loaded<Module, Client>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.bounded(about, async (signal) => run(await this.ready(), signal));
  }

  /**
   * The same for a call that takes another way than this client.
   *
   * @param region where that way asks; undefined leaves it to this client's
   */
  async bounded<T>(
    about: CallSubject,
    run: (signal: AbortSignal) => Promise<T>,
    region: () => string | undefined = () => undefined,
  ): Promise<T> {
    const { deadline = usualDeadline, signal } = this.#options;
    const end = AbortSignal.timeout(deadline);
    const either = signal === undefined ? end : AbortSignal.any([signal, end]);
    try {
      return await untilAborted(run(either), either);
    } catch (error) {
      throw awsError(error, await this.#subject(about, region()));
    }
  }

  /** Where it asks, by option, environment or profile; undefined before the first call, and where nobody says. */
  async region(): Promise<string | undefined> {
    return this.#loaded?.then(({ client }) => client.config.region()).catch(() => undefined);
  }

  /** Loads its package and makes the client, while its caller waits for something else. What fails here the first call tells. */
  prepare(): void {
    this.ready().catch(() => undefined);
  }

  /** Ends its connections. It may be used again. */
  close(): void {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    loaded?.then(({ client }) => client.destroy()).catch(() => undefined);
  }

  /** Its package and the client, loaded once. */
  ready(): Promise<Loaded<Module, Client>> {
    this.#loaded ??= this.#open().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #open(): Promise<Loaded<Module, Client>> {
    const config = await clientConfig(this.#options, this.#words.env);
    const sdk = await this.#load().catch((cause: unknown) => {
      throw new CofferError(
        'unavailable',
        `this program was installed without the AWS SDK for ${this.#words.service}`,
        {
          cause,
        },
      );
    });
    const client = this.#make(sdk, config);
    // Nothing is logged, and yet it makes a copy of each answer to log: a tenth of the time of reading a table, and secrets twice.
    client.middlewareStack.remove('loggerMiddleware');
    return { sdk, client };
  }

  async #subject(about: CallSubject, other: string | undefined): Promise<AwsSubject> {
    const region = other ?? (await this.region());
    const endpoint = saidEndpoint({ ...this.#options, endpoint: undefined }, this.#words.env);
    return { ...about, service: this.#words.service, region, endpoint: this.#options.endpoint ?? endpoint };
  }
}

/** The SDK looks for credentials without listening to the signal, and in whatever way its files say. */
function untilAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
