/**
 * Finds out who an entity's id stands for: the entity (also where it was merged into another), and every group above it. What was
 * found is kept with the keys and revisions it was found by; who reads these keys again, in a multi-get of their own making, is
 * told at once whether it still holds.
 */
import type { BarrierStore, SealedRecord } from '../../barrier/store.ts';
import { type Revision, type StorageKey, storageLimits } from '../../storage/storage.ts';
import { mountKey } from '../mount/entry.ts';
import { TwoGenerationCache } from '../two-generation-cache.ts';
import { type Identity, identityOfRecords, isExternalMember } from './identity.ts';
import {
  decodeEntity,
  decodeGroup,
  decodePointer,
  type EntityRecord,
  entityKey,
  type GroupRecord,
  groupKey,
  identityLimits,
  mergedKey,
} from './record.ts';

export type Resolution =
  /** Undefined where there is no such entity, or more than can be looked through. */
  | { readonly kind: 'known'; readonly identity: Identity | undefined }
  /** What was read is not enough: these keys, all of them at once, are. */
  | { readonly kind: 'more'; readonly keys: readonly StorageKey[] };

interface Known {
  readonly keys: readonly StorageKey[];
  readonly revisions: readonly (Revision | undefined)[];
  readonly resolution: Extract<Resolution, { kind: 'known' }>;
}

interface DecodedGroup {
  readonly revision: Revision;
  readonly record: GroupRecord;
  readonly entities: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
}

const cachedIdentities = 4_096;
const cachedGroups = 2_048;
/** Merges of what was merged that are followed. */
export const mostMerges = 16;

export class IdentityReader {
  readonly #store: BarrierStore;
  readonly #known = new TwoGenerationCache<Known>(cachedIdentities);
  readonly #groups = new TwoGenerationCache<DecodedGroup>(cachedGroups);

  constructor(store: BarrierStore) {
    this.#store = store;
  }

  /** The keys to read along: those that sufficed last time. */
  keysOf(entityId: string): readonly StorageKey[] {
    return this.#known.get(entityId)?.keys ?? [entityKey(entityId), mergedKey(entityId)];
  }

  /** @param sealed what `keys` hold, in their order, as read in this request */
  resolve(
    entityId: string,
    keys: readonly StorageKey[],
    sealed: readonly (SealedRecord | undefined)[],
  ): Resolution {
    const known = this.#known.get(entityId);
    if (known?.keys === keys && known.revisions.every((revision, at) => revision === sealed[at]?.revision)) {
      return known.resolution;
    }
    const walk = new Walk(new Map(keys.map((key, at) => [key, sealed[at]])), (key, record) =>
      this.#decodeGroup(key, record),
    );
    const identity = walk.from(entityId);
    const used = walk.used();
    if (walk.lacking) return { kind: 'more', keys: used };
    const resolution = { kind: 'known', identity } as const;
    const found = new Map(keys.map((key, at) => [key, sealed[at]?.revision]));
    const size = 512 + used.length * 64;
    this.#known.set(entityId, { keys: used, revisions: used.map((key) => found.get(key)), resolution }, size);
    return resolution;
  }

  /** The same with reads of its own; undefined where there is no such entity. */
  async read(entityId: string): Promise<Identity | undefined> {
    let keys = this.keysOf(entityId);
    for (;;) {
      const resolution = this.resolve(entityId, keys, await readKeys(this.#store, keys));
      if (resolution.kind === 'known') return resolution.identity;
      keys = resolution.keys;
    }
  }

  /** Who somebody would be if their entity were this one. Undefined where there is more than can be looked through. */
  async readAs(entity: EntityRecord): Promise<Identity | undefined> {
    let keys: readonly StorageKey[] = [entityKey(entity.id)];
    for (;;) {
      const sealed = await readKeys(this.#store, keys);
      const walk = new Walk(new Map(keys.map((key, at) => [key, sealed[at]])), (key, record) =>
        this.#decodeGroup(key, record),
      );
      const identity = walk.of(entity);
      if (!walk.lacking) return identity;
      keys = walk.used();
    }
  }

  #decodeGroup(key: StorageKey, sealed: SealedRecord): DecodedGroup {
    const known = this.#groups.get(key);
    if (known?.revision === sealed.revision) return known;
    const bytes = sealed.open();
    const record = decodeGroup(bytes);
    const { entities, groups } = record.members;
    const decoded = {
      revision: sealed.revision,
      record,
      entities: new Set(entities),
      groups: new Set(groups),
    };
    this.#groups.set(key, decoded, bytes.length);
    return decoded;
  }
}

/** As one snapshot as far as a multi-get goes; beyond that, each read begins after the caller asked. */
export function readKeys(
  store: BarrierStore,
  keys: readonly StorageKey[],
): Promise<readonly (SealedRecord | undefined)[]> {
  // Every request comes by here, and nearly all of them with a few keys: no promise of ours around storage's own.
  return keys.length <= storageLimits.readKeys ? store.readMany(keys) : readInParts(store, keys);
}

async function readInParts(
  store: BarrierStore,
  keys: readonly StorageKey[],
): Promise<readonly (SealedRecord | undefined)[]> {
  const most = storageLimits.readKeys;
  const found: (SealedRecord | undefined)[] = [];
  for (let start = 0; start < keys.length; start += most) {
    found.push(...(await store.readMany(keys.slice(start, start + most))));
  }
  return found;
}

/** One way from an entity's id up to all its groups, over what was read; notes each key that it came by. */
class Walk {
  /** Something that was not read is needed. */
  lacking = false;
  readonly #sealed: ReadonlyMap<StorageKey, SealedRecord | undefined>;
  readonly #decode: (key: StorageKey, record: SealedRecord) => DecodedGroup;
  readonly #used = new Set<StorageKey>();
  readonly #entered = new Set<string>();

  constructor(
    sealed: ReadonlyMap<StorageKey, SealedRecord | undefined>,
    decode: (key: StorageKey, record: SealedRecord) => DecodedGroup,
  ) {
    this.#sealed = sealed;
    this.#decode = decode;
  }

  used(): readonly StorageKey[] {
    return [...this.#used];
  }

  from(entityId: string): Identity | undefined {
    const entity = this.#entity(entityId);
    return entity === undefined ? undefined : this.of(entity);
  }

  of(entity: EntityRecord): Identity | undefined {
    const groups = this.#above(entity);
    // Leaving some out could leave a denial out.
    if (groups.length > identityLimits.groupsAbove) return undefined;
    return identityOfRecords(entity, groups, this.#guards());
  }

  #entity(id: string): EntityRecord | undefined {
    let at = id;
    for (let merges = 0; merges <= mostMerges; merges++) {
      const sealed = this.#take(entityKey(at));
      if (sealed !== undefined) return decodeEntity(sealed.open());
      const merged = this.#take(mergedKey(at));
      if (merged === undefined) return undefined;
      at = decodePointer<{ readonly into: string }>(merged.open()).into;
    }
    return undefined;
  }

  #above(entity: EntityRecord): readonly GroupRecord[] {
    const found: DecodedGroup[] = [];
    for (const id of entity.memberOf) {
      const group = this.#group(id);
      if (group?.entities.has(entity.id) === true) this.#enter(group, found);
    }
    for (const id of new Set(entity.aliases.flatMap(({ external }) => external.map(({ group }) => group)))) {
      const group = this.#group(id);
      if (group !== undefined && this.#isIn(entity, group.record)) this.#enter(group, found);
    }
    for (let index = 0; index < found.length && found.length <= identityLimits.groupsAbove; index++) {
      const below = found[index];
      if (below === undefined) break;
      for (const id of below.record.memberOf) {
        const group = this.#group(id);
        if (group?.groups.has(below.record.id) === true) this.#enter(group, found);
      }
    }
    return found.map(({ record }) => record);
  }

  /** What a login at a mount said ends with the mount: no other login could ever take it back. */
  #isIn({ aliases }: EntityRecord, group: GroupRecord): boolean {
    if (group.alias === null || !isExternalMember(aliases, group)) return false;
    return this.#take(mountKey(group.alias.mount)) !== undefined;
  }

  #enter(group: DecodedGroup, found: DecodedGroup[]): void {
    if (this.#entered.has(group.record.id)) return;
    this.#entered.add(group.record.id);
    found.push(group);
  }

  #group(id: string): DecodedGroup | undefined {
    const key = groupKey(id);
    const sealed = this.#take(key);
    return sealed === undefined ? undefined : this.#decode(key, sealed);
  }

  #take(key: StorageKey): SealedRecord | undefined {
    this.#used.add(key);
    if (!this.#sealed.has(key)) this.lacking = true;
    return this.#sealed.get(key);
  }

  #guards() {
    return [...this.#used].map((key) => ({ key, revision: this.#sealed.get(key)?.revision ?? null }));
  }
}
