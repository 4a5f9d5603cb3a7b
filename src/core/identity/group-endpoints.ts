/** `identity/group` and below. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { groupAliasFacts, groupFacts, groupSchema } from './facts.ts';
import { deleteGroup } from './group-end.ts';
import { createGroup, type GroupWish, updateGroup } from './groups.ts';
import { listById, listByName } from './lists.ts';
import { decodeGroup, type GroupKind, groupNamePrefix, groupPrefix } from './record.ts';
import { commonFields } from './wishes.ts';

const groupFields = {
  ...commonFields,
  type: { type: 'string', help: '`internal` (when absent) or `external`; stays as it was made.' },
  member_entity_ids: { type: 'list', help: 'Ids of entities; replaces all that were in it.' },
  member_group_ids: { type: 'list', help: 'Ids of groups; replaces all that were in it.' },
} as const satisfies Fields;

const withId = { id: { type: 'string', help: 'Id of the group to change.' } } as const;
const created = { id: { type: 'string' }, name: { type: 'string' } } as const;

export function groupEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [create(rooms), byId(rooms), byName(rooms), ...lists(rooms)];
}

/** Throws `invalid_request` for a kind that there is not. */
function wishOf(fields: Partial<FieldValues<typeof groupFields>>): GroupWish {
  const { name, policies, metadata, member_entity_ids: entities, member_group_ids: groups } = fields;
  return { name, policies, metadata, entities, groups, kind: kindOf(fields.type) };
}

function kindOf(type: string | undefined): GroupKind | undefined {
  if (type === undefined || type === '') return undefined;
  if (type === 'internal' || type === 'external') return type;
  throw new CofferError(
    'invalid_request',
    `group type "${type.slice(0, 40)}" is neither internal nor external`,
  );
}

async function make(rooms: CoreRooms, wish: GroupWish): Promise<Reply> {
  const { id, name } = await createGroup(rooms.identities, wish);
  return { data: { id, name } };
}

async function change(rooms: CoreRooms, id: string, wish: GroupWish): Promise<Reply | undefined> {
  if (await updateGroup(rooms.identities, id, wish)) return undefined;
  throw new CofferError('invalid_request', `invalid group ID "${id.slice(0, 60)}"`);
}

/** The id of the group with exactly this name. */
async function idOfName(rooms: CoreRooms, name: string): Promise<string | undefined> {
  const { pointer } = await rooms.identities.groupByName(name);
  return pointer?.name === name ? pointer.id : undefined;
}

async function shown(rooms: CoreRooms, id: string | undefined): Promise<Reply | undefined> {
  const stored = id === undefined ? undefined : await rooms.identities.group(id);
  return stored === undefined ? undefined : { data: await groupFacts(rooms, stored.record) };
}

function create(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'group',
    help: 'Makes a group, or changes the one of this id or name.',
    fields: { ...withId, ...groupFields },
    operations: {
      update: {
        summary: 'Make or change a group',
        spendsFirst: true,
        response: created,
        handle: async ({ fields }) => {
          const { id, name } = fields;
          const wish = wishOf(fields);
          if (id !== undefined && id !== '') return change(rooms, id, wish);
          const known = name === undefined || name === '' ? undefined : await idOfName(rooms, name);
          return known === undefined ? make(rooms, wish) : change(rooms, known, wish);
        },
      },
    },
  });
}

function byId(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'group/id/:id',
    help: 'A group: its policies are those of everyone in it, and in the groups in it.',
    fields: groupFields,
    operations: {
      read: {
        summary: 'Read a group',
        response: groupSchema,
        handle: (call) => shown(rooms, call.params['id']),
      },
      update: {
        summary: 'Change a group',
        spendsFirst: true,
        response: created,
        handle: (call) => change(rooms, call.params['id'] ?? '', wishOf(call.fields)),
      },
      delete: {
        summary: 'End a group',
        spendsFirst: true,
        handle: async (call) => void (await deleteGroup(rooms.identities, call.params['id'] ?? '')),
      },
    },
  });
}

function byName(rooms: CoreRooms): Endpoint {
  const { name: _, ...fields } = groupFields;
  return coreEndpoint({
    pattern: 'group/name/:name',
    help: 'A group by its name.',
    fields,
    operations: {
      read: {
        summary: 'Read a group by name',
        response: groupSchema,
        handle: async (call) => shown(rooms, await idOfName(rooms, call.params['name'] ?? '')),
      },
      update: {
        summary: 'Make or change a group by name',
        spendsFirst: true,
        response: created,
        handle: async (call) => {
          const name = call.params['name'] ?? '';
          const known = await idOfName(rooms, name);
          const wish = { ...wishOf(call.fields), name };
          return known === undefined ? make(rooms, wish) : change(rooms, known, wish);
        },
      },
      delete: {
        summary: 'End a group by name',
        spendsFirst: true,
        handle: async (call) => {
          const id = await idOfName(rooms, call.params['name'] ?? '');
          if (id !== undefined) await deleteGroup(rooms.identities, id);
          return undefined;
        },
      },
    },
  });
}

function lists(rooms: CoreRooms): readonly Endpoint[] {
  const { store } = rooms.identities;
  return [
    listById(store, {
      pattern: 'group/id',
      summary: 'List groups by id',
      prefix: groupPrefix,
      info: async (record) => {
        const group = decodeGroup(record.open());
        const alias = group.alias === null ? {} : groupAliasFacts(rooms, group.alias, group);
        return {
          name: group.name,
          num_member_entities: group.members.entities.length,
          num_parent_groups: group.memberOf.length,
          alias,
        };
      },
    }),
    listByName(store, { pattern: 'group/name', summary: 'List groups by name', prefix: groupNamePrefix }),
  ];
}
