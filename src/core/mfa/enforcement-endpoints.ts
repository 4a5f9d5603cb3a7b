/** `identity/mfa/login-enforcement`: which logins need a second factor. */

import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, FieldValues } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import type { Enforcement } from './enforcement.ts';

const fields = {
  mfa_method_ids: { type: 'list', help: 'Methods, of which a code of any one will do.' },
  auth_method_accessors: { type: 'list', help: 'Logins at the auth mounts with these accessors.' },
  auth_method_types: { type: 'list', help: 'Logins by auth methods of these types.' },
  identity_group_ids: { type: 'list', help: 'Logins of entities in these groups.' },
  identity_entity_ids: { type: 'list', help: 'Logins of these entities.' },
} as const satisfies Fields;

/** Items of one list. */
const mostItems = 200;

export function enforcementEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'mfa/login-enforcement',
      help: 'Lists what logins need a second factor.',
      fields: {},
      operations: {
        list: {
          summary: 'List login enforcements',
          response: { keys: { type: 'list' } },
          handle: async () => ({ data: { keys: rooms.mfa.config.enforcements.map(({ name }) => name) } }),
        },
      },
    }),
    one(rooms),
  ];
}

function one(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'mfa/login-enforcement/:name',
    help: 'Shows, sets or ends the need of a second factor for some logins.',
    fields,
    operations: {
      read: {
        summary: 'Show a login enforcement',
        response: {
          id: { type: 'string' },
          name: { type: 'string' },
          namespace_id: { type: 'string' },
          mfa_method_ids: { type: 'list' },
          auth_method_accessors: { type: 'list' },
          auth_method_types: { type: 'list' },
          identity_group_ids: { type: 'list' },
          identity_entity_ids: { type: 'list' },
        },
        handle: async (call) => {
          const found = rooms.mfa.config.enforcement(parseName(call.params['name']));
          return found === undefined ? undefined : { data: shown(found) };
        },
      },
      update: {
        summary: 'Set a login enforcement',
        spendsFirst: true,
        handle: async (call) => {
          const name = parseName(call.params['name']);
          await rooms.mfa.config.writeEnforcement(name, (before) => changed(rooms, call, name, before));
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a login enforcement',
        spendsFirst: true,
        handle: async (call) => {
          await rooms.mfa.config.deleteEnforcement(parseName(call.params['name']));
          return undefined;
        },
      },
    },
  });
}

function parseName(text: string | undefined): string {
  if (text !== undefined && /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a name begins with a letter or digit, and letters, digits, ".", "_" and "-" follow, 128 in all',
  );
}

function shown(enforcement: Enforcement) {
  return {
    id: enforcement.id,
    name: enforcement.name,
    namespace_id: 'root',
    mfa_method_ids: enforcement.methods,
    auth_method_accessors: enforcement.accessors,
    auth_method_types: enforcement.types,
    identity_group_ids: enforcement.groups,
    identity_entity_ids: enforcement.entities,
  };
}

async function changed(
  rooms: CoreRooms,
  { fields: sent }: { readonly fields: FieldValues<typeof fields> },
  name: string,
  before: Enforcement | undefined,
): Promise<Enforcement> {
  const methods = (sent.mfa_method_ids ?? before?.methods ?? []).map(
    (idOrName) => rooms.mfa.config.method(idOrName)?.id ?? idOrName,
  );
  const after: Enforcement = {
    name,
    id: before?.id ?? randomUuid(rooms.random),
    methods: [...new Set(methods)],
    accessors: sent.auth_method_accessors ?? before?.accessors ?? [],
    types: sent.auth_method_types ?? before?.types ?? [],
    groups: sent.identity_group_ids ?? before?.groups ?? [],
    entities: sent.identity_entity_ids ?? before?.entities ?? [],
  };
  const { accessors, types, groups, entities } = after;
  if (after.methods.length === 0)
    throw refuse('missing method ids: mfa_method_ids names one method at least');
  if (accessors.length + types.length + groups.length + entities.length === 0) {
    throw refuse(
      'One of auth_method_accessors, auth_method_types, identity_group_ids, identity_entity_ids must be specified',
    );
  }
  if ([after.methods, accessors, types, groups, entities].some((list) => list.length > mostItems)) {
    throw refuse(`each list has at most ${mostItems} items`);
  }
  await checkMeant(rooms, after);
  return after;
}

/** A name that means nobody would look like an enforcement and be none. Throws `invalid_request`. */
async function checkMeant(
  rooms: CoreRooms,
  { accessors, types, groups, entities }: Enforcement,
): Promise<void> {
  const mounts = rooms.mounts.table.mounts
    .map(({ entry }) => entry)
    .filter(({ kind, type }) => kind === 'auth' && type !== 'token');
  if (!accessors.every((accessor) => mounts.some((mount) => mount.accessor === accessor))) {
    throw refuse('one of the auth method accessors supplied is invalid: it names no auth mount that logs in');
  }
  if (!types.every((type) => mounts.some((mount) => mount.type === type))) {
    throw refuse('one of the auth method types supplied is invalid: no auth method of that type is enabled');
  }
  for (const id of groups) {
    if ((await rooms.identities.group(id)) === undefined)
      throw refuse('one of the provided group ids does not exist');
  }
  for (const id of entities) {
    if ((await rooms.identities.entity(id)) === undefined)
      throw refuse('one of the provided entity ids does not exist');
  }
}

function refuse(why: string): CofferError {
  return new CofferError('invalid_request', why);
}
