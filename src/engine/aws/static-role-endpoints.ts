/** `static-roles/:name` and `static-creds/:name`. */
import { timestamp } from '../../clock.ts';
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { parseRoleName } from './role.ts';
import { dueAt, type StaticRole, staticRoleFolder, staticRolePath } from './static-role.ts';
import type { StaticRotation } from './static-rotation.ts';

const fields = {
  username: { type: 'string', help: 'The user of IAM, who is there already. It cannot be changed later.' },
  rotation_period: { type: 'duration', help: 'How often its access key is changed; at least a minute.' },
} as const;

type StaticCall = Call & { readonly fields: FieldValues<typeof fields> };

const shortestPeriod = 60;

export function staticRoleEndpoints(rotation: StaticRotation): readonly Endpoint[] {
  return [listing(), staticRole(rotation), credentials(rotation)];
}

function listing(): Endpoint {
  return endpoint({
    pattern: 'static-roles',
    help: 'Lists static roles.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List static roles',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(staticRoleFolder, page), call.fields),
      },
    },
  });
}

function staticRole(rotation: StaticRotation): Endpoint {
  const response = {
    name: { type: 'string' },
    username: { type: 'string' },
    rotation_period: { type: 'duration' },
    last_vault_rotation: { type: 'string', optional: true },
  } as const;
  return endpoint({
    pattern: 'static-roles/:name',
    help: 'Takes a user of IAM over: its access key is changed now and then, and read here.',
    fields,
    exists: async (call) =>
      (await rotation.read(call.view, parseRoleName(call.params['name']))) !== undefined,
    operations: {
      read: {
        summary: 'Show a static role',
        response,
        handle: async (call) => {
          const name = parseRoleName(call.params['name']);
          const stored = await rotation.read(call.view, name);
          return stored === undefined ? undefined : { data: shown(name, stored.role) };
        },
      },
      update: {
        summary: 'Write a static role',
        // A new one has its key changed at once.
        spendsFirst: true,
        response,
        handle: async (call) => ({ data: await writeStaticRole(rotation, call) }),
      },
      delete: {
        summary: 'Delete a static role; the user stays, with its keys',
        handle: async (call) => {
          const path = staticRolePath(parseRoleName(call.params['name']));
          await call.view.commit([{ path, value: null }]);
          return undefined;
        },
      },
    },
  });
}

function shown(name: string, role: StaticRole): JsonObject {
  return {
    name,
    username: role.username,
    rotation_period: role.period,
    ...(role.rotatedAt === 0 ? {} : { last_vault_rotation: timestamp(role.rotatedAt) }),
  };
}

async function writeStaticRole(rotation: StaticRotation, call: StaticCall): Promise<JsonObject> {
  const name = parseRoleName(call.params['name']);
  const before = await rotation.read(call.view, name);
  const written = await rotation.write(
    call.view,
    name,
    merged(before?.role, call.fields),
    before?.revision ?? null,
  );
  if (written.role.accessKey === null) {
    try {
      await rotation.rotate(call.view, name, written);
    } catch (error) {
      // A refusal is certain: nothing was made. What else may have happened is gone on with.
      if (asCofferError(error).code === 'invalid_request') await forget(rotation, call, name);
      throw error;
    }
  }
  const after = await rotation.read(call.view, name);
  return shown(name, after?.role ?? written.role);
}

/** A role that never worked is none. */
async function forget(rotation: StaticRotation, { view }: StaticCall, name: string): Promise<void> {
  const found = await rotation.read(view, name);
  if (found === undefined || found.role.accessKey !== null) return;
  const path = staticRolePath(name);
  await view.commit([{ path, value: null }], [{ path, revision: found.revision }]);
}

/** What was not sent stays as it is. */
function merged(before: StaticRole | undefined, sent: StaticCall['fields']): StaticRole {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  const username = sent.username ?? before?.username ?? '';
  if (!/^[\w+=,.@-]{1,64}$/.test(username)) {
    throw refuse('username is the name of a user of IAM: 1 to 64 letters, digits and _+=,.@-');
  }
  if (before !== undefined && username !== before.username)
    throw refuse('cannot update the username of a static role');
  const period = sent.rotation_period ?? before?.period;
  if (period === undefined || period < shortestPeriod) {
    throw refuse(`rotation_period is needed, and is ${shortestPeriod} seconds or more`);
  }
  const none = { accessKey: null, secretKey: null, rotatedAt: 0, failures: 0, retryAt: 0, queuedAt: 0 };
  return { ...(before ?? none), username, period };
}

function credentials(rotation: StaticRotation): Endpoint {
  return endpoint({
    pattern: 'static-creds/:name',
    help: 'Shows a static role’s access key of now.',
    fields: {},
    operations: {
      read: {
        summary: 'Show the access key',
        response: {
          access_key: { type: 'string' },
          secret_key: { type: 'string', sensitive: true },
          username: { type: 'string' },
          last_vault_rotation: { type: 'string' },
          rotation_period: { type: 'duration' },
          ttl: { type: 'duration', help: 'Seconds until the key changes.' },
        },
        handle: async (call) => {
          const name = parseRoleName(call.params['name']);
          const stored = await rotation.read(call.view, name);
          if (stored === undefined) throw new CofferError('invalid_request', `unknown role: ${name}`);
          const { role } = stored;
          if (role.accessKey === null || role.secretKey === null) {
            throw new CofferError('unavailable', 'this role has no access key yet; try again in two minutes');
          }
          const left = Math.ceil((dueAt(role) - call.clock.now()) / 1_000);
          return {
            data: {
              access_key: role.accessKey,
              secret_key: role.secretKey,
              username: role.username,
              last_vault_rotation: timestamp(role.rotatedAt),
              rotation_period: role.period,
              ttl: Math.max(1, left),
            },
          };
        },
      },
    },
  });
}
