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
import { TwoGenerationCache } from '../two-generation-cache.ts';
import { Buckets } from './buckets.ts';
import { firstConfig, type Quota, type QuotaConfig, QuotaTable } from './quota.ts';

const prefix = 'core/quota/rate-limit/';
const configKey = parseStorageKey('core/quota/config');
/** More would make each request pay for them. */
const mostQuotas = 1_000;
/** Clients that are blocked for a time; twice as many at most. */
const mostBlocked = 50_000;

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
  /** By quota and client, in one: however many quotas there are, no more clients are remembered. */
  readonly #buckets = new Buckets();
  readonly #blocked = new TwoGenerationCache<number>(mostBlocked);
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
    const records = await allItems((page) => this.#store.range(prefix, page));
    const config = await this.#store.read(configKey);
    const quotas = records.map((record) => decodeStored<Quota>(record.open()));
    this.#table = new QuotaTable(
      quotas,
      config === undefined ? firstConfig : decodeStored<QuotaConfig>(config.open()),
    );
  }

  /** Counts one request of a client; undefined where no quota counts it. `now` in milliseconds. */
  admit(path: ApiPath, address: string, now: number): QuotaVerdict | undefined {
    const quota = this.#table.for(path);
    if (quota === undefined) return undefined;
    const client = originOf(address);
    const key = `${quota.name} ${client}`;
    const until = this.#blocked.get(key) ?? 0;
    if (until > now)
      return verdict(quota, { admitted: false, remaining: 0, wait: until - now, reset: until - now });
    const rate = { requests: quota.rate, per: quota.interval * 1_000, burst: quota.rate };
    const admission = this.#buckets.take(key, rate, now);
    if (!admission.admitted && quota.blockInterval > 0) {
      const wait = quota.blockInterval * 1_000;
      this.#blocked.set(key, now + wait);
      return verdict(quota, { ...admission, wait, reset: wait });
    }
    return verdict(quota, admission);
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

function verdict(
  quota: Quota,
  {
    admitted,
    remaining,
    wait,
    reset,
  }: Pick<ReturnType<Buckets['take']>, 'admitted' | 'remaining' | 'wait' | 'reset'>,
): QuotaVerdict {
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
