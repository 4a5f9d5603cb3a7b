/**
 * Entities and groups at rest. Each is a record of its own, so that a login writes to one entity and to nothing that others share.
 *
 * - Who is in an internal group is said by the group's record. What an entity or a group says of the groups above it
 *   (`memberOf`) is a hint on where to look: a group that does not name it back counts for nothing. So a group of thousands
 *   changes in one commit.
 * - Who is in an external group is said by the entity's alias: its last login there named the group's alias. That counts for as
 *   long as the auth method is mounted.
 * - An entity that was merged into another leaves a pointer, and what names it follows that.
 */
import { CofferError } from '../../errors.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { nameInKey } from './names.ts';

type Pairs = Readonly<Record<string, string>>;

/** That the last login with an alias named a group by the name that the group's alias then had. */
export interface ExternalMembership {
  /** Its id. */
  readonly group: string;
  readonly name: string;
}

export interface AliasRecord {
  readonly id: string;
  /** As the auth method has it: compared as it is. */
  readonly name: string;
  /** The auth mount's uuid. */
  readonly mount: string;
  readonly mountAccessor: string;
  /** What the auth method says of it. */
  readonly metadata: Pairs;
  /** What an operator says of it. */
  readonly customMetadata: Pairs;
  readonly external: readonly ExternalMembership[];
  /** Milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface EntityRecord {
  readonly id: string;
  readonly name: string;
  /** Sorted; never `root`. */
  readonly policies: readonly string[];
  readonly metadata: Pairs;
  readonly disabled: boolean;
  /** At most one an auth mount. */
  readonly aliases: readonly AliasRecord[];
  /** Ids of internal groups that may name it. */
  readonly memberOf: readonly string[];
  /** Ids of entities that were merged into it. */
  readonly merged: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface GroupAliasRecord {
  readonly id: string;
  /** As the auth method has it: compared as it is. */
  readonly name: string;
  readonly mount: string;
  readonly mountAccessor: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type GroupKind = 'internal' | 'external';

export interface Members {
  /** Ids of entities. */
  readonly entities: readonly string[];
  /** Ids of groups. */
  readonly groups: readonly string[];
}

export const nobody: Members = { entities: [], groups: [] };

export interface GroupRecord {
  readonly id: string;
  readonly name: string;
  readonly kind: GroupKind;
  readonly policies: readonly string[];
  readonly metadata: Pairs;
  /** Empty for an external group. */
  readonly members: Members;
  /** Those whose hints are being written: they are no members yet, but their hints stay. */
  readonly joining: Members;
  /** Ids of internal groups that may name it. */
  readonly memberOf: readonly string[];
  /** Only of an external group. */
  readonly alias: GroupAliasRecord | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export const identityLimits = {
  aliases: 24,
  /** Groups that one entity or group is in, not counting those above them. */
  memberOf: 200,
  /** Entities and groups together that one internal group names. */
  members: 4_000,
  /** Groups above one entity, all in all. */
  groupsAbove: 500,
  policies: 128,
  /** External groups that one login may put an entity into. */
  external: 100,
  metadataKeys: 64,
  metadataKeyBytes: 128,
  metadataValueBytes: 512,
  merged: 500,
} as const;

const root = 'core/identity/';
export const entityPrefix = `${root}entity/id/`;
export const entityNamePrefix = `${root}entity/name/`;
export const aliasPrefix = `${root}alias/id/`;
export const groupPrefix = `${root}group/id/`;
export const groupNamePrefix = `${root}group/name/`;
export const groupAliasPrefix = `${root}group-alias/id/`;

const key = (text: string): StorageKey => parseStorageKey(text);

export const entityKey = (id: string): StorageKey => key(entityPrefix + id);
export const mergedKey = (id: string): StorageKey => key(`${root}merged/${id}`);
export const entityNameKey = (name: string): StorageKey => key(entityNamePrefix + nameInKey(name));
export const aliasKey = (id: string): StorageKey => key(aliasPrefix + id);
/** `digest` is of the folded name: see `Identities`. */
export const aliasNameKey = (mount: string, digest: string): StorageKey =>
  key(`${root}alias/name/${mount}/${digest}`);
export const groupKey = (id: string): StorageKey => key(groupPrefix + id);
export const groupNameKey = (name: string): StorageKey => key(groupNamePrefix + nameInKey(name));
export const groupAliasKey = (id: string): StorageKey => key(groupAliasPrefix + id);
export const groupAliasNameKey = (mount: string, digest: string): StorageKey =>
  key(`${root}group-alias/name/${mount}/${digest}`);
export const externalPrefix = (group: string): string => `${root}external/${group}/`;
export const externalKey = (group: string, entity: string): StorageKey => key(externalPrefix(group) + entity);

/** A uuid, as all ids of entities, groups and aliases are: nothing else is looked up. */
export function isIdentityId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** By a name, an id: the name as given, since one key stands for all names that look alike. */
export interface NamePointer {
  readonly id: string;
  readonly name: string;
}

/** By an alias's name, the alias and its entity. */
export interface AliasPointer extends NamePointer {
  readonly entity: string;
}

/** By a group alias's name, the alias and its group. */
export interface GroupAliasPointer extends NamePointer {
  readonly group: string;
}

/** Bytes of one entity's or group's record. */
const mostBytes = 224 * 1024;

/** Throws `invalid_request` where it is more than a record holds. */
export function encodeIdentity(record: EntityRecord | GroupRecord): Buffer {
  const bytes = encodeStored(record);
  if (bytes.length <= mostBytes) return bytes;
  throw new CofferError(
    'invalid_request',
    `an entity or group has at most ${mostBytes} bytes: fewer members, aliases or metadata`,
  );
}

export function decodeEntity(bytes: Buffer): EntityRecord {
  return decodeStored<EntityRecord>(bytes);
}

export function decodeGroup(bytes: Buffer): GroupRecord {
  return decodeStored<GroupRecord>(bytes);
}

export const encodePointer = encodeStored;

export function decodePointer<T>(bytes: Buffer): T {
  return decodeStored<T>(bytes);
}
