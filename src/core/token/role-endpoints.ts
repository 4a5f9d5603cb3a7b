/** `auth/token/roles`: writing, reading, listing and deleting token roles. */
import type { JsonObject } from '../../json.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, ResponseSchema } from '../endpoint.ts';
import { listPage, pageFields } from '../list-page.ts';
import { retryOnConflict } from '../retry.ts';
import {
  changedRole,
  encodeTokenRole,
  parseTokenRoleName,
  readTokenRole,
  roleFields,
  type TokenRole,
  tokenRoleFolder,
  tokenRolePath,
} from './role.ts';

type RoleCall = CoreCall<typeof roleFields>;

const roleSchema = {
  name: { type: 'string' },
  allowed_policies: { type: 'list' },
  allowed_policies_glob: { type: 'list' },
  disallowed_policies: { type: 'list' },
  disallowed_policies_glob: { type: 'list' },
  allowed_entity_aliases: { type: 'list' },
  orphan: { type: 'bool' },
  renewable: { type: 'bool' },
  path_suffix: { type: 'string' },
  token_explicit_max_ttl: { type: 'duration' },
  token_period: { type: 'duration' },
  token_no_default_policy: { type: 'bool' },
  token_type: { type: 'string' },
  explicit_max_ttl: { type: 'duration' },
  period: { type: 'duration' },
  token_bound_cidrs: { type: 'list', optional: true },
  bound_cidrs: { type: 'list', optional: true },
  token_num_uses: { type: 'int', optional: true },
} as const satisfies ResponseSchema;

export function tokenRoleEndpoints(): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'roles',
      help: 'Lists token roles.',
      fields: pageFields,
      operations: {
        list: {
          summary: 'List token roles',
          response: { keys: { type: 'list' } },
          handle: (call) => listPage((page) => call.view.children(tokenRoleFolder, page), call.fields),
        },
      },
    }),
    coreEndpoint({
      pattern: 'roles/:name',
      help: 'A token role: what tokens made by auth/token/create/:name are like.',
      foldsNames: true,
      fields: roleFields,
      exists: async (call) => (await readTokenRole(call.view, nameIn(call))) !== undefined,
      operations: {
        read: { summary: 'Read a token role', response: roleSchema, handle: read },
        update: { summary: 'Write a token role', handle: write },
        delete: {
          summary: 'Delete a token role',
          handle: async (call) =>
            void (await call.view.commit([{ path: tokenRolePath(nameIn(call)), value: null }])),
        },
      },
    }),
  ];
}

function nameIn({ params }: Pick<RoleCall, 'params'>): string {
  return parseTokenRoleName(params['name'] ?? '');
}

async function read(call: RoleCall): Promise<{ readonly data: JsonObject } | undefined> {
  const found = await readTokenRole(call.view, nameIn(call));
  return found && { data: shownRole(found.role) };
}

async function write(call: RoleCall): Promise<undefined> {
  const name = nameIn(call);
  const path = tokenRolePath(name);
  // Two that change different fields at once must not undo each other.
  await retryOnConflict(async () => {
    const found = await readTokenRole(call.view, name);
    const role = changedRole(name, found?.role, call.fields, Object.keys(call.data));
    const expectation = { path, revision: found?.revision ?? null };
    await call.view.commit([{ path, value: encodeTokenRole(role) }], [expectation]);
  });
  return undefined;
}

/** The old names are always there for clients that look for them, and say something where they were used. */
function shownRole(role: TokenRole): JsonObject {
  const used = (name: string) => role.oldNames.includes(name);
  return {
    name: role.name,
    allowed_policies: role.allowedPolicies,
    allowed_policies_glob: role.allowedPoliciesGlob,
    disallowed_policies: role.disallowedPolicies,
    disallowed_policies_glob: role.disallowedPoliciesGlob,
    allowed_entity_aliases: role.allowedEntityAliases,
    orphan: role.orphan,
    renewable: role.renewable,
    path_suffix: role.pathSuffix,
    token_explicit_max_ttl: role.explicitMaxTtl,
    token_period: role.period,
    token_no_default_policy: role.noDefaultPolicy,
    token_type: role.tokenType,
    explicit_max_ttl: used('explicit_max_ttl') ? role.explicitMaxTtl : 0,
    period: used('period') ? role.period : 0,
    ...(role.boundCidrs.length === 0 ? {} : { token_bound_cidrs: role.boundCidrs }),
    ...(role.boundCidrs.length > 0 && used('bound_cidrs') ? { bound_cidrs: role.boundCidrs } : {}),
    ...(role.numUses === 0 ? {} : { token_num_uses: role.numUses }),
  };
}
