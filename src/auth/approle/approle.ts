/** The AppRole method: applications log in with a role id and a secret id. */
import type { Endpoint } from '../../core/endpoint.ts';
import { defaultLockout, type LockoutSettings } from '../../core/lockout/lock-state.ts';
import { Lockout } from '../../core/lockout/lockout.ts';
import type { View } from '../../core/view.ts';
import type { AuthMethodType } from '../../engine/engine.ts';
import { holdersBelow } from '../token-fields.ts';
import { loginEndpoint, renewRole } from './login.ts';
import { roleFolder } from './role.ts';
import { roleFieldEndpoints } from './role-fields.ts';
import { roleEndpoints } from './roles.ts';
import { onSecretIdDue, secretIdEndpoints } from './secret-ids.ts';
import { isTidyStep, tidyEndpoint, tidyStep } from './tidy.ts';

// Many programs may share an address and a role: one with an old secret id must not keep the others out for hours.
const settings: LockoutSettings = { ...defaultLockout, longest: defaultLockout.duration };

export const approle: AuthMethodType = {
  type: 'approle',
  summary: 'role ids and secret ids for applications',
  locksNames: true,
  create: (environment) => {
    const lockout = new Lockout({
      clock: environment.clock,
      digest: (name) => environment.digest(name),
      settings,
      told: environment.lockout,
      nobodies: environment.nobodies,
    });
    const rooms = { environment, lockout };
    const ofRoles = [
      ...roleEndpoints(rooms),
      ...roleFieldEndpoints(rooms),
      ...secretIdEndpoints(environment),
    ];
    return {
      endpoints: [loginEndpoint(rooms), tidyEndpoint(), ...ofRoles.map(ofRole)],
      renewPrincipal: renewRole,
      onDue: (name, view) => onDue(name, view, environment.clock.now()),
      // By role id, which is what a login names.
      locks: lockout,
      holders: (view) => holdersBelow(view, roleFolder),
    };
  },
};

function onDue(name: string, view: View, now: number): Promise<void> {
  return isTidyStep(name) ? tidyStep(name, view, now) : onSecretIdDue(name, view, now);
}

/** Role names are folded, wherever they stand in a path. */
function ofRole(endpoint: Endpoint): Endpoint {
  return { ...endpoint, foldsNames: true };
}
