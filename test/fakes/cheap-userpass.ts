/** Userpass as it is, with derivations that are quick and counted: for tests that log in hundreds of times. */
import { type DerivationLimits, Derivations } from '../../src/auth/userpass/derivations.ts';
import { userpassWith } from '../../src/auth/userpass/userpass.ts';
import { derivePassword, type ScryptCost } from '../../src/crypto/password-hash.ts';
import type { AuthMethodType } from '../../src/engine/engine.ts';

export const cheapCost: ScryptCost = { ln: 10, r: 8, p: 1 };

export interface CountedUserpass {
  readonly type: AuthMethodType;
  /** The costs of all derivations so far, in order. */
  readonly derived: ScryptCost[];
}

const roomy: DerivationLimits = { atOnce: 2, waiting: 1_000, waitingPerOrigin: 1_000 };

export function countedUserpass(limits: DerivationLimits = roomy): CountedUserpass {
  const derived: ScryptCost[] = [];
  const type = userpassWith({
    cost: cheapCost,
    derivations: new Derivations(limits),
    derive: (password, salt, cost) => {
      derived.push(cost);
      return derivePassword(password, salt, cost);
    },
  });
  return { type, derived };
}
