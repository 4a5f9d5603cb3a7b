/** The endpoints of `config` and of roles. */
import { type Endpoint, endpoint, type ResponseSchema } from '../../core/endpoint.ts';
import { encodeStored } from '../../core/stored-json.ts';
import { randomUuid } from '../../crypto/random.ts';
import { deleteNamedRole, readNamedRole, roleListEndpoint, writeNamedRole } from '../role-records.ts';
import { tokenSettingsSchema } from '../token-fields.ts';
import { configFields, configPath, parseConfig, readConfig, shownConfig } from './config.ts';
import type { JwtRooms } from './login.ts';
import { type JwtRole, newRole, roleFields, shownRole, withFields } from './role.ts';
import { tryOut } from './trust.ts';

const configSchema = {
  oidc_discovery_url: { type: 'string' },
  oidc_discovery_ca_pem: { type: 'string' },
  oidc_client_id: { type: 'string' },
  oidc_response_mode: { type: 'string' },
  oidc_response_types: { type: 'list' },
  jwks_url: { type: 'string' },
  jwks_ca_pem: { type: 'string' },
  jwt_validation_pubkeys: { type: 'list' },
  bound_issuer: { type: 'string' },
  jwt_supported_algs: { type: 'list' },
  default_role: { type: 'string' },
  provider_config: { type: 'object' },
  namespace_in_state: { type: 'bool' },
} as const satisfies ResponseSchema;

const roleSchema = {
  role_type: { type: 'string' },
  user_claim: { type: 'string' },
  user_claim_json_pointer: { type: 'bool' },
  bound_audiences: { type: 'list' },
  bound_subject: { type: 'string' },
  bound_claims: { type: 'object' },
  bound_claims_type: { type: 'string' },
  groups_claim: { type: 'string' },
  claim_mappings: { type: 'pairs' },
  allowed_redirect_uris: { type: 'list' },
  oidc_scopes: { type: 'list' },
  clock_skew_leeway: { type: 'int', help: 'Seconds; 0 is the default, -1 none.' },
  expiration_leeway: { type: 'int', help: 'Likewise.' },
  not_before_leeway: { type: 'int', help: 'Likewise.' },
  max_age: { type: 'duration' },
  verbose_oidc_logging: { type: 'bool' },
  ...tokenSettingsSchema,
  '*': { type: 'any', optional: true, help: 'The same under older names, where these were used.' },
} as const satisfies ResponseSchema;

export function configEndpoint({ outgoing }: JwtRooms): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Whom the method believes: a provider, a key set or keys.',
    fields: configFields,
    operations: {
      read: {
        summary: 'Show the configuration',
        response: configSchema,
        handle: async (call) => {
          const read = await readConfig(call.view);
          return read === undefined ? undefined : { data: shownConfig(read.config) };
        },
      },
      update: {
        summary: 'Set the configuration',
        // URLs are tried out before anything is stored.
        spendsFirst: true,
        handle: async (call) => {
          const config = parseConfig(call.fields);
          if (config.publicKeys.length === 0) await tryOut(outgoing, config);
          await call.view.commit([{ path: configPath, value: encodeStored(config) }]);
          return undefined;
        },
      },
    },
  });
}

export function roleEndpoints({ environment }: JwtRooms): readonly Endpoint[] {
  const role = endpoint({
    pattern: 'role/:name',
    help: 'Shows, writes or deletes a role: whose tokens log in by it, and what comes of them.',
    foldsNames: true,
    fields: roleFields,
    exists: async (call) => (await readNamedRole(call)) !== undefined,
    operations: {
      read: {
        summary: 'Show a role',
        response: roleSchema,
        handle: async (call) => {
          const read = await readNamedRole<JwtRole>(call);
          return read === undefined ? undefined : { data: shownRole(read.role) };
        },
      },
      update: {
        summary: 'Write a role',
        handle: async (call) => {
          const id = randomUuid(environment.random);
          await writeNamedRole<JwtRole>(call, (before, name) =>
            withFields(before ?? newRole(name, id), call.fields, call.data),
          );
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a role',
        handle: async (call) => {
          await deleteNamedRole(call);
          return undefined;
        },
      },
    },
  });
  return [roleListEndpoint(), role];
}
