/** The catalog row of secrets that list who may read them. No policy is needed: what an auth method has proven of the caller decides. */
import { CofferError } from '../../errors.ts';
import type { EngineOptions, EngineType } from '../engine.ts';
import { configEndpoint } from './config-endpoint.ts';
import { dataEndpoint } from './data-endpoint.ts';
import { metadataEndpoint } from './metadata-endpoint.ts';
import { ownRightsEndpoint } from './own-rights-endpoint.ts';
import { roleMount } from './role-mount.ts';
import { rolesEndpoint } from './roles-endpoint.ts';
import { versionEndpoints } from './version-endpoints.ts';
import { onVersionsDue } from './versions.ts';

export const roleSecrets: EngineType = {
  type: 'role-secrets',
  summary: 'secrets that list who may read them',
  parseOptions,
  create(environment) {
    const mount = roleMount(environment);
    return {
      endpoints: [
        configEndpoint(mount),
        dataEndpoint(mount),
        ...versionEndpoints(mount),
        metadataEndpoint(mount),
        ownRightsEndpoint(mount),
        rolesEndpoint(mount),
      ],
      onDue: (name, view) => onVersionsDue(mount.secrets, view, name, environment.clock.now()),
    };
  },
};

/** Clients of kv ask a mount's options whether `data/` goes before a name; here it does. */
function parseOptions(options: EngineOptions): EngineOptions {
  for (const [name, value] of Object.entries(options)) {
    if (name === 'version' && (value === '' || value === '2')) continue;
    throw new CofferError(
      'invalid_request',
      'role-secrets has no options; its rules go into the mount’s config',
    );
  }
  return { version: '2' };
}
