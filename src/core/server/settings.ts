/**
 * What administrators set about the server through `sys/config`: other origins, audited headers, headers for a console. Kept in the
 * store, so that every node has the same; each change bumps the epoch's `system` part.
 */
import type { BarrierStore, SealedRecord } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { bumpEpoch } from '../epoch.ts';
import { retryOnConflict } from '../retry.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { type CorsSettings, noCors } from './cors.ts';
import { type AuditedHeaders, withHeader } from './request-headers.ts';

type Pairs<T> = readonly (readonly [name: string, value: T])[];

const corsKey = parseStorageKey('core/server/cors');
const headersKey = parseStorageKey('core/server/request-headers');
const consoleKey = parseStorageKey('core/server/ui-headers');

const mostConsoleHeaders = 50;

export class ServerSettings {
  readonly #store: BarrierStore;
  #cors: CorsSettings = noCors;
  #auditedHeaders: AuditedHeaders = new Map();
  /** The load begun last. */
  #loading: Promise<void> = Promise.resolve();

  constructor(store: BarrierStore) {
    this.#store = store;
  }

  get cors(): CorsSettings {
    return this.#cors;
  }

  get auditedHeaders(): AuditedHeaders {
    return this.#auditedHeaders;
  }

  /** One after the other: what was read earlier must not come to lie on top. */
  load(): Promise<void> {
    const loading = this.#loading.catch(() => undefined).then(() => this.#load());
    this.#loading = loading;
    return loading;
  }

  async #load(): Promise<void> {
    const [cors, headers] = await this.#store.readMany([corsKey, headersKey]);
    this.#cors = cors === undefined ? noCors : decodeStored<CorsSettings>(cors.open());
    this.#auditedHeaders = new Map(pairsOf<boolean>(headers));
  }

  async setCors(cors: CorsSettings | undefined): Promise<void> {
    await this.#commit(corsKey, async () => (cors === undefined ? null : encodeStored(cors)));
  }

  /** Throws `invalid_request`. */
  async auditHeader(name: string, hmac: boolean): Promise<void> {
    await this.#commit(headersKey, async (before) =>
      encodePairs([...withHeader(new Map(pairsOf<boolean>(before)), name, hmac)]),
    );
  }

  async leaveHeader(name: string): Promise<void> {
    await this.#commit(headersKey, async (before) =>
      encodePairs(pairsOf<boolean>(before).filter(([other]) => other !== name)),
    );
  }

  /** Of a console: names to values. */
  async consoleHeaders(): Promise<Pairs<readonly string[]>> {
    return pairsOf(await this.#store.read(consoleKey));
  }

  /** Null takes the header away. Throws `invalid_request` where there are too many. */
  async setConsoleHeader(name: string, values: readonly string[] | null): Promise<void> {
    await this.#commit(consoleKey, async (before) => {
      const others = pairsOf<readonly string[]>(before).filter(([other]) => other !== name);
      const changed = values === null ? others : [...others, [name, values] as const];
      if (changed.length > mostConsoleHeaders) {
        throw new CofferError('invalid_request', `there are at most ${mostConsoleHeaders} headers`);
      }
      return encodePairs(changed);
    });
  }

  async #commit(
    key: StorageKey,
    change: (before: SealedRecord | undefined) => Promise<Buffer | null>,
  ): Promise<void> {
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(this.#store, 'system');
      const before = await this.#store.read(key);
      const value = await change(before);
      const expectations = [bump.expectation, { key, revision: before?.revision ?? null }];
      await this.#store.commit([{ key, value }, bump.write], expectations);
    });
    // Nobody waits for the next request to notice.
    await this.load();
  }
}

function pairsOf<T>(record: SealedRecord | undefined): Pairs<T> {
  if (record === undefined) return [];
  return decodeStored<{ readonly pairs: Pairs<T> }>(record.open()).pairs;
}

function encodePairs(pairs: Pairs<unknown>): Buffer {
  return encodeStored({ pairs });
}
