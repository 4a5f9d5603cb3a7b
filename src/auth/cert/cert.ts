/** The cert method: programs log in with the certificate that they show over TLS. */
import type { AuthMethodType } from '../../engine/engine.ts';
import { holdersBelow } from '../token-fields.ts';
import { configEndpoint } from './config.ts';
import { crlEndpoints } from './crls.ts';
import { loginEndpoint, renewRole } from './login.ts';
import { sweepBuckets } from './revocation.ts';
import { roleFolder } from './role.ts';
import { roleEndpoints } from './roles.ts';

export const cert: AuthMethodType = {
  type: 'cert',
  summary: 'certificates of TLS clients',
  create: (environment) => ({
    endpoints: [
      loginEndpoint(),
      ...roleEndpoints(environment),
      ...crlEndpoints(environment),
      configEndpoint(),
    ],
    renewPrincipal: (internal, view, caller) => renewRole(internal, view, caller, environment.clock.now()),
    onDue: (name, view) => sweepBuckets(view, name),
    holders: (view) => holdersBelow(view, roleFolder),
  }),
};
