/** What the parts of the engine share: where it is mounted, and the kinds of providers and targets that the server has. */
import type { Clock } from '../../clock.ts';
import type { TargetTypes } from '../../delivery/target.ts';
import type { ProviderTypes } from '../../service-user/provider.ts';
import type { EngineEnvironment } from '../engine.ts';

export interface ServiceUsersKinds {
  readonly targets: TargetTypes;
  readonly providers: ProviderTypes;
}

export interface ServiceUsersParts extends ServiceUsersKinds {
  readonly environment: EngineEnvironment;
  readonly clock: Clock;
}
