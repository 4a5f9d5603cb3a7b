/** One field of a role at a time: `role/:name/policies` and its like, each read, set and put back to its default. */
import { type Call, type Endpoint, endpoint, type FieldSpec, type Reply } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import { parseRoleName } from '../role-records.ts';
import { noRole, type RoleRooms, readRole, roleFields, shownRole, withFields, writeRole } from './roles.ts';

type FieldName = keyof typeof roleFields;

interface RoleField {
  /** Last segment of the path. */
  readonly path: string;
  readonly field: FieldName;
  /** The name it is shown by besides; alone where `only` says so. */
  readonly old?: string;
  readonly only?: true;
  /** What deleting puts in its place. */
  readonly fallback: JsonValue;
}

const singleFields: readonly RoleField[] = [
  { path: 'policies', field: 'token_policies', old: 'policies', fallback: [] },
  { path: 'bind-secret-id', field: 'bind_secret_id', fallback: true },
  { path: 'secret-id-num-uses', field: 'secret_id_num_uses', fallback: 0 },
  { path: 'secret-id-ttl', field: 'secret_id_ttl', fallback: 0 },
  { path: 'secret-id-bound-cidrs', field: 'secret_id_bound_cidrs', fallback: [] },
  {
    path: 'bound-cidr-list',
    field: 'secret_id_bound_cidrs',
    old: 'bound_cidr_list',
    only: true,
    fallback: [],
  },
  { path: 'token-bound-cidrs', field: 'token_bound_cidrs', fallback: [] },
  { path: 'token-ttl', field: 'token_ttl', fallback: 0 },
  { path: 'token-max-ttl', field: 'token_max_ttl', fallback: 0 },
  { path: 'token-num-uses', field: 'token_num_uses', fallback: 0 },
  { path: 'period', field: 'token_period', old: 'period', fallback: 0 },
  { path: 'local-secret-ids', field: 'local_secret_ids', fallback: false },
];

export function roleFieldEndpoints(rooms: RoleRooms): readonly Endpoint[] {
  return singleFields.map((single) => fieldEndpoint(rooms, single));
}

function fieldEndpoint(rooms: RoleRooms, single: RoleField): Endpoint {
  const spec: FieldSpec = roleFields[single.field];
  const shownAs = { type: spec.type, help: spec.help } as const;
  return endpoint({
    pattern: `role/:name/${single.path}`,
    help: `Shows, sets or resets one field of a role. ${spec.help}`,
    fields: { [single.field]: spec },
    operations: {
      read: {
        summary: `Show ${single.field}`,
        response: Object.fromEntries(names(single).map((name) => [name, { ...shownAs, nullable: true }])),
        handle: async (call): Promise<Reply | undefined> => {
          const read = await readRole(call.view, nameOf(call));
          if (read === undefined) return undefined;
          const value = shownRole(read.role)[single.field] ?? null;
          return { data: Object.fromEntries(names(single).map((name) => [name, value])) };
        },
      },
      update: {
        summary: `Set ${single.field}`,
        handle: async (call) => {
          if (call.fields[single.field] === undefined) {
            throw new CofferError('invalid_request', `missing field "${single.old ?? single.field}"`);
          }
          await change(rooms, call, call.fields, call.data);
          return undefined;
        },
      },
      delete: {
        summary: `Put ${single.field} back to its default`,
        handle: async (call) => {
          // As with everything, deleting from what is not there is fine.
          if ((await readRole(call.view, nameOf(call))) === undefined) return undefined;
          const fallback = { [single.field]: single.fallback };
          await change(rooms, call, fallback, fallback);
          return undefined;
        },
      },
    },
  });
}

function names({ field, old, only }: RoleField): readonly string[] {
  if (old === undefined) return [field];
  return only ? [old] : [field, old];
}

function nameOf(call: Call): string {
  return parseRoleName(call.params['name'] ?? '');
}

/** `fields` are of this endpoint's declaration: one of a role's own. */
async function change(
  rooms: RoleRooms,
  call: Call,
  fields: Readonly<Record<string, unknown>>,
  data: JsonObject,
): Promise<void> {
  const name = nameOf(call);
  await writeRole(rooms, call, name, (role) => {
    if (role === undefined) throw noRole(name);
    return withFields(role, fields, data);
  });
}
