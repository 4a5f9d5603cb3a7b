/**
 * The methods `jwt` and `oidc`, which are one under two names, as in Vault: whoever holds a JWT that a trusted issuer signed logs
 * in with it, and people by way of a browser and the issuer's own login. No name is locked after failures: there is nothing to
 * guess in a signature, and a lock would only be a way to shut others out.
 */
import type { AuthMethodType } from '../../engine/engine.ts';
import { type Outgoing, outgoing } from '../../outgoing/https.ts';
import { renewByRole, roleFolder } from '../role-records.ts';
import { holdersBelow } from '../token-fields.ts';
import { configEndpoint, roleEndpoints } from './endpoints.ts';
import { loginEndpoint } from './login.ts';
import { oidcEndpoints } from './oidc.ts';
import { forgetState } from './state.ts';
import { Trust } from './trust.ts';

export function jwtMethodWith(type: 'jwt' | 'oidc', way: Outgoing): AuthMethodType {
  return {
    type,
    summary: type === 'jwt' ? 'JWTs that another system signed' : 'people, by their OpenID provider',
    create: (environment) => {
      const trust = new Trust(environment.clock, way);
      const rooms = { environment, outgoing: way, trust };
      return {
        endpoints: [
          loginEndpoint(rooms),
          ...oidcEndpoints(rooms),
          configEndpoint(rooms),
          ...roleEndpoints(rooms),
        ],
        renewPrincipal: renewByRole,
        holders: (view) => holdersBelow(view, roleFolder),
        onDue: forgetState,
      };
    },
  };
}

export const jwt: AuthMethodType = jwtMethodWith('jwt', outgoing);
export const oidc: AuthMethodType = jwtMethodWith('oidc', outgoing);
