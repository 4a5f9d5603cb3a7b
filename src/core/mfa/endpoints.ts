/** The endpoints of login MFA: they lie below `identity/`, beside those of entities and groups. */
import type { Engine } from '../../engine/engine.ts';
import type { CoreRooms } from '../rooms.ts';
import { enforcementEndpoints } from './enforcement-endpoints.ts';
import { methodEndpoints, mfaSecretEndpoints } from './method-endpoints.ts';

/** The engine at `identity/` with these as well. */
export function withMfa(rooms: CoreRooms, identity: Engine): Engine {
  return {
    ...identity,
    endpoints: [
      ...identity.endpoints,
      ...methodEndpoints(rooms),
      ...mfaSecretEndpoints(rooms),
      ...enforcementEndpoints(rooms),
    ],
  };
}
