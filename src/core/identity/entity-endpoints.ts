/** `identity/entity` and below. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues, Reply } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { createEntity, deleteEntity, type EntityWish, updateEntity } from './entities.ts';
import { entityFacts, entitySchema, mountNames } from './facts.ts';
import { listById, listByName } from './lists.ts';
import { mergeEntities } from './merge.ts';
import { decodeEntity, type EntityRecord, entityNamePrefix, entityPrefix } from './record.ts';
import { commonFields, wantedIds } from './wishes.ts';

const entityFields = {
  ...commonFields,
  disabled: { type: 'bool', help: 'Refuse its tokens and logins.' },
} as const satisfies Fields;

const byIdFields = { id: { type: 'string', help: 'Id of the entity to change.' }, ...entityFields } as const;
const batchFields = {
  entity_ids: { type: 'list', help: 'Ids of the entities to end.', required: true },
} as const satisfies Fields;
const mergeFields = {
  from_entity_ids: {
    type: 'list',
    help: 'Ids of the entities that become part of the other.',
    required: true,
  },
  to_entity_id: { type: 'string', help: 'Id of the entity that stays.', required: true },
  force: { type: 'bool', help: 'Taken and without effect: nothing is merged by force.' },
  conflicting_alias_ids_to_keep: {
    type: 'list',
    help: 'Where two have an alias of the same mount, the id of the one that stays; the other ends.',
  },
} as const satisfies Fields;

/** Entities that end by one request. */
const mostEnded = 1_000;

const created = {
  id: { type: 'string' },
  name: { type: 'string' },
  aliases: { type: 'null' },
} as const;

export function entityEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [create(rooms), byId(rooms), byName(rooms), ...together(rooms), ...lists(rooms)];
}

function wishOf(fields: Partial<FieldValues<typeof entityFields>>): EntityWish {
  const { name, policies, metadata, disabled } = fields;
  return { name, policies, metadata, disabled };
}

async function make(rooms: CoreRooms, wish: EntityWish): Promise<Reply> {
  const { id, name } = await createEntity(rooms.identities, wish);
  return { data: { id, name, aliases: null } };
}

async function change(rooms: CoreRooms, id: string, wish: EntityWish): Promise<Reply | undefined> {
  if (await updateEntity(rooms.identities, id, wish)) return undefined;
  throw new CofferError('invalid_request', `entity not found from id "${id.slice(0, 60)}"`);
}

/** The id of the entity with exactly this name. */
async function idOfName(rooms: CoreRooms, name: string): Promise<string | undefined> {
  const { pointer } = await rooms.identities.entityByName(name);
  return pointer?.name === name ? pointer.id : undefined;
}

async function shown(rooms: CoreRooms, id: string | undefined): Promise<Reply | undefined> {
  const stored = id === undefined ? undefined : await rooms.identities.entity(id);
  return stored === undefined ? undefined : { data: await entityFacts(rooms, stored.record) };
}

function create(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'entity',
    help: 'Makes an entity, or changes the one of this id or name.',
    fields: byIdFields,
    operations: {
      update: {
        summary: 'Make or change an entity',
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
    pattern: 'entity/id/:id',
    help: 'An entity: who somebody is, whichever way they log in.',
    fields: entityFields,
    operations: {
      read: {
        summary: 'Read an entity',
        response: entitySchema,
        handle: (call) => shown(rooms, call.params['id']),
      },
      update: {
        summary: 'Change an entity',
        spendsFirst: true,
        response: created,
        handle: (call) => change(rooms, call.params['id'] ?? '', wishOf(call.fields)),
      },
      delete: {
        summary: 'End an entity',
        spendsFirst: true,
        handle: async (call) => void (await deleteEntity(rooms.identities, call.params['id'] ?? '')),
      },
    },
  });
}

function byName(rooms: CoreRooms): Endpoint {
  const { name: _, ...fields } = entityFields;
  return coreEndpoint({
    pattern: 'entity/name/:name',
    help: 'An entity by its name.',
    fields,
    operations: {
      read: {
        summary: 'Read an entity by name',
        response: entitySchema,
        handle: async (call) => shown(rooms, await idOfName(rooms, call.params['name'] ?? '')),
      },
      update: {
        summary: 'Make or change an entity by name',
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
        summary: 'End an entity by name',
        spendsFirst: true,
        handle: async (call) => {
          const id = await idOfName(rooms, call.params['name'] ?? '');
          if (id !== undefined) await deleteEntity(rooms.identities, id);
          return undefined;
        },
      },
    },
  });
}

function together(rooms: CoreRooms): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'entity/batch-delete',
      help: 'Ends several entities, one after the other.',
      fields: batchFields,
      operations: {
        update: {
          summary: 'End several entities',
          spendsFirst: true,
          handle: async ({ fields }) => {
            const ids = wantedIds(fields.entity_ids, mostEnded, 'entities can be ended at once');
            for (const id of ids) await deleteEntity(rooms.identities, id);
            return undefined;
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'entity/merge',
      help: 'Makes entities part of another: their aliases, policies and groups are its own from then on.',
      fields: mergeFields,
      operations: {
        update: {
          summary: 'Merge entities',
          spendsFirst: true,
          sudo: true,
          handle: async ({ fields }) => {
            await mergeEntities(rooms.identities, {
              from: fields.from_entity_ids,
              to: fields.to_entity_id,
              keep: fields.conflicting_alias_ids_to_keep ?? [],
            });
            return undefined;
          },
        },
      },
    }),
  ];
}

function lists(rooms: CoreRooms): readonly Endpoint[] {
  const { store } = rooms.identities;
  return [
    listById(store, {
      pattern: 'entity/id',
      summary: 'List entities by id',
      prefix: entityPrefix,
      info: async (record) => entityInfo(rooms, decodeEntity(record.open())),
    }),
    listByName(store, { pattern: 'entity/name', summary: 'List entities by name', prefix: entityNamePrefix }),
  ];
}

function entityInfo(rooms: CoreRooms, { name, aliases }: EntityRecord) {
  return {
    name,
    aliases: aliases.map((alias) => ({
      id: alias.id,
      name: alias.name,
      mount_accessor: alias.mountAccessor,
      ...mountNames(rooms, alias.mount),
    })),
  };
}
