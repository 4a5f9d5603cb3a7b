/**
 * The table behind a mount, on this node. It belongs to one revision of the mount's config: whoever changes that, on any node, is
 * followed with the next request.
 */

import type { AwsPlaces } from '../../aws/aws-places.ts';
import type { Call } from '../../core/endpoint.ts';
import { openServices, type TableServices } from '../../credstash/open-table.ts';
import type { SecretTable } from '../../credstash/secret-table.ts';
import { SharedTable } from '../../credstash/shared-table.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { EngineEnvironment } from '../engine.ts';
import { requireAllowed } from './aws-places.ts';
import { addressOf, type Config, configPath, contextOf, decodeConfig } from './config.ts';

export type OpenServices = (...words: Parameters<typeof openServices>) => TableServices;

interface Known {
  readonly revision: Revision;
  readonly config: Config;
  readonly shared: SharedTable;
}

export class Tables {
  readonly #environment: Pick<EngineEnvironment, 'clock' | 'random'>;
  readonly #places: AwsPlaces;
  readonly #open: OpenServices;
  #known: Known | undefined;

  constructor(
    environment: Pick<EngineEnvironment, 'clock' | 'random'>,
    places: AwsPlaces,
    open: OpenServices = openServices,
  ) {
    this.#environment = environment;
    this.#places = places;
    this.#open = open;
  }

  /**
   * Lends the mount's table to a request. Throws `invalid_request` where the mount has none yet, and for a context that the config
   * does not let requests bring.
   *
   * @param given pairs of the encryption context that the request brings
   */
  async use<T>(
    call: Pick<Call, 'view' | 'signal'>,
    given: Readonly<Record<string, string>> | undefined,
    action: (table: SecretTable, config: Config) => Promise<T>,
  ): Promise<T> {
    const { config, shared } = await this.#ofMount(call);
    return shared.use(contextOf(config, given ?? {}), call.signal(), (table) => action(table, config));
  }

  /** Throws where a table cannot be read by what a config says. Nothing of it is kept. */
  async tryOut(config: Config, signal: AbortSignal): Promise<void> {
    const shared = this.#opened(config);
    try {
      await shared.use(contextOf(config, {}), signal, (table) => table.settings());
    } finally {
      shared.close();
    }
  }

  close(): void {
    this.#known?.shared.close();
    this.#known = undefined;
  }

  async #ofMount({ view }: Pick<Call, 'view'>): Promise<Known> {
    const record = await view.read(configPath);
    if (record === undefined) {
      this.close();
      throw new CofferError('invalid_request', 'this mount has no table yet: write its config first');
    }
    if (this.#known?.revision === record.revision) return this.#known;
    const config = decodeConfig(record.open());
    const known = { revision: record.revision, config, shared: this.#opened(config) };
    this.close();
    this.#known = known;
    return known;
  }

  #opened(config: Config): SharedTable {
    const address = addressOf(config);
    requireAllowed(address, this.#places);
    const { env, deadline } = this.#places;
    return new SharedTable(address, this.#open(address, { env, deadline }), this.#environment);
  }
}
