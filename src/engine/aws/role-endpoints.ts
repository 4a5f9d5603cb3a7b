/** `roles` and `roles/:name`. */
import { type Call, type Endpoint, endpoint, type Reply, type ResponseSchema } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import type { JsonObject } from '../../json.ts';
import { decodeRole, encodeRole, parseRoleName, type Role, readRole, roleFolder, rolePath } from './role.ts';
import { mergedRole, type RoleFields, roleFields } from './role-fields.ts';

const schema = {
  credential_type: { type: 'string' },
  role_arns: { type: 'list' },
  policy_arns: { type: 'list' },
  policy_document: { type: 'string' },
  iam_groups: { type: 'list' },
  iam_tags: { type: 'pairs' },
  default_sts_ttl: { type: 'duration' },
  max_sts_ttl: { type: 'duration' },
  user_path: { type: 'string' },
  permissions_boundary_arn: { type: 'string' },
  mfa_serial_number: { type: 'string' },
  session_tags: { type: 'pairs' },
  transitive_tags: { type: 'list' },
  external_id: { type: 'string' },
  session_name_template: { type: 'string' },
  source_identity_template: { type: 'string' },
  notify: { type: 'list' },
} as const satisfies ResponseSchema;

export function roleEndpoints(): readonly Endpoint[] {
  return [listing(), oneRole()];
}

function listing(): Endpoint {
  return endpoint({
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
  });
}

function oneRole(): Endpoint {
  return endpoint({
    pattern: 'roles/:name',
    help: 'Says which credentials of AWS are made for whoever may ask for this role.',
    fields: roleFields,
    exists: async (call) => (await readRole(call.view, parseRoleName(call.params['name']))) !== undefined,
    operations: {
      read: {
        summary: 'Show a role',
        response: schema,
        handle: async (call) => {
          const role = await readRole(call.view, parseRoleName(call.params['name']));
          return role === undefined ? undefined : { data: shown(role) };
        },
      },
      update: { summary: 'Write a role', handle: writeRole },
      delete: {
        summary: 'Delete a role; what was made by it lives until its leases end',
        handle: async (call) => {
          await call.view.commit([{ path: rolePath(parseRoleName(call.params['name'])), value: null }]);
          return undefined;
        },
      },
    },
  });
}

async function writeRole(call: Call & { readonly fields: RoleFields }): Promise<Reply | undefined> {
  const path = rolePath(parseRoleName(call.params['name']));
  const found = await call.view.read(path);
  const { role, warnings } = mergedRole(
    found === undefined ? undefined : decodeRole(found.open()),
    call.fields,
  );
  await call.view.commit([{ path, value: encodeRole(role) }], [{ path, revision: found?.revision ?? null }]);
  return warnings.length === 0 ? undefined : { warnings };
}

function shown(role: Role): JsonObject {
  return {
    credential_type: role.types.join(','),
    role_arns: role.roleArns,
    policy_arns: role.policyArns,
    policy_document: role.policyDocument,
    iam_groups: role.iamGroups,
    iam_tags: role.iamTags,
    default_sts_ttl: role.defaultTtl,
    max_sts_ttl: role.maxTtl,
    user_path: role.userPath,
    permissions_boundary_arn: role.boundary,
    mfa_serial_number: role.mfaSerial,
    session_tags: role.sessionTags,
    transitive_tags: role.transitiveTags,
    external_id: role.externalId,
    session_name_template: role.sessionName,
    source_identity_template: role.sourceIdentity,
    notify: role.notify,
  };
}
