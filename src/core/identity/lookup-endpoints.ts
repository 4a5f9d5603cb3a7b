/** `identity/lookup/…`: an entity or a group by whatever is known of it. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { mountOf } from './alias-endpoints.ts';
import { findAlias, findAliasByName } from './aliases.ts';
import { entityFacts, entitySchema, groupFacts, groupSchema } from './facts.ts';
import { findGroupAlias, findGroupAliasByName } from './group-aliases.ts';
import type { EntityRecord, GroupRecord } from './record.ts';

const lookupFields = {
  id: { type: 'string', help: 'Its id.' },
  name: { type: 'string', help: 'Its name.' },
  alias_id: { type: 'string', help: 'Id of an alias.' },
  alias_name: { type: 'string', help: 'Name of an alias; with alias_mount_accessor.' },
  alias_mount_accessor: { type: 'string', help: 'Accessor of the alias’s mount; with alias_name.' },
} as const satisfies Fields;

type Wish = FieldValues<typeof lookupFields>;

export function lookupEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'lookup/entity',
      help: 'Finds an entity by its id, its name or an alias. Answers nothing where there is none.',
      fields: lookupFields,
      operations: {
        update: {
          summary: 'Look an entity up',
          response: entitySchema,
          computes: true,
          handle: async ({ fields }) => {
            const entity = await findEntity(rooms, fields);
            return entity === undefined ? undefined : { data: await entityFacts(rooms, entity) };
          },
        },
      },
    }),
    coreEndpoint({
      pattern: 'lookup/group',
      help: 'Finds a group by its id, its name or its alias. Answers nothing where there is none.',
      fields: lookupFields,
      operations: {
        update: {
          summary: 'Look a group up',
          response: groupSchema,
          computes: true,
          handle: async ({ fields }) => {
            const group = await findGroup(rooms, fields);
            return group === undefined ? undefined : { data: await groupFacts(rooms, group) };
          },
        },
      },
    }),
  ];
}

async function findEntity(rooms: CoreRooms, wish: Wish): Promise<EntityRecord | undefined> {
  const { identities } = rooms;
  const by = known(wish);
  if (by.id !== undefined) return (await identities.entity(by.id))?.record;
  if (by.name !== undefined) {
    const { pointer } = await identities.entityByName(by.name);
    return pointer?.name === by.name ? (await identities.entity(pointer.id))?.record : undefined;
  }
  if (by.aliasId !== undefined) return (await findAlias(identities, by.aliasId))?.entity;
  const mount = mountOf(rooms, by.accessor)?.uuid ?? '';
  return (await findAliasByName(identities, mount, by.aliasName ?? ''))?.entity;
}

async function findGroup(rooms: CoreRooms, wish: Wish): Promise<GroupRecord | undefined> {
  const { identities } = rooms;
  const by = known(wish);
  if (by.id !== undefined) return (await identities.group(by.id))?.record;
  if (by.name !== undefined) {
    const { pointer } = await identities.groupByName(by.name);
    return pointer?.name === by.name ? (await identities.group(pointer.id))?.record : undefined;
  }
  if (by.aliasId !== undefined) return (await findGroupAlias(identities, by.aliasId))?.group;
  const mount = mountOf(rooms, by.accessor)?.uuid ?? '';
  return (await findGroupAliasByName(identities, mount, by.aliasName ?? ''))?.group;
}

/** Throws `invalid_request` unless it is asked by exactly one thing. */
function known(wish: Wish) {
  const given = (text: string | undefined) => (text === undefined || text === '' ? undefined : text);
  const by = {
    id: given(wish.id),
    name: given(wish.name),
    aliasId: given(wish.alias_id),
    aliasName: given(wish.alias_name),
    accessor: given(wish.alias_mount_accessor),
  };
  if ((by.aliasName === undefined) !== (by.accessor === undefined)) {
    throw new CofferError('invalid_request', 'alias_name and alias_mount_accessor go together');
  }
  const ways = [by.id, by.name, by.aliasId, by.aliasName].filter((way) => way !== undefined).length;
  if (ways === 1) return by;
  throw new CofferError(
    'invalid_request',
    'give one of id, name, alias_id, or alias_name with alias_mount_accessor',
  );
}
