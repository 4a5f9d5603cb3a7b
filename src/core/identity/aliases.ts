/** Aliases of entities, as operators make, move and end them. A login's own alias is made in `login.ts`. */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { type Expectation, storageLimits } from '../../storage/storage.ts';
import { retryOnConflict } from '../retry.ts';
import { aliasEnd } from './entities.ts';
import { type Identities, lookAlike, type Stored } from './identities.ts';
import { aliasWrites, entityWrites, externalIn, indexWrites, type LoginMount } from './login.ts';
import { parseIdentityName } from './names.ts';
import {
  type AliasPointer,
  type AliasRecord,
  aliasKey,
  type EntityRecord,
  encodeIdentity,
  entityKey,
  entityNameKey,
  identityLimits,
  isIdentityId,
} from './record.ts';
import { wantedMetadata } from './wishes.ts';

export interface AliasWish {
  readonly name?: string | undefined;
  readonly mount?: LoginMount | undefined;
  /** Id of the entity. */
  readonly entity?: string | undefined;
  readonly customMetadata?: Readonly<Record<string, string>> | undefined;
}

export interface FoundAlias {
  readonly alias: AliasRecord;
  readonly entity: EntityRecord;
}

/** By its id; undefined where there is none. */
export async function findAlias(identities: Identities, id: string): Promise<FoundAlias | undefined> {
  const stored = await storedAlias(identities, id);
  return stored === undefined ? undefined : { alias: stored.alias, entity: stored.record };
}

interface StoredAlias extends Stored<EntityRecord> {
  readonly alias: AliasRecord;
}

async function storedAlias(identities: Identities, id: string): Promise<StoredAlias | undefined> {
  if (!isIdentityId(id)) return undefined;
  const pointer = await identities.pointer<AliasPointer>(aliasKey(id));
  return pointer === undefined ? undefined : holderOf(identities, pointer);
}

/** An entity that was merged is found as what it was merged into. */
async function holderOf(identities: Identities, pointer: AliasPointer): Promise<StoredAlias | undefined> {
  const stored = await identities.entityOrMerged(pointer.entity);
  const alias = stored?.record.aliases.find((one) => one.id === pointer.id);
  return stored === undefined || alias === undefined ? undefined : { ...stored, alias };
}

/** The alias of a name; undefined for a name that only looks like it. */
export async function findAliasByName(
  identities: Identities,
  mount: string,
  name: string,
): Promise<FoundAlias | undefined> {
  const { pointer } = await identities.aliasByName(mount, name);
  if (pointer === undefined || pointer.name !== name) return undefined;
  const stored = await holderOf(identities, pointer);
  return stored === undefined ? undefined : { alias: stored.alias, entity: stored.record };
}

/**
 * Makes an alias, or changes the one of this name. Without an entity one is made for it. Throws `invalid_request` for a name that
 * looks like another of the mount, an entity that is not there, and one that has an alias of the mount already.
 */
export async function writeAlias(identities: Identities, wish: AliasWish): Promise<FoundAlias> {
  const { name, mount } = wish;
  if (name === undefined || name === '') throw new CofferError('invalid_request', 'missing alias name');
  if (mount === undefined) throw new CofferError('invalid_request', 'missing mount_accessor');
  return retryOnConflict(async () => {
    const known = await findAliasByName(identities, mount.uuid, name);
    if (known !== undefined) return (await changeAlias(identities, known.alias.id, wish)) ?? known;
    const now = identities.now();
    const alias: AliasRecord = {
      id: identities.newId(),
      name: parseIdentityName(name, "an alias's name"),
      mount: mount.uuid,
      mountAccessor: mount.accessor,
      metadata: {},
      customMetadata: wantedMetadata(wish.customMetadata ?? {}),
      external: [],
      createdAt: now,
      updatedAt: now,
    };
    const free = await freeName(identities, alias);
    if (wish.entity === undefined || wish.entity === '') return withNewEntity(identities, alias, free);
    const stored = await requiredEntity(identities, wish.entity);
    const entity = withAlias(stored.record, alias, now);
    await identities.store.commit(
      [entityWrite(entity), ...aliasWrites(identities, entity.id, alias)],
      [free, { key: entityKey(entity.id), revision: stored.revision }],
    );
    return { alias, entity };
  });
}

async function withNewEntity(
  identities: Identities,
  alias: AliasRecord,
  free: Expectation,
): Promise<FoundAlias> {
  const entity: EntityRecord = {
    id: identities.newId(),
    name: identities.newName('entity'),
    policies: [],
    metadata: {},
    disabled: false,
    aliases: [alias],
    memberOf: [],
    merged: [],
    createdAt: alias.createdAt,
    updatedAt: alias.updatedAt,
  };
  await identities.store.commit(entityWrites(identities, entity), [
    free,
    { key: entityNameKey(entity.name), revision: null },
  ]);
  return { alias, entity };
}

/** Changes an alias; another entity gets it whole. What logins said of it ends with its name or mount. Undefined where there is none. */
export async function changeAlias(
  identities: Identities,
  id: string,
  wish: AliasWish,
): Promise<FoundAlias | undefined> {
  return retryOnConflict(async () => {
    const stored = await storedAlias(identities, id);
    if (stored === undefined) return undefined;
    const { alias: before, record: holder } = stored;
    const after = changed(identities, before, wish);
    const moves = before.name !== after.name || before.mount !== after.mount;
    const free = moves ? [await freeName(identities, after)] : [];
    const to =
      wish.entity === undefined || wish.entity === '' || wish.entity === holder.id
        ? undefined
        : await requiredEntity(identities, wish.entity);
    const now = identities.now();
    const left = withoutAlias(holder, id, now);
    const entity = withAlias(to === undefined ? left : to.record, after, now);
    const was = to === undefined ? holder : to.record;
    const writes: PlainWrite[] = [
      entityWrite(entity),
      ...(to === undefined
        ? []
        : [entityWrite(left), ...indexWrites(holder.id, externalIn(holder), externalIn(left))]),
      ...indexWrites(entity.id, externalIn(was), externalIn(entity)),
      ...aliasEnd(identities, before),
      ...aliasWrites(identities, entity.id, after),
    ];
    const expectations: Expectation[] = [
      ...free,
      { key: entityKey(holder.id), revision: stored.revision },
      ...(to === undefined ? [] : [{ key: entityKey(to.record.id), revision: to.revision }]),
    ];
    await commitOnce(identities, writes, expectations);
    return { alias: after, entity };
  });
}

function changed(identities: Identities, before: AliasRecord, wish: AliasWish): AliasRecord {
  const name =
    wish.name === undefined || wish.name === ''
      ? before.name
      : parseIdentityName(wish.name, "an alias's name");
  const mount = wish.mount ?? { uuid: before.mount, accessor: before.mountAccessor };
  const same = name === before.name && mount.uuid === before.mount;
  return {
    ...before,
    name,
    mount: mount.uuid,
    mountAccessor: mount.accessor,
    customMetadata:
      wish.customMetadata === undefined ? before.customMetadata : wantedMetadata(wish.customMetadata),
    ...(same ? {} : { metadata: {}, external: [] }),
    updatedAt: identities.now(),
  };
}

/** Ends an alias: who logs in by it is somebody new. Ending what is not there is fine. */
export async function deleteAlias(identities: Identities, id: string): Promise<void> {
  await retryOnConflict(async () => {
    const stored = await storedAlias(identities, id);
    if (stored === undefined) return;
    const left = withoutAlias(stored.record, id, identities.now());
    await commitOnce(
      identities,
      [
        entityWrite(left),
        ...aliasEnd(identities, stored.alias),
        ...indexWrites(left.id, externalIn(stored.record), externalIn(left)),
      ],
      [{ key: entityKey(left.id), revision: stored.revision }],
    );
  });
}

/** Of several writes to one key the last counts. Throws `invalid_request` for more than fits. */
async function commitOnce(
  identities: Identities,
  writes: readonly PlainWrite[],
  expectations: readonly Expectation[],
): Promise<void> {
  const last = [...new Map(writes.map((write) => [write.key, write])).values()];
  if (new Set([...last, ...expectations].map(({ key }) => key)).size > storageLimits.commitItems) {
    throw new CofferError(
      'invalid_request',
      'this alias puts its entity into too many external groups to be moved or ended at once: log in with fewer first',
    );
  }
  await identities.store.commit(last, expectations);
}

/** That no alias of the mount has this name or one that looks like it; one of an entity that is gone does not count. */
async function freeName(identities: Identities, alias: AliasRecord): Promise<Expectation> {
  const { pointer, asRead } = await identities.aliasByName(alias.mount, alias.name);
  if (pointer === undefined || pointer.id === alias.id) return asRead;
  if ((await holderOf(identities, pointer)) === undefined) return asRead;
  if (pointer.name !== alias.name) throw lookAlike('the name of the alias');
  throw new CofferError('invalid_request', 'an alias of this name exists in the mount already');
}

async function requiredEntity(identities: Identities, id: string): Promise<Stored<EntityRecord>> {
  const stored = await identities.entity(id);
  if (stored !== undefined) return stored;
  throw new CofferError(
    'invalid_request',
    `invalid canonical ID "${id.slice(0, 60)}": there is no such entity`,
  );
}

function withAlias(entity: EntityRecord, alias: AliasRecord, now: number): EntityRecord {
  if (entity.aliases.some(({ mount }) => mount === alias.mount)) {
    throw new CofferError('invalid_request', 'the entity already has an alias of this mount');
  }
  if (entity.aliases.length >= identityLimits.aliases) {
    throw new CofferError('invalid_request', `an entity has at most ${identityLimits.aliases} aliases`);
  }
  return { ...entity, aliases: [...entity.aliases, alias], updatedAt: now };
}

function withoutAlias(entity: EntityRecord, id: string, now: number): EntityRecord {
  return { ...entity, aliases: entity.aliases.filter((alias) => alias.id !== id), updatedAt: now };
}

function entityWrite(entity: EntityRecord): PlainWrite {
  return { key: entityKey(entity.id), value: encodeIdentity(entity) };
}
