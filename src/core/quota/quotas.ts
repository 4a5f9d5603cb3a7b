/** The quotas of a store, and the measure of each client on this node. Every change bumps the epoch's `quotas` part. */
import type { BarrierStore } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { originOf } from '../../origin.ts';
import { type Page, type PageRequest, parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { bumpEpoch } from '../epoch.ts';
import { allItems } from '../pages.ts';
import type { ApiPath } from '../path.ts';
import { retryOnConflict } from '../retry.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import type { Admission } from './buckets.ts';
import { Measures, type TakeTogether } from './measures.ts';
import { firstConfig, type Quota, type QuotaConfig, QuotaTable } from './quota.ts';

const prefix = 'core/quota/rate-limit/';
const configKey = parseStorageKey('core/quota/config');
/** More would make each request pay for them. */
const mostQuotas = 1_000;

/** What a quota says of one request. Times in seconds, whole, rounded up. */
export interface QuotaVerdict {
  readonly admitted: boolean;
  readonly quota: string;
  readonly limit: number;
  readonly remaining: number;
  readonly reset: number;
  readonly retryAfter: number;
}

export class Quotas {
  readonly #store: BarrierStore;
  readonly #measures = new Measures();
  #table = new QuotaTable([], firstConfig);
  /** The load begun last. */
  #loading: Promise<void> = Promise.resolve();

  constructor(store: BarrierStore) {
    this.#store = store;
  }

  get config(): QuotaConfig {
    return this.#table.config;
  }

  /** One after the other: what was read earlier must not come to lie on top. */
  load(): Promise<void> {
    const loading = this.#loading.catch(() => undefined).then(() => this.#load());
    this.#loading = loading;
    return loading;
  }

  async #load(): Promise<void> {
    const [records, config] = await Promise.all([
      allItems((page) => this.#store.range(prefix, page)),
      this.#store.read(configKey),
    ]);
    const quotas = records.map((record) => decodeStored<Quota>(record.open()));
    this.#table = new QuotaTable(
      quotas,
      config === undefined ? firstConfig : decodeStored<QuotaConfig>(config.open()),
    );
  }

  /** Counts one request of a client; undefined where no quota counts it. `now` in milliseconds of steady time. */
  admit(path: ApiPath, address: string, now: number): QuotaVerdict | undefined {
    const counted = this.#counted(path, address);
    if (counted === undefined) return undefined;
    const { quota, key, rate, blockFor } = counted;
    return verdict(quota, this.#measures.take(key, rate, blockFor, now));
  }

  /** The same where several processes count together. */
  admitTogether(path: ApiPath, address: string, take: TakeTogether): Promise<QuotaVerdict> | undefined {
    const counted = this.#counted(path, address);
    if (counted === undefined) return undefined;
    const { quota, key, rate, blockFor } = counted;
    return take(key, rate, blockFor).then((admission) => verdict(quota, admission));
  }

  /** By quota and client, in one: however many quotas there are, no more clients are remembered. */
  #counted(path: ApiPath, address: string) {
    const quota = this.#table.for(path);
    if (quota === undefined) return undefined;
    const rate = { requests: quota.rate, per: quota.interval * 1_000, burst: quota.rate };
    return { quota, key: `${quota.name} ${originOf(address)}`, rate, blockFor: quota.blockInterval * 1_000 };
  }

  async read(name: string): Promise<Quota | undefined> {
    const sealed = await this.#store.read(quotaKey(name));
    return sealed === undefined ? undefined : decodeStored<Quota>(sealed.open());
  }

  /** Names in order. */
  names(page: PageRequest): Promise<Page<string>> {
    return this.#store.children(prefix, page);
  }

  async write(quota: Quota): Promise<void> {
    const names = await allItems((page) => this.names(page));
    if (names.length >= mostQuotas && !names.includes(quota.name)) {
      throw new CofferError('invalid_request', `there are at most ${mostQuotas} quotas`);
    }
    await this.#commit(quotaKey(quota.name), encodeStored(quota));
  }

  /** Deleting what is not there is fine. */
  async delete(name: string): Promise<void> {
    await this.#commit(quotaKey(name), null);
  }

  async configure(config: QuotaConfig): Promise<void> {
    await this.#commit(configKey, encodeStored(config));
  }

  async #commit(key: StorageKey, value: Buffer | null): Promise<void> {
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(this.#store, 'quotas');
      await this.#store.commit([{ key, value }, bump.write], [bump.expectation]);
    });
    // Nobody waits for the next request to notice.
    await this.load();
  }
}

function quotaKey(name: string): StorageKey {
  return parseStorageKey(prefix + name);
}

function verdict(quota: Quota, { admitted, remaining, wait, reset }: Admission): QuotaVerdict {
  const seconds = (milliseconds: number) => Math.ceil(milliseconds / 1_000);
  return {
    admitted,
    quota: quota.name,
    limit: Math.floor(quota.rate),
    remaining,
    reset: seconds(reset),
    retryAfter: Math.max(1, seconds(wait)),
  };
}
