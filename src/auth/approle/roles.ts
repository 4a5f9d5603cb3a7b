/** The endpoints of AppRole's roles and role ids. */

import {
  type Call,
  type Endpoint,
  endpoint,
  type Fields,
  type FieldValues,
  type Reply,
  type ResponseSchema,
} from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import type { Lockout } from '../../core/lockout/lockout.ts';
import { parseNetwork } from '../../core/network.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { randomUuid } from '../../crypto/random.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Revision } from '../../storage/storage.ts';
import { parseRoleName } from '../role-records.ts';
import {
  readTokenSettings,
  shownTokenSettings,
  tokenFields,
  tokenSettingsSchema,
  usedOldNames,
  withOldNames,
} from '../token-fields.ts';
import {
  accessorFolder,
  encodeRecord,
  leftoversOf,
  newRole,
  type RoleRecord,
  roleFolder,
  roleIdPath,
  rolePath,
  secretIdFolder,
} from './role.ts';

export const roleFields = {
  bind_secret_id: { type: 'bool', help: 'Whether a login needs a secret id; true when absent.' },
  secret_id_bound_cidrs: {
    type: 'list',
    help: 'Networks a login may come from.',
    aliases: ['bound_cidr_list'],
  },
  secret_id_num_uses: { type: 'int', help: 'Logins each secret id is good for; 0 is any number.' },
  secret_id_ttl: { type: 'duration', help: 'Life of each secret id; 0 has no end.' },
  local_secret_ids: { type: 'bool', help: 'Kept and shown; cannot be changed later.' },
  role_id: { type: 'string', help: 'The role id; drawn when absent.' },
  ...tokenFields,
} as const satisfies Fields;

const roleSchema = {
  bind_secret_id: { type: 'bool' },
  local_secret_ids: { type: 'bool' },
  secret_id_bound_cidrs: { type: 'list', nullable: true },
  secret_id_num_uses: { type: 'int' },
  secret_id_ttl: { type: 'duration' },
  ...tokenSettingsSchema,
  '*': { type: 'any', optional: true, help: 'The same under older names, where these were used.' },
} as const satisfies ResponseSchema;

export interface RoleRooms {
  readonly environment: EngineEnvironment;
  readonly lockout: Lockout;
}

export interface ReadRole {
  readonly role: RoleRecord;
  readonly revision: Revision;
}

export async function readRole(view: View, name: string): Promise<ReadRole | undefined> {
  const sealed = await view.read(rolePath(name));
  return sealed === undefined
    ? undefined
    : { role: decodeStored<RoleRecord>(sealed.open()), revision: sealed.revision };
}

/** Throws `invalid_request` for a role that does not exist. */
export async function needRole(call: Call): Promise<ReadRole> {
  const name = parseRoleName(call.params['name'] ?? '');
  const read = await readRole(call.view, name);
  if (read === undefined) throw noRole(name);
  return read;
}

export function noRole(name: string): CofferError {
  return new CofferError('invalid_request', `role "${name}" does not exist`);
}

export function roleEndpoints(rooms: RoleRooms): readonly Endpoint[] {
  return [listEndpoint(), roleEndpoint(rooms), roleIdEndpoint(rooms)];
}

function listEndpoint(): Endpoint {
  return endpoint({
    pattern: 'role',
    help: 'Lists roles.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List roles',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(roleFolder, page), call.fields),
      },
    },
  });
}

function roleEndpoint(rooms: RoleRooms): Endpoint {
  const name = (call: Call) => parseRoleName(call.params['name'] ?? '');
  return endpoint({
    pattern: 'role/:name',
    help: 'Shows, writes or deletes a role: an application’s identity, and what its tokens may do.',
    fields: roleFields,
    exists: async (call) => (await readRole(call.view, name(call))) !== undefined,
    operations: {
      read: {
        summary: 'Show a role',
        response: roleSchema,
        handle: async (call): Promise<Reply | undefined> => {
          const read = await readRole(call.view, name(call));
          return read === undefined ? undefined : { data: shownRole(read.role) };
        },
      },
      update: {
        summary: 'Write a role',
        handle: async (call) => {
          await writeRole(rooms, call, name(call), (role) => {
            if (role !== undefined) return withFields(role, call.fields, call.data);
            const localSecretIds = call.fields.local_secret_ids ?? false;
            const made = { ...madeRole(rooms.environment, name(call)), localSecretIds };
            return withFields(made, call.fields, call.data);
          });
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a role with its secret ids',
        handle: (call) => deleteRole(rooms, call, name(call)),
      },
    },
  });
}

function roleIdEndpoint(rooms: RoleRooms): Endpoint {
  return endpoint({
    pattern: 'role/:name/role-id',
    help: 'The role id: with it and a secret id the application logs in.',
    fields: { role_id: { type: 'string', help: 'The role id to set.' } },
    operations: {
      read: {
        summary: 'Show the role id',
        response: { role_id: { type: 'string' } },
        handle: async (call): Promise<Reply | undefined> => {
          const read = await readRole(call.view, parseRoleName(call.params['name'] ?? ''));
          return read === undefined ? undefined : { data: { role_id: read.role.roleId } };
        },
      },
      update: {
        summary: 'Set the role id',
        handle: async (call) => {
          const name = parseRoleName(call.params['name'] ?? '');
          const roleId = call.fields.role_id ?? '';
          checkRoleId(roleId);
          await writeRole(rooms, call, name, (role) => {
            if (role === undefined) throw noRole(name);
            return { ...role, roleId };
          });
          return undefined;
        },
      },
    },
  });
}

function checkRoleId(roleId: string): void {
  if (!/^[\x21-\x7e]{1,200}$/.test(roleId)) {
    throw new CofferError('invalid_request', 'role_id has 1 to 200 visible ASCII characters');
  }
}

/** The role with what was sent put over it; `data` is the same as it was sent. Throws `invalid_request`. */
export function withFields(
  role: RoleRecord,
  sent: Partial<FieldValues<typeof roleFields>>,
  data: JsonObject,
): RoleRecord {
  if (sent.role_id !== undefined) checkRoleId(sent.role_id);
  if (sent.local_secret_ids !== undefined && sent.local_secret_ids !== (role.localSecretIds ?? false)) {
    throw new CofferError('invalid_request', 'local_secret_ids can only be set when the role is created');
  }
  const changed: RoleRecord = {
    ...role,
    roleId: sent.role_id ?? role.roleId,
    bindSecretId: sent.bind_secret_id ?? role.bindSecretId,
    secretIdBoundCidrs: sent.secret_id_bound_cidrs?.map(parseNetwork) ?? role.secretIdBoundCidrs,
    secretIdNumUses: sent.secret_id_num_uses ?? role.secretIdNumUses,
    secretIdTtl: sent.secret_id_ttl ?? role.secretIdTtl,
    token: readTokenSettings(sent, role.token),
    oldNames: usedOldNames(roleFields, data, role.oldNames),
  };
  if (changed.secretIdNumUses < 0)
    throw new CofferError('invalid_request', 'secret_id_num_uses cannot be negative');
  if (!changed.bindSecretId && changed.secretIdBoundCidrs.length === 0) {
    throw new CofferError('invalid_request', 'at least one constraint should be enabled on the role');
  }
  return changed;
}

/** Role and role id index change together: no role id ever names two roles. `change` is told of no role where there is none. */
export async function writeRole(
  { environment, lockout }: RoleRooms,
  call: Call,
  name: string,
  change: (role: RoleRecord | undefined) => RoleRecord,
): Promise<void> {
  await retryOnConflict(async () => {
    const before = await readRole(call.view, name);
    const role = change(before?.role);
    const writes: ViewWrite[] = [{ path: rolePath(name), value: encodeRecord(role) }];
    const expectations: ViewExpectation[] = [{ path: rolePath(name), revision: before?.revision ?? null }];
    if (before?.role.roleId !== role.roleId) {
      const index = roleIdPath(environment.digest(role.roleId));
      if ((await call.view.read(index)) !== undefined) {
        throw new CofferError('invalid_request', 'role_id is already in use');
      }
      writes.push({ path: index, value: encodeRecord({ role: name }) });
      expectations.push({ path: index, revision: null });
      if (before !== undefined) writes.push(...roleIdEnds(environment, lockout, before.role));
    }
    await call.view.commit(writes, expectations);
  });
}

/** A role id goes with what is known of failed logins by it. */
function roleIdEnds(environment: EngineEnvironment, lockout: Lockout, { roleId }: RoleRecord): ViewWrite[] {
  return [
    { path: roleIdPath(environment.digest(roleId)), value: null },
    { path: lockout.pathOf(roleId), value: null },
  ];
}

function madeRole({ random }: EngineEnvironment, name: string): RoleRecord {
  return newRole(name, randomUuid(random), randomUuid(random));
}

/** The role takes its secret ids with it: without their role they open nothing. Their records are the duty's to remove. */
async function deleteRole({ environment, lockout }: RoleRooms, call: Call, name: string): Promise<undefined> {
  await retryOnConflict(async () => {
    const before = await readRole(call.view, name);
    if (before === undefined) return;
    await call.view.commit(
      [{ path: rolePath(name), value: null }, ...roleIdEnds(environment, lockout, before.role)],
      [{ path: rolePath(name), revision: before.revision }],
      [{ at: call.clock.now(), name: leftoversOf(before.role.id) }],
    );
  });
  return undefined;
}

/** Duty: what a deleted role left. */
export async function removeLeftovers(view: View, role: string): Promise<void> {
  await emptyFolder(view, secretIdFolder(role));
  await emptyFolder(view, accessorFolder(role));
}

async function emptyFolder(view: View, folder: string): Promise<void> {
  for (;;) {
    const page = await view.range(folder, { limit: 40 });
    if (page.items.length > 0) await view.commit(page.items.map(({ path }) => ({ path, value: null })));
    if (page.next === undefined) return;
  }
}

export function shownRole(role: RoleRecord): JsonObject {
  const shown = {
    bind_secret_id: role.bindSecretId,
    local_secret_ids: role.localSecretIds ?? false,
    secret_id_bound_cidrs: role.secretIdBoundCidrs.length === 0 ? null : role.secretIdBoundCidrs,
    secret_id_num_uses: role.secretIdNumUses,
    secret_id_ttl: role.secretIdTtl,
    ...shownTokenSettings(role.token),
  };
  return withOldNames(roleFields, shown, role.oldNames);
}
