/** The userpass method: people log in with a name and a password. */
import { Lockout } from '../../core/lockout/lockout.ts';
import {
  type DerivePassword,
  derivePassword,
  passwordCost,
  type ScryptCost,
} from '../../crypto/password-hash.ts';
import type { AuthMethodType } from '../../engine/engine.ts';
import { holdersBelow } from '../token-fields.ts';
import { Derivations, processLimits } from './derivations.ts';
import { loginEndpoint, renewUser } from './login.ts';
import { Passwords } from './passwords.ts';
import { parseUserName, userFolder } from './user.ts';
import { userEndpoints } from './users.ts';

export interface UserpassOptions {
  readonly cost: ScryptCost;
  readonly derive: DerivePassword;
  /** Of the whole process: cores and threads are shared by its mounts. */
  readonly derivations: Derivations;
}

export function userpassWith(options: UserpassOptions): AuthMethodType {
  return {
    type: 'userpass',
    summary: 'names and passwords for people',
    locksNames: true,
    create: (environment) => {
      const passwords = new Passwords({ random: environment.random, ...options });
      const { clock, lockout: told, nobodies } = environment;
      const lockout = new Lockout({ clock, digest: (name) => environment.digest(name), told, nobodies });
      const rooms = { environment, passwords, lockout };
      return {
        endpoints: [loginEndpoint(rooms), ...userEndpoints(rooms)],
        renewPrincipal: renewUser,
        holders: (view) => holdersBelow(view, userFolder),
        locks: {
          lockedNames: (view, after) => lockout.lockedNames(view, after),
          unlock: (view, name) => lockout.unlock(view, parseUserName(name)),
        },
      };
    },
  };
}

export const userpass: AuthMethodType = userpassWith({
  cost: passwordCost,
  derive: derivePassword,
  derivations: new Derivations(processLimits),
});
