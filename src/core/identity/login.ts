/**
 * The entity of a login: found by the alias, or made with it. Of two first logins at once one makes the entity and the other finds
 * it, because both expect the alias's key to be free.
 */
import type { PlainWrite } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { retryOnConflict } from '../retry.ts';
import { type Identities, lookAlike, type Stored } from './identities.ts';
import type { Identity } from './identity.ts';
import { parseIdentityName } from './names.ts';
import { readKeys } from './reader.ts';
import {
  type AliasRecord,
  aliasKey,
  decodePointer,
  type EntityRecord,
  type ExternalMembership,
  encodeIdentity,
  encodePointer,
  entityKey,
  entityNameKey,
  externalKey,
  type GroupAliasPointer,
  identityLimits,
} from './record.ts';

export interface LoginMount {
  readonly uuid: string;
  readonly accessor: string;
}

export interface KnownBy {
  /** What the method knows the principal by; empty where it knows it by nothing. */
  readonly alias: string;
  /** Replaces what the alias's metadata was; absent leaves it. */
  readonly aliasMetadata?: Readonly<Record<string, string>>;
  /** Names of groups, as the method has them; absent leaves memberships as they are. */
  readonly groupAliases?: readonly string[];
}

/** Index entries of external groups that one commit changes. */
const changesACommit = 40;
/** Names of groups that are looked up for one login. */
const mostNames = 2_000;

/**
 * Undefined where the principal has no alias. Throws `invalid_request` for an alias that cannot be one, or that looks like another
 * of the mount, and for more groups than an entity may be in. Throws `permission_denied` for an
 * entity whose groups are too many to be looked through. Whether it is disabled is the caller's to look at.
 */
export async function identityOfLogin(
  identities: Identities,
  mount: LoginMount,
  known: KnownBy,
): Promise<Identity | undefined> {
  if (known.alias === '') return undefined;
  return retryOnConflict(async () => {
    const { pointer, asRead } = await identities.aliasByName(mount.uuid, known.alias);
    const identity = pointer === undefined ? undefined : await identities.reader.read(pointer.entity);
    // One whose groups are too many to be looked through is there all the same: a new one would be free of what it is denied.
    const entity =
      identity?.entity ??
      (pointer === undefined ? undefined : (await identities.entityOrMerged(pointer.entity))?.record);
    const alias = entity?.aliases.find(({ id }) => id === pointer?.id);
    if (alias !== undefined && alias.name !== known.alias) throw lookAlike('the name of this login');
    const external = await externalOf(identities, mount.uuid, known.groupAliases);
    if (entity === undefined || alias === undefined) {
      const record = newEntity(identities, mount, known, external?.slice(0, changesACommit) ?? []);
      await identities.store.commit(
        [...entityWrites(identities, record), ...indexWrites(record.id, [], externalIn(record))],
        [asRead, { key: entityNameKey(record.name), revision: null }],
      );
      return refreshed(identities, record.id, mount, known, external);
    }
    if (identity !== undefined && isAsBefore(alias, known, external)) return identity;
    return refreshed(identities, entity.id, mount, known, external);
  });
}

/**
 * Who a login will be once what it says of its alias is written down; writes nothing. `identity` is who it is so far. Throws
 * `permission_denied` for an entity whose groups would be too many to be looked through.
 */
export async function identityForeseen(
  identities: Identities,
  mount: LoginMount,
  known: KnownBy,
  identity: Identity,
): Promise<Identity> {
  const external = await externalOf(identities, mount.uuid, known.groupAliases);
  if (external === undefined) return identity;
  const aliases = identity.entity.aliases.map((alias) =>
    alias.mount === mount.uuid && alias.name === known.alias ? { ...alias, external } : alias,
  );
  const foreseen = await identities.reader.readAs({ ...identity.entity, aliases });
  if (foreseen === undefined) throw new CofferError('permission_denied', 'permission denied');
  return foreseen;
}

function newEntity(
  identities: Identities,
  mount: LoginMount,
  known: KnownBy,
  external: readonly ExternalMembership[],
): EntityRecord {
  const now = identities.now();
  const alias: AliasRecord = {
    id: identities.newId(),
    name: parseIdentityName(known.alias, "an alias's name"),
    mount: mount.uuid,
    mountAccessor: mount.accessor,
    metadata: known.aliasMetadata ?? {},
    customMetadata: {},
    external,
    createdAt: now,
    updatedAt: now,
  };
  return {
    id: identities.newId(),
    name: identities.newName('entity'),
    policies: [],
    metadata: {},
    disabled: false,
    aliases: [alias],
    memberOf: [],
    merged: [],
    createdAt: now,
    updatedAt: now,
  };
}

/** The writes of a new entity with its name and its aliases. */
export function entityWrites(identities: Identities, record: EntityRecord): readonly PlainWrite[] {
  return [
    { key: entityKey(record.id), value: encodeIdentity(record) },
    { key: entityNameKey(record.name), value: encodePointer({ id: record.id, name: record.name }) },
    ...record.aliases.flatMap((alias) => aliasWrites(identities, record.id, alias)),
  ];
}

export function aliasWrites(
  identities: Identities,
  entity: string,
  alias: AliasRecord,
): readonly PlainWrite[] {
  const pointer = encodePointer({ id: alias.id, name: alias.name, entity });
  return [
    { key: aliasKey(alias.id), value: pointer },
    { key: identities.aliasNameKey(alias.mount, alias.name), value: pointer },
  ];
}

/** Brings an alias to what this login says of it, in as many commits as its groups take, and reads the entity anew. */
async function refreshed(
  identities: Identities,
  id: string,
  mount: LoginMount,
  known: KnownBy,
  wanted: Wanted,
): Promise<Identity> {
  for (;;) {
    const stored = await identities.entity(id);
    const alias = stored?.record.aliases.find((one) => one.mount === mount.uuid && one.name === known.alias);
    if (stored === undefined || alias === undefined) break;
    if (isAsBefore(alias, known, wanted)) break;
    await commitRefresh(identities, stored, alias, known, wanted);
  }
  const identity = await identities.reader.read(id);
  // Without its entity a login would be free of what that is denied, and of its being disabled.
  if (identity === undefined) throw new CofferError('permission_denied', 'permission denied');
  return identity;
}

/** The groups that this login names; undefined where it says nothing of groups, and they stay as they are. */
type Wanted = readonly ExternalMembership[] | undefined;

async function commitRefresh(
  identities: Identities,
  { record, revision }: Stored<EntityRecord>,
  alias: AliasRecord,
  known: KnownBy,
  wanted: Wanted,
): Promise<void> {
  const external = wanted === undefined ? alias.external : nextStep(alias.external, wanted);
  const now = identities.now();
  const changed: AliasRecord = {
    ...alias,
    metadata: known.aliasMetadata ?? alias.metadata,
    external,
    updatedAt: now,
  };
  const after: EntityRecord = {
    ...record,
    aliases: record.aliases.map((one) => (one.id === alias.id ? changed : one)),
    updatedAt: now,
  };
  await identities.store.commit(
    [
      { key: entityKey(record.id), value: encodeIdentity(after) },
      ...indexWrites(record.id, externalIn(record), externalIn(after)),
    ],
    [{ key: entityKey(record.id), revision }],
  );
}

/** Towards what is wanted by as much as one commit changes; what is to go goes first. */
function nextStep(
  now: readonly ExternalMembership[],
  wanted: readonly ExternalMembership[],
): readonly ExternalMembership[] {
  const isIn = (list: readonly ExternalMembership[], one: ExternalMembership) =>
    list.some(({ group, name }) => group === one.group && name === one.name);
  const leaving = now.filter((one) => !isIn(wanted, one)).slice(0, changesACommit);
  const left = now.filter((one) => !isIn(leaving, one));
  const joining = wanted.filter((one) => !isIn(now, one)).slice(0, changesACommit - leaving.length);
  return [...left, ...joining].toSorted(byGroup);
}

function isAsBefore(alias: AliasRecord, known: KnownBy, external: Wanted): boolean {
  return (
    (known.aliasMetadata === undefined || areSamePairs(alias.metadata, known.aliasMetadata)) &&
    (external === undefined || JSON.stringify(alias.external) === JSON.stringify(external))
  );
}

function areSamePairs(
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** Ids of the external groups that an entity's aliases name. */
export function externalIn(entity: EntityRecord): readonly string[] {
  return [...new Set(entity.aliases.flatMap(({ external }) => external.map(({ group }) => group)))];
}

/** The changes of the index of external groups' members that go with an entity's change. */
export function indexWrites(
  entity: string,
  before: readonly string[],
  after: readonly string[],
): readonly PlainWrite[] {
  return [
    ...after.filter((group) => !before.includes(group)).map((group) => ({ group, value: encodePointer({}) })),
    ...before.filter((group) => !after.includes(group)).map((group) => ({ group, value: null })),
  ].map(({ group, value }) => ({ key: externalKey(group, entity), value }));
}

/** The groups that are known by these names now, sorted. A name is compared as it is: one that looks alike names nothing. */
async function externalOf(
  identities: Identities,
  mount: string,
  names: readonly string[] | undefined,
): Promise<Wanted> {
  if (names === undefined) return undefined;
  const asked = [...new Set(names)].filter((name) => name !== '' && Buffer.byteLength(name) <= 512);
  if (asked.length > mostNames) throw tooManyGroups(mostNames);
  const sealed = await readKeys(
    identities.store,
    asked.map((name) => identities.groupAliasNameKey(mount, name)),
  );
  const found = sealed.flatMap((record, at) => {
    const pointer = record === undefined ? undefined : decodePointer<GroupAliasPointer>(record.open());
    return pointer === undefined || pointer.name !== asked[at]
      ? []
      : [{ group: pointer.group, name: pointer.name }];
  });
  if (found.length > identityLimits.external) throw tooManyGroups(identityLimits.external);
  return found.toSorted(byGroup);
}

function byGroup(one: ExternalMembership, other: ExternalMembership): number {
  return one.group < other.group ? -1 : one.group > other.group ? 1 : one.name < other.name ? -1 : 1;
}

function tooManyGroups(most: number): CofferError {
  return new CofferError('invalid_request', `this login names more than the ${most} groups that one may`);
}
