/** Enabling, disabling and loading mounts. Every change bumps the epoch's `mounts` part in its commit. */

import type { KeyObject } from 'node:crypto';
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { Random } from '../../crypto/random.ts';
import type {
  AuthMethodRow,
  AuthMethodType,
  Engine,
  EngineEnvironment,
  EngineOptions,
  EngineRow,
  EngineType,
} from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { Expectation } from '../../storage/storage.ts';
import { dueWrite } from '../due.ts';
import { EndpointTable } from '../endpoint-table.ts';
import { bumpWitnessed, epochKey } from '../epoch.ts';
import type { NobodyCounts } from '../lockout/lock-state.ts';
import type { Notices } from '../notices.ts';
import { retryOnConflict } from '../retry.ts';
import { builtinEntries, isBuiltin, newEntry } from './builtin.ts';
import {
  decodeMount,
  encodeMount,
  goneKey,
  type MountConfig,
  type MountEntry,
  type MountKind,
  mountKey,
  type SystemTtls,
  standardTtls,
} from './entry.ts';
import { environmentOf } from './environment.ts';
import { freePath, fullPath, shownPath } from './mount-path.ts';
import { changeOptions, orNull, parseOptions } from './options.ts';
import { openMount, type Read, type ReadMount, readMounts } from './read-mounts.ts';
import { type Mount, MountTable } from './table.ts';
import { MountView } from './view.ts';

/** The rows a server offers, by type word. */
export interface MountTypes {
  readonly engines: ReadonlyMap<string, EngineRow>;
  readonly authMethods: ReadonlyMap<string, AuthMethodRow>;
}

export interface NewMount {
  readonly kind: MountKind;
  /** As the caller wrote it; for auth methods without `auth/`. */
  readonly path: string;
  readonly type: string;
  readonly description: string;
  readonly options: Readonly<Record<string, string>>;
  readonly config: MountConfig;
  readonly local?: boolean | undefined;
  readonly sealWrap?: boolean | undefined;
}

/** What of a mount is to change; the rest stays. */
export interface MountChange {
  readonly description?: string | undefined;
  readonly options?: EngineOptions | undefined;
  /** From the settings as they are. Throws `invalid_request` for what cannot be. */
  readonly config?: ((before: MountConfig) => MountConfig) | undefined;
  /** Where the mount is to be; decided on the entry as it is. Throws `invalid_request` for where it cannot be. */
  readonly place?: ((entry: MountEntry, table: MountTable) => Promise<MountPlace>) | undefined;
  /** Goes into the same commit. */
  readonly writes?: readonly PlainWrite[];
}

/** The paths of a mount, as its entry has them. */
export type MountPlace = Pick<MountEntry, 'path' | 'formerPaths'>;

export interface MountsOptions {
  readonly store: BarrierStore;
  readonly types: MountTypes;
  /** The engines of mounts that are always there (`sys/`, `auth/token/`), by type word. */
  readonly builtin: ReadonlyMap<string, Engine>;
  /** What holds where a mount names no TTLs. */
  readonly systemTtls?: SystemTtls | undefined;
  /** Key from which each mount's digests derive. */
  readonly digestKey: KeyObject;
  readonly clock: Clock;
  readonly random: Random;
  /** See `EngineEnvironment`. */
  readonly generatePassword: (policy: string) => Promise<string>;
  readonly notices?: Notices;
  readonly tally?: EngineEnvironment['tally'];
  readonly nobodies?: NobodyCounts | undefined;
  readonly serverAddress: () => string;
  readonly formatVersion: (name: string) => number;
  /** See `EngineEnvironment`; of the mount with this uuid. */
  readonly entityOf: (mount: string, alias: string) => ReturnType<NonNullable<EngineEnvironment['entityOf']>>;
  /** See `EngineEnvironment`; `asker` is the mount's path. */
  readonly askAs?: (
    asker: string,
    ...wish: Parameters<NonNullable<EngineEnvironment['askAs']>>
  ) => ReturnType<NonNullable<EngineEnvironment['askAs']>>;
}

interface Instance extends Read {
  readonly mount: Mount;
}

/** Instances of mounts outside of the table that are kept; they go all at once. */
const mostFound = 32;

export class Mounts {
  readonly #options: MountsOptions;
  readonly #instances = new Map<string, Instance>();
  /** Of mounts that are not in the table. */
  readonly #found = new Map<string, Instance>();
  #table = new MountTable([]);
  /** The load begun last. */
  #loading: Promise<void> = Promise.resolve();

  constructor(options: MountsOptions) {
    this.#options = options;
  }

  /** The TTLs that hold where a mount names none. */
  get system(): SystemTtls {
    return this.#options.systemTtls ?? standardTtls;
  }

  /** Whether mounts of an auth method lock names after failed logins. */
  locksNames(type: string): boolean {
    return this.#options.types.authMethods.get(type)?.locksNames === true;
  }

  /** As of the last `load`. */
  get table(): MountTable {
    return this.#table;
  }

  /**
   * Reads every mount; engines of unchanged ones are kept. One after the other: what was read earlier must not come to lie on top.
   *
   * @param epoch its record, where it has just been read
   */
  load(epoch?: SealedRecord): Promise<void> {
    const loading = this.#loading.catch(() => undefined).then(() => this.#load(epoch));
    this.#loading = loading;
    return loading;
  }

  async #load(epoch: SealedRecord | undefined): Promise<void> {
    const found = await readMounts(this.#options.store, this.#instances, epoch);
    // Nothing of a new table is there before all of it can be.
    const made = await Promise.all(
      [...found].map(
        async ([uuid, read]) => [uuid, 'mount' in read ? read : await this.#making(read)] as const,
      ),
    );
    const mounts: Mount[] = [];
    for (const [uuid, known] of made) {
      const instance = typeof known === 'function' ? known() : known;
      const before = this.#instances.get(uuid);
      this.#instances.set(uuid, instance);
      if (before !== instance) before?.mount.engine.close?.();
      mounts.push(instance.mount);
    }
    for (const [uuid, { mount }] of this.#instances) {
      if (found.has(uuid)) continue;
      this.#instances.delete(uuid);
      mount.engine.close?.();
    }
    this.#table = new MountTable(mounts);
  }

  /** Throws `invalid_request` for an unknown type, a path that cannot be, or one in use. */
  async enable(wanted: NewMount): Promise<void> {
    const options = await parseOptions(this.#options.types, wanted);
    await retryOnConflict(async () => {
      const { store, random, clock } = this.#options;
      const epoch = await store.read(epochKey);
      await this.load();
      const path = freePath(wanted.kind, wanted.path, this.#table);
      const entry = newEntry({ ...wanted, path, options }, random, clock.now());
      const value = encodeMount(entry);
      const bump = await bumpWitnessed(store, 'mounts', entry.uuid, value);
      await store.commit([{ key: mountKey(entry.uuid), value }, ...bump.writes], [asRead(epoch)]);
    });
    await this.load();
  }

  /** Adds what every store has and this one lacks, because an earlier program made it. Two nodes add it once. */
  async addBuiltin(): Promise<void> {
    const { store, random, clock } = this.#options;
    for (const entry of builtinEntries(random, clock.now())) {
      if (this.#table.at(entry.path) !== undefined) continue;
      await retryOnConflict(async () => {
        const epoch = await store.read(epochKey);
        await this.load();
        if (this.#table.at(entry.path) !== undefined) return;
        const value = encodeMount(entry);
        const bump = await bumpWitnessed(store, 'mounts', entry.uuid, value);
        await store.commit([{ key: mountKey(entry.uuid), value }, ...bump.writes], [asRead(epoch)]);
      });
      await this.load();
    }
  }

  /** Ends a mount in one commit; its data goes in a job of the expiry duty. Ending what is not there is fine. */
  async disable(kind: MountKind, path: string): Promise<void> {
    const full = fullPath(kind, path);
    if (full === undefined) return;
    await retryOnConflict(async () => {
      const { store, clock } = this.#options;
      const epoch = await store.read(epochKey);
      await this.load();
      const mount = this.#table.at(full);
      // `auth/approle` is not an engine's path: auth methods are ended as such, which takes other rights.
      if (mount === undefined || mount.entry.kind !== kind) return;
      refuseBuiltin(mount.entry);
      const { uuid } = mount.entry;
      const bump = await bumpWitnessed(store, 'mounts', uuid, null);
      await store.commit(
        [
          { key: mountKey(uuid), value: null },
          // The purge needs to know what was mounted: its leases are ended by its engine before its data goes.
          { key: goneKey(uuid), value: encodeMount(mount.entry) },
          dueWrite(clock.now(), 'purge', uuid),
          ...bump.writes,
        ],
        [asRead(epoch)],
      );
    });
    await this.load();
  }

  /**
   * Changes a mount in one commit. A change of options may ask the duty for more: the mount's engine begins with it at once, and the
   * duty finishes it. Throws `invalid_request` for no mount, one of every store, or a change that its engine does not take.
   */
  async change(path: string, wanted: MountChange): Promise<void> {
    const due = await retryOnConflict(async () => {
      const { store } = this.#options;
      const epoch = await store.read(epochKey);
      await this.load();
      const mount = this.#table.at(path);
      if (mount === undefined) throw new CofferError('invalid_request', `nothing is mounted at ${path}`);
      const { entry } = mount;
      const options = await changeOptions(this.#options.types.engines, entry, wanted.options);
      const value = encodeMount({
        ...entry,
        ...(await wanted.place?.(entry, this.#table)),
        description: wanted.description ?? entry.description,
        config: wanted.config?.(entry.config) ?? entry.config,
        options: options === undefined ? entry.options : orNull(options.options),
      });
      const view = new MountView(store, entry.uuid, (writes, expectations) =>
        store.commit(writes, expectations),
      );
      const bump = await bumpWitnessed(store, 'mounts', entry.uuid, value);
      await store.commit(
        [
          { key: mountKey(entry.uuid), value },
          ...(wanted.writes ?? []),
          ...view.writes(options?.writes ?? []),
          ...(options?.due ?? []).map(({ at, name }) => dueWrite(at, 'mount', `${entry.uuid}/${name}`)),
          ...bump.writes,
        ],
        [asRead(epoch)],
      );
      return (options?.due ?? []).map(({ name }) => ({ name, view, uuid: entry.uuid }));
    });
    await this.load();
    for (const { name, view, uuid } of due) await this.#table.byUuid(uuid)?.engine.onDue?.(name, view);
  }

  /**
   * A mount by its uuid: also one that is disabled and not purged yet, and one that another node enabled and no request has
   * told this node of. Undefined only when the store knows none.
   */
  async find(uuid: string): Promise<Mount | undefined> {
    const mount = this.#table.byUuid(uuid);
    if (mount !== undefined) return mount;
    const [enabled, gone] = await this.#options.store.readMany([mountKey(uuid), goneKey(uuid)]);
    const entry = enabled ?? gone;
    if (entry === undefined) return undefined;
    // One instance for all the leases of a mount that is going: each would else open connections of its own.
    const kept = () => {
      const instance = this.#found.get(uuid);
      return instance?.revision === entry.revision ? instance : undefined;
    };
    const known = kept();
    if (known !== undefined) return known.mount;
    const make = await this.#making(openMount(entry));
    // Whoever asked at the same time may have been first.
    const other = kept();
    if (other !== undefined) return other.mount;
    if (this.#found.size >= mostFound) this.#closeFound();
    const made = make();
    this.#found.set(uuid, made);
    return made.mount;
  }

  /** Lets go of what the engines hold open. */
  close(): void {
    for (const { mount } of this.#instances.values()) mount.engine.close?.();
    this.#closeFound();
  }

  #closeFound(): void {
    for (const { mount } of this.#found.values()) mount.engine.close?.();
    this.#found.clear();
  }

  /** For a commit that must not outlive the mount. Throws `no_route` when it is disabled already. */
  async expectMounted(uuid: string): Promise<Expectation> {
    const key = mountKey(uuid);
    const record = await this.#options.store.read(key);
    if (record === undefined) throw new CofferError('no_route', 'this mount was disabled meanwhile');
    return { key, revision: record.revision };
  }

  /** What makes the instance, once the code of its type is there. Throws `store_unusable` for a type that this program does not have. */
  async #making({ revision, digest, plaintext }: ReadMount): Promise<() => Instance> {
    const entry = decodeMount(plaintext, this.system);
    const builtin = this.#options.builtin.get(entry.type);
    const type = builtin ?? (await this.#typeOf(entry));
    return () => {
      const engine = 'create' in type ? this.#create(entry, type) : type;
      return { revision, digest, mount: { entry, engine, endpoints: new EndpointTable(engine.endpoints) } };
    };
  }

  async #typeOf({ kind, type, path }: MountEntry): Promise<EngineType | AuthMethodType> {
    const { engines, authMethods } = this.#options.types;
    const row = kind === 'auth' ? authMethods.get(type) : engines.get(type);
    if (row !== undefined) return await row.load();
    throw new CofferError('store_unusable', `this program has no "${type}", which is mounted at ${path}`);
  }

  #create(entry: MountEntry, type: EngineType | AuthMethodType): Engine {
    return type.create(environmentOf(entry, this.#options, () => this.#table));
  }
}

function refuseBuiltin(entry: MountEntry): void {
  if (isBuiltin(entry.type)) {
    throw new CofferError('invalid_request', `cannot unmount "${shownPath(entry)}"`);
  }
}

/** For a commit that rests on what was read since the epoch was. */
function asRead(epoch: SealedRecord | undefined): Expectation {
  return { key: epochKey, revision: epoch?.revision ?? null };
}
