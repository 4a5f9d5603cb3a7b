/** `roles/:name`: what users are made by. */
import { type Call, type Endpoint, endpoint, type FieldSpec, type FieldValues } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { parseName } from './connection.ts';
import { decodeRole, encodeRole, type Role, roleFolder, rolePath } from './role.ts';
import { parseStatements } from './statement-field.ts';

/** Taken as Vault's clients send them; other kinds than passwords are refused. */
export const credentialFields = {
  credential_type: { type: 'string', help: '"password", the only kind here.' },
  credential_config: { type: 'object', help: 'For other kinds of credentials; empty here.' },
} as const satisfies Record<string, FieldSpec>;

const fields = {
  db_name: { type: 'string', help: 'Name of the connection.' },
  creation_statements: {
    type: 'any',
    help: 'Statements that make a user; {{name}}, {{password}} and {{expiration}} stand for the values.',
  },
  revocation_statements: {
    type: 'any',
    help: 'Statements that end a user; the database’s usual ones when absent.',
  },
  rollback_statements: { type: 'any', help: 'Statements that take back a user that came half way.' },
  renew_statements: {
    type: 'any',
    help: 'Statements that move a user’s end; the database’s usual ones when absent.',
  },
  default_ttl: { type: 'duration', help: 'Life of a user; the mount’s when 0.' },
  max_ttl: { type: 'duration', help: 'Longest life of a user; the mount’s when 0.' },
  ...credentialFields,
} as const;

type RoleCall = Call & { readonly fields: FieldValues<typeof fields> };

export function roleEndpoints(): readonly Endpoint[] {
  return [
    endpoint({
      pattern: 'roles',
      help: 'Lists roles.',
      fields: pageFields,
      operations: {
        list: {
          summary: 'List roles',
          response: { keys: { type: 'list' } },
          handle: (call) => listPage((page) => call.view.children(roleFolder, page), call.fields),
        },
      },
    }),
    roleEndpoint(),
  ];
}

function roleEndpoint(): Endpoint {
  return endpoint({
    pattern: 'roles/:name',
    help: 'Says by which statements users are made and ended, and how long they live.',
    fields,
    exists: async (call) => (await call.view.read(rolePath(parseName(call.params['name'])))) !== undefined,
    operations: {
      read: {
        summary: 'Show a role',
        response: {
          db_name: { type: 'string' },
          creation_statements: { type: 'list' },
          revocation_statements: { type: 'list' },
          rollback_statements: { type: 'list' },
          renew_statements: { type: 'list' },
          default_ttl: { type: 'duration' },
          max_ttl: { type: 'duration' },
          credential_type: { type: 'string' },
          credential_config: { type: 'object', members: {} },
        },
        handle: async (call) => {
          const found = await call.view.read(rolePath(parseName(call.params['name'])));
          return found === undefined ? undefined : { data: shown(decodeRole(found.open())) };
        },
      },
      update: { summary: 'Write a role', handle: writeRole },
      delete: {
        summary: 'Delete a role',
        handle: async (call) => {
          await call.view.commit([{ path: rolePath(parseName(call.params['name'])), value: null }]);
          return undefined;
        },
      },
    },
  });
}

function shown(role: Role) {
  return {
    db_name: role.connection,
    creation_statements: role.creation,
    revocation_statements: role.revocation,
    rollback_statements: role.rollback,
    renew_statements: role.renewal,
    default_ttl: role.defaultTtl,
    max_ttl: role.maxTtl,
    credential_type: 'password',
    credential_config: {},
  };
}

async function writeRole(call: RoleCall): Promise<undefined> {
  const name = parseName(call.params['name']);
  const found = await call.view.read(rolePath(name));
  const before = found === undefined ? undefined : decodeRole(found.open());
  const sent = call.fields;
  checkCredentialType(sent.credential_type, sent.credential_config);
  const statements = (
    field: keyof typeof fields & `${string}_statements`,
    earlier: readonly string[] | undefined,
  ) => parseStatements(field, sent[field]) ?? earlier ?? [];
  const role: Role = {
    connection: connectionOf(sent.db_name ?? before?.connection),
    creation: statements('creation_statements', before?.creation),
    revocation: statements('revocation_statements', before?.revocation),
    rollback: statements('rollback_statements', before?.rollback),
    renewal: statements('renew_statements', before?.renewal),
    defaultTtl: sent.default_ttl ?? before?.defaultTtl ?? 0,
    maxTtl: sent.max_ttl ?? before?.maxTtl ?? 0,
  };
  if (role.creation.length === 0) {
    throw new CofferError(
      'invalid_request',
      'creation_statements are needed: without them no user can be made',
    );
  }
  if (role.maxTtl > 0 && role.defaultTtl > role.maxTtl) {
    throw new CofferError('invalid_request', 'default_ttl must not be more than max_ttl');
  }
  await call.view.commit(
    [{ path: rolePath(name), value: encodeRole(role) }],
    [{ path: rolePath(name), revision: found?.revision ?? null }],
  );
  return undefined;
}

/** Throws `invalid_request` for kinds of credentials that are not made here. */
export function checkCredentialType(type: string | undefined, config: JsonObject | undefined): void {
  if (type !== undefined && type !== '' && type !== 'password') {
    throw new CofferError('invalid_request', 'credential_type is "password": other kinds are not made here');
  }
  if (config !== undefined && Object.keys(config).length > 0) {
    throw new CofferError(
      'invalid_request',
      'credential_config is to be empty; passwords follow the password_policy of the connection',
    );
  }
}

export function connectionOf(text: string | undefined): string {
  if (text === undefined || text === '')
    throw new CofferError('invalid_request', 'empty database name: db_name is needed');
  return parseName(text);
}
