/** Entities, aliases and groups as they are stored: what their endpoints, logins and requests read them by. */
import type { KeyObject } from 'node:crypto';
import type { BarrierStore, SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { hmacSha256 } from '../../crypto/digest.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { Expectation, Revision, StorageKey } from '../../storage/storage.ts';
import { effectivePolicies, type Identity } from './identity.ts';
import { foldName } from './names.ts';
import { IdentityReader, mostMerges, readKeys } from './reader.ts';
import {
  type AliasPointer,
  aliasNameKey,
  decodeEntity,
  decodeGroup,
  decodePointer,
  type EntityRecord,
  entityKey,
  entityNameKey,
  type GroupAliasPointer,
  type GroupRecord,
  groupAliasNameKey,
  groupKey,
  groupNameKey,
  isIdentityId,
  mergedKey,
  type NamePointer,
} from './record.ts';

export interface Stored<T> {
  readonly record: T;
  readonly revision: Revision;
}

/** What stands at a key that is found by a name, also where that is nothing. */
export interface Found<T> {
  readonly pointer: T | undefined;
  /** That it still stands there so. */
  readonly asRead: Expectation;
}

export interface IdentitiesOptions {
  readonly store: BarrierStore;
  /** Key of the digest under which names of aliases are looked up: they may be people's. */
  readonly digestKey: KeyObject;
  readonly clock: Clock;
  readonly random: Random;
}

export class Identities {
  readonly store: BarrierStore;
  readonly reader: IdentityReader;
  readonly #options: IdentitiesOptions;

  constructor(options: IdentitiesOptions) {
    this.#options = options;
    this.store = options.store;
    this.reader = new IdentityReader(options.store);
  }

  now(): number {
    return this.#options.clock.now();
  }

  newId(): string {
    return randomUuid(this.#options.random);
  }

  /** Undefined for what is no id, and where there is no such entity. */
  async identity(id: string): Promise<Identity | undefined> {
    return isIdentityId(id) ? this.reader.read(id) : undefined;
  }

  /** What a token's holder may do by; undefined where the token is refused because its entity is disabled or gone. */
  async holderOf(token: {
    readonly policies: readonly string[];
    readonly entityId?: string | undefined;
  }): Promise<{ readonly policies: readonly string[]; readonly identity: Identity | undefined } | undefined> {
    if (token.entityId === undefined) return { policies: token.policies, identity: undefined };
    const identity = await this.reader.read(token.entityId);
    if (identity === undefined || identity.entity.disabled) return undefined;
    return { policies: effectivePolicies(token.policies, identity), identity };
  }

  /** A name for what was given none: `entity_1f0c2d3e`. */
  newName(kind: 'entity' | 'group'): string {
    return `${kind}_${this.#options.random.bytes(4).toString('hex')}`;
  }

  /** Undefined for what is no id, and for an entity that is gone or was merged into another. */
  async entity(id: string): Promise<Stored<EntityRecord> | undefined> {
    if (!isIdentityId(id)) return undefined;
    return stored(await this.store.read(entityKey(id)), decodeEntity);
  }

  /** The same, of one that was merged what it was merged into: also where its groups are too many to be looked through. */
  async entityOrMerged(id: string): Promise<Stored<EntityRecord> | undefined> {
    let at = id;
    for (let merges = 0; merges <= mostMerges; merges++) {
      const found = await this.entity(at);
      if (found !== undefined || !isIdentityId(at)) return found;
      const merged = await this.pointer<{ readonly into: string }>(mergedKey(at));
      if (merged === undefined) return undefined;
      at = merged.into;
    }
    return undefined;
  }

  /** Of a mount's alias of exactly this name, also where it was merged into another; undefined where there is none. */
  async entityOfAlias(mount: string, name: string): Promise<EntityRecord | undefined> {
    const { pointer } = await this.aliasByName(mount, name);
    if (pointer === undefined || pointer.name !== name) return undefined;
    return (await this.entityOrMerged(pointer.entity))?.record;
  }

  async group(id: string): Promise<Stored<GroupRecord> | undefined> {
    if (!isIdentityId(id)) return undefined;
    return stored(await this.store.read(groupKey(id)), decodeGroup);
  }

  /** In the order asked; undefined where there is none. */
  async entities(ids: readonly string[]): Promise<readonly (Stored<EntityRecord> | undefined)[]> {
    const sealed = await readKeys(this.store, ids.map(entityKey));
    return sealed.map((record) => stored(record, decodeEntity));
  }

  async groups(ids: readonly string[]): Promise<readonly (Stored<GroupRecord> | undefined)[]> {
    const sealed = await readKeys(this.store, ids.map(groupKey));
    return sealed.map((record) => stored(record, decodeGroup));
  }

  entityByName(name: string): Promise<Found<NamePointer>> {
    return this.#find(entityNameKey(name));
  }

  groupByName(name: string): Promise<Found<NamePointer>> {
    return this.#find(groupNameKey(name));
  }

  aliasByName(mount: string, name: string): Promise<Found<AliasPointer>> {
    return this.#find(this.aliasNameKey(mount, name));
  }

  groupAliasByName(mount: string, name: string): Promise<Found<GroupAliasPointer>> {
    return this.#find(this.groupAliasNameKey(mount, name));
  }

  aliasNameKey(mount: string, name: string): StorageKey {
    return aliasNameKey(mount, this.#digest(mount, name));
  }

  groupAliasNameKey(mount: string, name: string): StorageKey {
    return groupAliasNameKey(mount, this.#digest(mount, name));
  }

  /** What stands at a pointer's key. */
  async pointer<T>(key: StorageKey): Promise<T | undefined> {
    return (await this.#find<T>(key)).pointer;
  }

  async #find<T>(key: StorageKey): Promise<Found<T>> {
    const sealed = await this.store.read(key);
    return {
      pointer: sealed === undefined ? undefined : decodePointer<T>(sealed.open()),
      asRead: { key, revision: sealed?.revision ?? null },
    };
  }

  #digest(mount: string, name: string): string {
    return hmacSha256(this.#options.digestKey, `${mount}/${foldName(name)}`).toString('base64url');
  }
}

function stored<T>(sealed: SealedRecord | undefined, decode: (bytes: Buffer) => T): Stored<T> | undefined {
  return sealed === undefined ? undefined : { record: decode(sealed.open()), revision: sealed.revision };
}

/** One name looks like another that is taken: neither is ever taken for the other. */
export function lookAlike(what: string): CofferError {
  return new CofferError(
    'invalid_request',
    `${what} looks like one that exists: they differ only in upper and lower case, in space, or in forms of the same characters`,
  );
}
