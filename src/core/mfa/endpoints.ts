/** The endpoints of login MFA below `identity/`. */
import type { Endpoint } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { enforcementEndpoints } from './enforcement-endpoints.ts';
import { methodEndpoints, mfaSecretEndpoints } from './method-endpoints.ts';

export function mfaEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [...methodEndpoints(rooms), ...mfaSecretEndpoints(rooms), ...enforcementEndpoints(rooms)];
}
