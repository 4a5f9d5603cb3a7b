/** Methods and enforcements of a store. Every change bumps the epoch's `mfa` part, so each login goes by what holds now. */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { type Expectation, parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { bumpEpoch } from '../epoch.ts';
import { allItems } from '../pages.ts';
import { retryOnConflict } from '../retry.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import type { Enforcement } from './enforcement.ts';
import type { MfaMethod } from './method.ts';

const methodPrefix = 'core/mfa/method/';
const enforcementPrefix = 'core/mfa/enforcement/';
/** More would make each login pay for them. */
const mostMethods = 100;
const mostEnforcements = 200;

interface Config {
  /** By id. */
  readonly methods: ReadonlyMap<string, MfaMethod>;
  /** In order of names. */
  readonly enforcements: readonly Enforcement[];
}

export class MfaConfig {
  readonly #store: BarrierStore;
  #config: Config = { methods: new Map(), enforcements: [] };
  /** The load begun last. */
  #loading: Promise<void> = Promise.resolve();

  constructor(store: BarrierStore) {
    this.#store = store;
  }

  /** One after the other: what was read earlier must not come to lie on top. */
  load(): Promise<void> {
    const loading = this.#loading
      .catch(() => undefined)
      .then(async () => {
        this.#config = await this.#read();
      });
    this.#loading = loading;
    return loading;
  }

  get methods(): ReadonlyMap<string, MfaMethod> {
    return this.#config.methods;
  }

  get enforcements(): readonly Enforcement[] {
    return this.#config.enforcements;
  }

  /** By id or by name. */
  method(idOrName: string): MfaMethod | undefined {
    return (
      this.methods.get(idOrName) ??
      [...this.methods.values()].find(({ name }) => name !== '' && name === idOrName)
    );
  }

  enforcement(name: string): Enforcement | undefined {
    return this.enforcements.find((one) => one.name === name);
  }

  /** Throws `invalid_request` for a name that another method has. */
  async writeMethod(id: string, change: (before: MfaMethod | undefined) => MfaMethod): Promise<void> {
    await this.#change(async (config) => {
      const method = change(config.methods.get(id));
      const others = [...config.methods.values()].filter((one) => one.id !== id);
      if (others.length >= mostMethods) throw tooMany(mostMethods, 'methods');
      if (method.name !== '' && others.some(({ name }) => name === method.name)) {
        throw new CofferError('invalid_request', 'another method has that method_name');
      }
      return [{ key: methodKey(id), value: encodeStored(method) }];
    });
  }

  /** Throws `invalid_request` while an enforcement names it. Deleting what is not there is fine. */
  async deleteMethod(id: string): Promise<void> {
    await this.#change(async (config) => {
      if (config.enforcements.some(({ methods }) => methods.includes(id))) {
        throw new CofferError('invalid_request', 'methodID is still used by an enforcement configuration');
      }
      return config.methods.has(id) ? [{ key: methodKey(id), value: null }] : [];
    });
  }

  /** Throws `invalid_request` for methods that there are not. */
  async writeEnforcement(
    name: string,
    change: (before: Enforcement | undefined) => Promise<Enforcement>,
  ): Promise<void> {
    await this.#change(async (config) => {
      const after = await change(config.enforcements.find((one) => one.name === name));
      const others = config.enforcements.filter((one) => one.name !== name);
      if (others.length >= mostEnforcements) throw tooMany(mostEnforcements, 'enforcements');
      if (!after.methods.every((id) => config.methods.has(id))) {
        throw new CofferError('invalid_request', 'one of the provided method ids does not exist');
      }
      return [{ key: enforcementKey(name), value: encodeStored(after) }];
    });
  }

  async deleteEnforcement(name: string): Promise<void> {
    await this.#change(async (config) =>
      config.enforcements.some((one) => one.name === name)
        ? [{ key: enforcementKey(name), value: null }]
        : [],
    );
  }

  /** Changes rest on what the store holds now, and on nothing changing meanwhile: the epoch's record stands for all of it. */
  async #change(change: (config: Config) => Promise<readonly PlainWrite[]>): Promise<void> {
    await retryOnConflict(async () => {
      const bump = await bumpEpoch(this.#store, 'mfa');
      const writes = await change(await this.#read());
      const expectations: readonly Expectation[] = [bump.expectation];
      if (writes.length > 0) await this.#store.commit([...writes, bump.write], expectations);
    });
    // Nobody waits for the next request to notice.
    await this.load();
  }

  async #read(): Promise<Config> {
    const [methods, enforcements] = await Promise.all([
      allItems((page) => this.#store.range(methodPrefix, page)),
      allItems((page) => this.#store.range(enforcementPrefix, page)),
    ]);
    const decoded = methods.map((record) => decodeStored<MfaMethod>(record.open()));
    return {
      methods: new Map(decoded.map((method) => [method.id, method])),
      enforcements: enforcements.map((record) => decodeStored<Enforcement>(record.open())),
    };
  }
}

function methodKey(id: string): StorageKey {
  return parseStorageKey(methodPrefix + id);
}

function enforcementKey(name: string): StorageKey {
  return parseStorageKey(enforcementPrefix + name);
}

function tooMany(most: number, what: string): CofferError {
  return new CofferError('invalid_request', `there are at most ${most} ${what}`);
}
