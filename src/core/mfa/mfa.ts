/**
 * Login MFA: what a login has to show besides what its auth method asked for. Every login passes here on its way to a token,
 * whatever its method and whoever asks.
 */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import type { MfaRequirement } from '../request.ts';
import { MfaConfig } from './config.ts';
import { type Demand, demandsOn, type LoginFacts } from './enforcement.ts';
import { PendingLogins, type PendingLoginsOptions } from './pending.ts';
import { type Codes, notProven, prove } from './proof.ts';
import type { SecretChange } from './secret.ts';

export class Mfa {
  readonly config: MfaConfig;
  readonly pending: PendingLogins;
  readonly store: BarrierStore;
  readonly clock: Clock;

  constructor(options: PendingLoginsOptions) {
    this.store = options.store;
    this.clock = options.clock;
    this.config = new MfaConfig(options.store);
    this.pending = new PendingLogins(options);
  }

  /** Throws `permission_denied` where a second factor is wanted and none can be shown. */
  demandsOn(login: LoginFacts): readonly Demand[] {
    const { enforcements, methods } = this.config;
    return enforcements.length === 0 ? [] : demandsOn(login, enforcements, methods);
  }

  /**
   * What the commit that makes the token must do besides. Throws `permission_denied` for codes that do not satisfy the demands,
   * once `remember` has committed what is to be known of that, and `rate_limited` while codes are not looked at.
   */
  async prove(
    entity: string,
    demands: readonly Demand[],
    codes: Codes,
    remember: (changes: readonly SecretChange[]) => Promise<unknown>,
  ): Promise<readonly SecretChange[]> {
    const { proven, changes, failed } = await prove(this.store, entity, demands, codes, this.clock.now());
    if (proven) return changes;
    if (changes.length > 0) await remember(changes);
    throw notProven(failed);
  }
}

/** As a login's answer tells it. */
export function requirement(requestId: string, demands: readonly Demand[]): MfaRequirement {
  return {
    requestId,
    constraints: demands.map(({ enforcement, methods }) => ({
      enforcement,
      methods: methods.map(({ id, name }) => ({ type: 'totp', id, name })),
    })),
  };
}
