/** The endpoints of `identity/`. */
import type { Engine } from '../../engine/engine.ts';
import type { CoreRooms } from '../rooms.ts';

export function identityEngine(_rooms: CoreRooms): Engine {
  return { endpoints: [] };
}
