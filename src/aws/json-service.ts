/**
 * A service that is asked the plain way where that will do, and by the SDK's client everywhere else. Both have the same deadline, the
 * same attempts and the same errors; whoever calls cannot tell which it was.
 */
import type { AwsOptions, ServiceWord } from './aws-options.ts';
import {
  type CallSubject,
  type ClientConfig,
  LazyClient,
  type Loaded,
  patience,
  type SdkClient,
  usualAttempts,
} from './client-config.ts';
import type { Answer, JsonClient, JsonWords } from './json-client.ts';
import { type PlainPlace, plainPlace } from './plain-place.ts';

/** What is said of a service once. */
export interface ServiceWords extends Pick<JsonWords, 'target' | 'protocol'> {
  /** As people call it: `KMS`. */
  readonly service: string;
  readonly env: ServiceWord;
  /** Bytes of an answer at most. */
  readonly most: number;
}

export class JsonService<Module, Client extends SdkClient> {
  readonly #options: AwsOptions;
  readonly #words: ServiceWords;
  readonly #bySdk: LazyClient<Module, Client>;
  /** Undefined is not looked for yet; null is the SDK's to say. */
  #place: PlainPlace | null | undefined;
  #client: Promise<JsonClient> | undefined;

  constructor(
    options: AwsOptions,
    words: ServiceWords,
    load: () => Promise<Module>,
    make: (sdk: Module, config: ClientConfig) => Client,
  ) {
    this.#options = options;
    this.#words = words;
    this.#bySdk = new LazyClient(options, words, load, make);
  }

  /** What only the SDK's client does; see `LazyClient.call`. */
  call<T>(
    about: CallSubject,
    run: (loaded: Loaded<Module, Client>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#bySdk.call(about, run);
  }

  /**
   * Runs one call to the end of its deadline, whichever way. Rejects with `AwsError`, or with `invalid_request` for options that
   * cannot be.
   */
  ask<T>(
    about: CallSubject,
    plainly: (ask: (operation: string, input: object) => Promise<Answer>) => Promise<T>,
    bySdk: (loaded: Loaded<Module, Client>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#bySdk.bounded(
      about,
      async (signal) => {
        const client = await this.#plain();
        if (client === undefined) return bySdk(await this.#bySdk.ready(), signal);
        return plainly((operation, input) => client.call(operation, input, signal));
      },
      () => this.#place?.region,
    );
  }

  /** Where it asks, by option, environment or profile; undefined before the first call, and where nobody says. */
  async region(): Promise<string | undefined> {
    return this.#place?.region ?? this.#bySdk.region();
  }

  /** Loads what a call will need, and connects, while its caller waits for something else. What fails here the first call tells. */
  prepare(): void {
    this.#plain().then(
      (client) => (client ?? this.#bySdk).prepare(),
      () => undefined,
    );
  }

  /** Ends its connections. It may be used again. */
  close(): void {
    this.#client?.then((client) => client.close()).catch(() => undefined);
    this.#bySdk.close();
  }

  async #plain(): Promise<JsonClient | undefined> {
    this.#place ??= plainPlace(this.#options, this.#words.env) ?? null;
    if (this.#place === null) return undefined;
    this.#client ??= this.#open(this.#place);
    return this.#client;
  }

  async #open(place: PlainPlace): Promise<JsonClient> {
    const { JsonClient } = await import('./json-client.ts');
    const { env, target, protocol, most } = this.#words;
    const words = {
      signingName: env.toLowerCase(),
      target,
      protocol,
      bounds: { connecting: patience.connectionTimeout, answering: patience.requestTimeout, most },
      attempts: this.#options.attempts ?? usualAttempts,
    };
    return new JsonClient(place, words, { now: Date.now, jitter: Math.random });
  }
}
