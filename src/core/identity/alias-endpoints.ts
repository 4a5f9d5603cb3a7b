/** `identity/entity-alias`, `identity/group-alias` and below. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { changeAlias, deleteAlias, findAlias, writeAlias } from './aliases.ts';
import { aliasFacts, aliasSchema, groupAliasFacts, groupAliasSchema } from './facts.ts';
import { changeGroupAlias, deleteGroupAlias, findGroupAlias, writeGroupAlias } from './group-aliases.ts';
import { listById } from './lists.ts';
import type { LoginMount } from './login.ts';
import { aliasPrefix, groupAliasPrefix } from './record.ts';

const groupAliasFields = {
  name: { type: 'string', help: 'Name by which the auth method knows it, as the method has it.' },
  canonical_id: {
    type: 'string',
    help: 'Id of what it is an alias of; a new one is made when absent.',
    aliases: ['entity_id'],
  },
  mount_accessor: { type: 'string', help: 'Accessor of the auth method’s mount.' },
} as const satisfies Fields;

const aliasFields = {
  ...groupAliasFields,
  custom_metadata: { type: 'pairs', help: 'Texts kept with it; replaces all that was there.' },
} as const satisfies Fields;

const withId = { id: { type: 'string', help: 'Id of the alias to change.' } } as const;
const written = { id: { type: 'string' }, canonical_id: { type: 'string' } } as const;

/** The auth mount of an accessor. Throws `invalid_request` where there is none. */
export function mountOf(rooms: CoreRooms, accessor: string | undefined): LoginMount | undefined {
  if (accessor === undefined || accessor === '') return undefined;
  const mount = rooms.mounts.table.mounts.find(
    ({ entry }) => entry.kind === 'auth' && entry.accessor === accessor,
  );
  if (mount !== undefined) return mount.entry;
  throw new CofferError('invalid_request', `invalid mount accessor "${accessor.slice(0, 60)}"`);
}

export function aliasEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [...entityAliases(rooms), ...groupAliases(rooms)];
}

function wishOf(rooms: CoreRooms, fields: Partial<FieldValues<typeof aliasFields>>) {
  const { name, canonical_id: canonical, mount_accessor: accessor, custom_metadata: customMetadata } = fields;
  return { name, mount: mountOf(rooms, accessor), entity: canonical, group: canonical, customMetadata };
}

function entityAliases(rooms: CoreRooms): readonly Endpoint[] {
  const { identities } = rooms;
  const change = async (id: string, fields: Partial<FieldValues<typeof aliasFields>>) => {
    const found = await changeAlias(identities, id, wishOf(rooms, fields));
    if (found === undefined) throw notFound(id);
    return { data: { id, canonical_id: found.entity.id } };
  };
  return [
    coreEndpoint({
      pattern: 'entity-alias',
      help: 'Makes an alias of an entity, or changes the one of this id or name.',
      fields: { ...withId, ...aliasFields },
      operations: {
        update: {
          summary: 'Make or change an alias',
          spendsFirst: true,
          response: written,
          handle: async ({ fields }) => {
            if (fields.id !== undefined && fields.id !== '') return change(fields.id, fields);
            const { alias, entity } = await writeAlias(identities, wishOf(rooms, fields));
            return { data: { id: alias.id, canonical_id: entity.id } };
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'entity-alias/id/:id',
      help: 'An alias: how an auth method knows an entity.',
      fields: aliasFields,
      operations: {
        read: {
          summary: 'Read an alias',
          response: aliasSchema,
          handle: async ({ params }) => {
            const found = await findAlias(identities, params['id'] ?? '');
            return found === undefined ? undefined : { data: aliasFacts(rooms, found.alias, found.entity) };
          },
        },
        update: {
          summary: 'Change an alias',
          spendsFirst: true,
          response: written,
          handle: ({ params, fields }) => change(params['id'] ?? '', fields),
        },
        delete: {
          summary: 'End an alias',
          spendsFirst: true,
          handle: async ({ params }) => void (await deleteAlias(identities, params['id'] ?? '')),
        },
      },
    }),
    listById(identities.store, {
      pattern: 'entity-alias/id',
      summary: 'List aliases of entities',
      prefix: aliasPrefix,
      info: async ({ key }) => {
        const found = await findAlias(identities, key.slice(aliasPrefix.length));
        if (found === undefined) return undefined;
        const { id: _, metadata: __, ...said } = aliasFacts(rooms, found.alias, found.entity);
        return said;
      },
    }),
  ];
}

function groupAliases(rooms: CoreRooms): readonly Endpoint[] {
  const { identities } = rooms;
  const change = async (id: string, fields: Partial<FieldValues<typeof groupAliasFields>>) => {
    const found = await changeGroupAlias(identities, id, wishOf(rooms, fields));
    if (found === undefined) throw notFound(id);
    return { data: { id, canonical_id: found.group.id } };
  };
  return [
    coreEndpoint({
      pattern: 'group-alias',
      help: 'Makes the alias of an external group, or changes the one of this id or name.',
      fields: { ...withId, ...groupAliasFields },
      operations: {
        update: {
          summary: 'Make or change a group’s alias',
          spendsFirst: true,
          response: written,
          handle: async ({ fields }) => {
            if (fields.id !== undefined && fields.id !== '') return change(fields.id, fields);
            const { alias, group } = await writeGroupAlias(identities, wishOf(rooms, fields));
            return { data: { id: alias.id, canonical_id: group.id } };
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'group-alias/id/:id',
      help: 'A group’s alias: how an auth method knows a group.',
      fields: groupAliasFields,
      operations: {
        read: {
          summary: 'Read a group’s alias',
          response: groupAliasSchema,
          handle: async ({ params }) => {
            const found = await findGroupAlias(identities, params['id'] ?? '');
            return found === undefined
              ? undefined
              : { data: groupAliasFacts(rooms, found.alias, found.group) };
          },
        },
        update: {
          summary: 'Change a group’s alias',
          spendsFirst: true,
          response: written,
          handle: ({ params, fields }) => change(params['id'] ?? '', fields),
        },
        delete: {
          summary: 'End a group’s alias',
          spendsFirst: true,
          handle: async ({ params }) => void (await deleteGroupAlias(identities, params['id'] ?? '')),
        },
      },
    }),
    listById(identities.store, {
      pattern: 'group-alias/id',
      summary: 'List aliases of groups',
      prefix: groupAliasPrefix,
      info: async ({ key }) => {
        const found = await findGroupAlias(identities, key.slice(groupAliasPrefix.length));
        if (found === undefined) return undefined;
        const { id: _, ...said } = groupAliasFacts(rooms, found.alias, found.group);
        return said;
      },
    }),
  ];
}

function notFound(id: string): CofferError {
  return new CofferError('invalid_request', `invalid alias ID "${id.slice(0, 60)}"`);
}
