/**
 * One table opened for many callers, as a server has it. Each caller gets a `SecretTable` of its own: the encryption context is that
 * caller's, and data keys are gone when it is done, so that a right taken away at KMS is felt with the next request. What is shared
 * are connections, and for a minute the table's own settings.
 */
import type { Clock } from '../clock.ts';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { DataKeys, type KeyService } from './data-keys.ts';
import type { EncryptionContext } from './encryption-context.ts';
import type { ItemStore } from './item-store.ts';
import type { TableServices } from './open-table.ts';
import { SecretTable } from './secret-table.ts';
import type { TableAddress } from './table-address.ts';
import { tableError } from './table-error.ts';
import { readSettings, type TableSettings } from './table-settings.ts';

/** Milliseconds that the table's settings are believed: somebody changes them once in years. */
const settingsLife = 60_000;

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
}

export class SharedTable {
  readonly #address: Pick<TableAddress, 'key' | 'format'>;
  readonly #services: TableServices;
  readonly #surroundings: Surroundings;
  #settings: { readonly since: number; readonly read: Promise<TableSettings> } | undefined;
  #users = 0;
  #closed = false;

  constructor(
    address: Pick<TableAddress, 'key' | 'format'>,
    services: TableServices,
    surroundings: Surroundings,
  ) {
    this.#address = address;
    this.#services = services;
    this.#surroundings = surroundings;
  }

  /**
   * Lends a table for as long as the action runs.
   *
   * @param signal once it is aborted nothing more is asked of AWS
   * @throws what `tableError` makes of it
   */
  async use<T>(
    context: EncryptionContext,
    signal: AbortSignal,
    action: (table: SecretTable) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.#surroundings;
    const { key, format } = this.#address;
    using keys = new DataKeys(lentService(this.#services.service, signal), key);
    const store = lentStore(this.#services.store, signal);
    const settings = () => this.#readSettings();
    this.#users++;
    try {
      return await action(
        new SecretTable({ store, keys, random, now: () => clock.now(), settings }, { context, format }),
      );
    } catch (error) {
      throw tableError(error);
    } finally {
      this.#users--;
      if (this.#closed) this.close();
    }
  }

  /** Ends the connections, once nobody uses them any more. */
  close(): void {
    this.#closed = true;
    if (this.#users > 0) return;
    this.#services.store.close();
    this.#services.service.close();
  }

  /** Asked on nobody's behalf, so that one caller who goes away does not take the answer from the others. */
  #readSettings(): Promise<TableSettings> {
    const now = this.#surroundings.clock.steady();
    if (this.#settings !== undefined && now - this.#settings.since < settingsLife) return this.#settings.read;
    const read = readSettings(this.#services.store, this.#address.format);
    const kept = { since: now, read };
    this.#settings = kept;
    read.catch(() => {
      if (this.#settings === kept) this.#settings = undefined;
    });
    return read;
  }
}

/** The same store, which its borrower cannot close and stops asking once nobody waits. */
function lentStore(store: ItemStore, signal: AbortSignal): ItemStore {
  const asked = <A extends readonly unknown[], T>(call: (...words: A) => Promise<T>) => {
    return async (...words: A): Promise<T> => {
      requireWaiting(signal);
      return call(...words);
    };
  };
  return {
    title: store.title,
    versions: (name, extent, limit) => whileWaiting(store.versions(name, extent, limit), signal),
    scan: (extent) => whileWaiting(store.scan(extent), signal),
    read: asked((key) => store.read(key)),
    readMany: asked((keys) => store.readMany(keys)),
    create: asked((item) => store.create(item)),
    change: asked((key, change, expected) => store.change(key, change, expected)),
    remove: asked((key) => store.remove(key)),
    close: () => undefined,
  };
}

function lentService(service: KeyService, signal: AbortSignal): KeyService {
  return {
    async generateDataKey(request) {
      requireWaiting(signal);
      return service.generateDataKey(request);
    },
    async decrypt(request) {
      requireWaiting(signal);
      return service.decrypt(request);
    },
    close: () => undefined,
  };
}

async function* whileWaiting<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  requireWaiting(signal);
  for await (const item of items) {
    yield item;
    requireWaiting(signal);
  }
}

function requireWaiting(signal: AbortSignal): void {
  if (signal.aborted) throw new CofferError('request_timeout', 'nobody waits for this request any more');
}
