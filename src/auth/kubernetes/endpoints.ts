/** The endpoints of `config` and of roles. */
import { type Endpoint, endpoint, type ResponseSchema } from '../../core/endpoint.ts';
import { encodeStored } from '../../core/stored-json.ts';
import { randomUuid } from '../../crypto/random.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { deleteNamedRole, readNamedRole, roleListEndpoint, writeNamedRole } from '../role-records.ts';
import { tokenSettingsSchema } from '../token-fields.ts';
import { configFields, configPath, parseConfig, readConfig, shownConfig } from './config.ts';
import { type KubernetesRole, newRole, roleFields, shownRole, withFields } from './role.ts';

const configSchema = {
  kubernetes_host: { type: 'string' },
  kubernetes_ca_cert: { type: 'string' },
  pem_keys: { type: 'list' },
  issuer: { type: 'string' },
  disable_iss_validation: { type: 'bool' },
  disable_local_ca_jwt: { type: 'bool' },
  token_reviewer_jwt_set: { type: 'bool' },
} as const satisfies ResponseSchema;

const roleSchema = {
  bound_service_account_names: { type: 'list' },
  bound_service_account_namespaces: { type: 'list' },
  bound_service_account_namespace_selector: { type: 'string' },
  audience: { type: 'string' },
  alias_name_source: { type: 'string' },
  ...tokenSettingsSchema,
  '*': { type: 'any', optional: true, help: 'The same under older names, where these were used.' },
} as const satisfies ResponseSchema;

export function configEndpoint(): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Which cluster is asked, and as whom.',
    fields: configFields,
    exists: async (call) => (await readConfig(call.view)) !== undefined,
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
        handle: async (call) => {
          await call.view.commit([{ path: configPath, value: encodeStored(parseConfig(call.fields)) }]);
          return undefined;
        },
      },
    },
  });
}

export function roleEndpoints({ random }: EngineEnvironment): readonly Endpoint[] {
  const role = endpoint({
    pattern: 'role/:name',
    help: 'Shows, writes or deletes a role: which service accounts log in by it.',
    foldsNames: true,
    fields: roleFields,
    exists: async (call) => (await readNamedRole(call)) !== undefined,
    operations: {
      read: {
        summary: 'Show a role',
        response: roleSchema,
        handle: async (call) => {
          const read = await readNamedRole<KubernetesRole>(call);
          return read === undefined ? undefined : { data: shownRole(read.role) };
        },
      },
      update: {
        summary: 'Write a role',
        handle: async (call) => {
          const id = randomUuid(random);
          await writeNamedRole<KubernetesRole>(call, (before, name) =>
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
