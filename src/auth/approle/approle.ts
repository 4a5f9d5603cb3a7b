/** The AppRole method: applications log in with a role id and a secret id. */
import type { Endpoint } from '../../core/endpoint.ts';
import type { AuthMethodType } from '../../engine/engine.ts';
import { loginEndpoint, renewRole } from './login.ts';
import { roleEndpoints } from './roles.ts';
import { onSecretIdDue, secretIdEndpoints } from './secret-ids.ts';

export const approle: AuthMethodType = {
  type: 'approle',
  summary: 'role ids and secret ids for applications',
  create: (environment) => ({
    endpoints: [
      loginEndpoint(environment),
      ...[...roleEndpoints(environment), ...secretIdEndpoints(environment)].map(ofRole),
    ],
    renewPrincipal: renewRole,
    onDue: (name, view) => onSecretIdDue(name, view, environment.clock.now()),
  }),
};

/** Role names are folded, wherever they stand in a path. */
function ofRole(endpoint: Endpoint): Endpoint {
  return { ...endpoint, foldsNames: true };
}
