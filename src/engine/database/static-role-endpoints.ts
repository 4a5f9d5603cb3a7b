/** `static-roles/:name`, `static-creds/:name` and `rotate-role/:name`. */
import { timestamp } from '../../clock.ts';
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { parseName } from './connection.ts';
import type { Connections } from './connections.ts';
import { refuseUnlessAllowed } from './creds-endpoint.ts';
import { checkCredentialType, connectionOf, credentialFields } from './role-endpoints.ts';
import { parseStatements } from './statement-field.ts';
import { dueAt, type StaticRole, staticRoleFolder, staticRolePath } from './static-role.ts';
import type { StaticRotation } from './static-rotation.ts';

const fields = {
  db_name: { type: 'string', help: 'Name of the connection.' },
  username: { type: 'string', help: 'The user, who is there already. It cannot be changed later.' },
  rotation_period: { type: 'duration', help: 'How often the password is changed; at least 5 seconds.' },
  rotation_statements: {
    type: 'any',
    help: 'Statements that set a password; the database’s usual ones when absent.',
  },
  rotation_schedule: { type: 'string', help: 'Not known here: rotation_period says when.' },
  rotation_window: { type: 'duration', help: 'Not known here.' },
  ...credentialFields,
} as const;

type StaticCall = Call & { readonly fields: FieldValues<typeof fields> };

const shortestPeriod = 5;

export function staticRoleEndpoints(connections: Connections, rotation: StaticRotation): readonly Endpoint[] {
  return [listing(), staticRole(rotation), credentials(connections, rotation), rotateNow(rotation)];
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
  return endpoint({
    pattern: 'static-roles/:name',
    help: 'Takes a user of the database over: its password is changed now and then, and read here.',
    fields,
    exists: async (call) => (await rotation.read(call.view, parseName(call.params['name']))) !== undefined,
    operations: {
      read: {
        summary: 'Show a static role',
        response: {
          db_name: { type: 'string' },
          username: { type: 'string' },
          rotation_period: { type: 'duration' },
          rotation_statements: { type: 'list' },
          last_vault_rotation: { type: 'string', optional: true },
          credential_type: { type: 'string' },
          credential_config: { type: 'object', members: {} },
        },
        handle: async (call) => {
          const stored = await rotation.read(call.view, parseName(call.params['name']));
          return stored === undefined ? undefined : { data: shown(stored.role) };
        },
      },
      update: {
        summary: 'Write a static role',
        // A new one has its password changed at once.
        spendsFirst: true,
        handle: (call) => writeStaticRole(rotation, call),
      },
      delete: {
        summary: 'Delete a static role',
        handle: async (call) => {
          // The user stays, with the last password.
          await call.view.commit([{ path: staticRolePath(parseName(call.params['name'])), value: null }]);
          return undefined;
        },
      },
    },
  });
}

function shown(role: StaticRole) {
  return {
    db_name: role.connection,
    username: role.username,
    rotation_period: role.period,
    rotation_statements: role.statements,
    ...(role.rotatedAt === 0 ? {} : { last_vault_rotation: timestamp(role.rotatedAt) }),
    credential_type: 'password',
    credential_config: {},
  };
}

async function writeStaticRole(rotation: StaticRotation, call: StaticCall): Promise<undefined> {
  const name = parseName(call.params['name']);
  const stored = await rotation.read(call.view, name);
  const role = merged(stored?.role, call.fields);
  const written = await rotation.write(call.view, name, role, stored?.revision ?? null);
  if (stored !== undefined) return undefined;
  try {
    await rotation.rotate(call.view, name, written);
  } catch (error) {
    // Nothing is known of the user but its name: a role that never worked is none. What may have happened is gone on with.
    const after = await rotation.read(call.view, name);
    const certain = asCofferError(error).code === 'invalid_request' || after?.role.pending === undefined;
    if (certain && after !== undefined) {
      const path = staticRolePath(name);
      await call.view.commit([{ path, value: null }], [{ path, revision: after.revision }]);
    }
    throw error;
  }
  return undefined;
}

/** What was not sent stays as it is. */
function merged(before: StaticRole | undefined, sent: StaticCall['fields']): StaticRole {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if ((sent.rotation_schedule ?? '') !== '' || (sent.rotation_window ?? 0) !== 0) {
    throw refuse('rotation_schedule and rotation_window are not known here: use rotation_period');
  }
  checkCredentialType(sent.credential_type, sent.credential_config);
  const username = sent.username ?? before?.username ?? '';
  if (username === '') throw refuse('username is a required field to create a static account');
  if (before !== undefined && username !== before.username) {
    throw refuse('cannot update static account username');
  }
  if (username.length > 255 || username.includes('\0') || !username.isWellFormed()) {
    throw refuse('username has at most 255 characters, and no NUL or half character');
  }
  const connection = connectionOf(sent.db_name ?? before?.connection);
  if (before !== undefined && connection !== before.connection) {
    throw refuse('cannot update the db_name of a static role: delete it and write another');
  }
  const period = sent.rotation_period ?? before?.period;
  if (period === undefined) throw refuse('rotation_period is required to create static accounts');
  if (period < shortestPeriod) throw refuse(`rotation_period must be ${shortestPeriod} seconds or more`);
  return {
    ...(before ?? { password: null, rotatedAt: 0, failures: 0, retryAt: 0, queuedAt: 0 }),
    connection,
    username,
    statements: parseStatements('rotation_statements', sent.rotation_statements) ?? before?.statements ?? [],
    period,
  };
}

function credentials(connections: Connections, rotation: StaticRotation): Endpoint {
  return endpoint({
    pattern: 'static-creds/:name',
    help: 'Shows a static role’s user and its password of now.',
    fields: {},
    operations: {
      read: {
        summary: 'Show user and password',
        response: {
          username: { type: 'string' },
          password: { type: 'string', sensitive: true },
          last_vault_rotation: { type: 'string' },
          rotation_period: { type: 'duration' },
          ttl: { type: 'duration', help: 'Seconds until the password changes.' },
        },
        handle: async (call): Promise<Reply> => {
          const name = parseName(call.params['name']);
          const stored = await rotation.read(call.view, name);
          if (stored === undefined) throw new CofferError('invalid_request', `unknown role: ${name}`);
          const { role } = stored;
          refuseUnlessAllowed((await connections.read(call.view, role.connection)).connection, name);
          if (role.password === null) {
            throw new CofferError('unavailable', 'the password of this role was not set yet; try again');
          }
          return {
            data: {
              username: role.username,
              password: role.password,
              last_vault_rotation: timestamp(role.rotatedAt),
              rotation_period: role.period,
              // Never 0, which clients take for a failure.
              ttl: Math.max(1, Math.ceil((dueAt(role) - call.clock.now()) / 1_000)),
            },
          };
        },
      },
    },
  });
}

function rotateNow(rotation: StaticRotation): Endpoint {
  return endpoint({
    pattern: 'rotate-role/:name',
    help: 'Changes the password of a static role now.',
    fields: {},
    operations: {
      update: {
        summary: 'Rotate a static role',
        spendsFirst: true,
        handle: async (call) => {
          const name = parseName(call.params['name']);
          const stored = await rotation.read(call.view, name);
          if (stored === undefined) {
            throw new CofferError('invalid_request', `no static role found for role name "${name}"`);
          }
          await rotation.rotate(call.view, name, stored);
          return undefined;
        },
      },
    },
  });
}
