/** Entities, groups and aliases in the wire's names. */
import { timestamp } from '../../clock.ts';
import type { ResponseSchema } from '../endpoint.ts';
import { everyItem } from '../pages.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';
import { isExternalMember } from './identity.ts';
import {
  type AliasRecord,
  type EntityRecord,
  externalPrefix,
  type GroupAliasRecord,
  type GroupRecord,
} from './record.ts';

/** Members of an external group that one answer names. */
const mostShown = 10_000;

interface MountNames {
  readonly mount_path: string;
  readonly mount_type: string;
}

/** Empty for a mount that is gone. */
export function mountNames(rooms: CoreRooms, uuid: string): MountNames {
  const entry = rooms.mounts.table.byUuid(uuid)?.entry;
  return { mount_path: entry?.path ?? '', mount_type: entry?.type ?? '' };
}

export function aliasFacts(rooms: CoreRooms, alias: AliasRecord, entity: EntityRecord) {
  return {
    id: alias.id,
    name: alias.name,
    canonical_id: entity.id,
    mount_accessor: alias.mountAccessor,
    ...mountNames(rooms, alias.mount),
    metadata: alias.metadata,
    custom_metadata: alias.customMetadata,
    merged_from_canonical_ids: null,
    local: false,
    namespace_id: 'root',
    creation_time: timestamp(alias.createdAt),
    last_update_time: timestamp(alias.updatedAt),
  };
}

export const aliasSchema = {
  id: { type: 'string' },
  name: { type: 'string' },
  canonical_id: { type: 'string' },
  mount_accessor: { type: 'string' },
  mount_path: { type: 'string' },
  mount_type: { type: 'string' },
  metadata: { type: 'pairs' },
  custom_metadata: { type: 'pairs' },
  merged_from_canonical_ids: { type: 'null' },
  local: { type: 'bool' },
  namespace_id: { type: 'string' },
  creation_time: { type: 'string' },
  last_update_time: { type: 'string' },
} as const satisfies ResponseSchema;

export async function entityFacts(rooms: CoreRooms, entity: EntityRecord): Promise<AnswerData> {
  const identity = await rooms.identities.reader.read(entity.id);
  const groups = identity?.groups ?? [];
  const direct = groups.filter(
    (group) => group.members.entities.includes(entity.id) || isExternalMember(entity.aliases, group),
  );
  return {
    id: entity.id,
    name: entity.name,
    policies: entity.policies,
    metadata: entity.metadata,
    disabled: entity.disabled,
    aliases: entity.aliases.map((alias) => aliasFacts(rooms, alias, entity)),
    direct_group_ids: direct.map(({ id }) => id),
    inherited_group_ids: groups.filter((group) => !direct.includes(group)).map(({ id }) => id),
    group_ids: groups.map(({ id }) => id),
    merged_entity_ids: entity.merged.length === 0 ? null : entity.merged,
    namespace_id: 'root',
    creation_time: timestamp(entity.createdAt),
    last_update_time: timestamp(entity.updatedAt),
  };
}

export const entitySchema = {
  id: { type: 'string' },
  name: { type: 'string' },
  policies: { type: 'list' },
  metadata: { type: 'pairs' },
  disabled: { type: 'bool' },
  aliases: { type: 'list', items: aliasSchema },
  direct_group_ids: { type: 'list', help: 'Groups that it is in.' },
  inherited_group_ids: { type: 'list', help: 'Groups that these are in.' },
  group_ids: { type: 'list' },
  merged_entity_ids: { type: 'list', nullable: true },
  namespace_id: { type: 'string' },
  creation_time: { type: 'string' },
  last_update_time: { type: 'string' },
} as const satisfies ResponseSchema;

export function groupAliasFacts(rooms: CoreRooms, alias: GroupAliasRecord, group: GroupRecord) {
  return {
    id: alias.id,
    name: alias.name,
    canonical_id: group.id,
    mount_accessor: alias.mountAccessor,
    ...mountNames(rooms, alias.mount),
    namespace_id: 'root',
    creation_time: timestamp(alias.createdAt),
    last_update_time: timestamp(alias.updatedAt),
  };
}

export const groupAliasSchema = {
  id: { type: 'string' },
  name: { type: 'string' },
  canonical_id: { type: 'string' },
  mount_accessor: { type: 'string' },
  mount_path: { type: 'string' },
  mount_type: { type: 'string' },
  namespace_id: { type: 'string' },
  creation_time: { type: 'string' },
  last_update_time: { type: 'string' },
} as const satisfies ResponseSchema;

export async function groupFacts(rooms: CoreRooms, group: GroupRecord): Promise<AnswerData> {
  const parents = await rooms.identities.groups(group.memberOf);
  return {
    id: group.id,
    name: group.name,
    type: group.kind,
    policies: group.policies,
    metadata: group.metadata,
    alias: group.alias === null ? {} : groupAliasFacts(rooms, group.alias, group),
    member_entity_ids:
      group.kind === 'internal' ? group.members.entities : await externalMembers(rooms, group),
    member_group_ids: group.members.groups,
    parent_group_ids: parents.flatMap((stored) =>
      stored?.record.members.groups.includes(group.id) === true ? [stored.record.id] : [],
    ),
    namespace_id: 'root',
    creation_time: timestamp(group.createdAt),
    last_update_time: timestamp(group.updatedAt),
  };
}

export const groupSchema = {
  id: { type: 'string' },
  name: { type: 'string' },
  type: { type: 'string', help: '`internal` or `external`.' },
  policies: { type: 'list' },
  metadata: { type: 'pairs' },
  alias: { type: 'object', help: 'Empty where there is none.' },
  member_entity_ids: { type: 'list' },
  member_group_ids: { type: 'list' },
  parent_group_ids: { type: 'list' },
  namespace_id: { type: 'string' },
  creation_time: { type: 'string' },
  last_update_time: { type: 'string' },
} as const satisfies ResponseSchema;

/** Who is in an external group, by what their last logins said. */
async function externalMembers(rooms: CoreRooms, group: GroupRecord): Promise<readonly string[]> {
  const { identities, mounts } = rooms;
  const members: string[] = [];
  if (group.alias === null || mounts.table.byUuid(group.alias.mount) === undefined) return members;
  const listed = everyItem((page) => identities.store.children(externalPrefix(group.id), page), 64);
  for await (const id of listed) {
    const stored = await identities.entity(id);
    if (stored !== undefined && isExternalMember(stored.record.aliases, group)) members.push(id);
    if (members.length >= mostShown) break;
  }
  return members;
}
