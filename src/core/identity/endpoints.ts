/** The endpoints of `identity/`. */
import type { Engine } from '../../engine/engine.ts';
import type { CoreRooms } from '../rooms.ts';
import { aliasEndpoints } from './alias-endpoints.ts';
import { entityEndpoints } from './entity-endpoints.ts';
import { groupEndpoints } from './group-endpoints.ts';
import { lookupEndpoints } from './lookup-endpoints.ts';
import { keyEndpoints } from './oidc/key-endpoints.ts';
import { onKeyDue } from './oidc/key-rotation.ts';
import { tokenEndpoints } from './oidc/token-endpoints.ts';

export function identityEngine(rooms: CoreRooms): Engine {
  return {
    endpoints: [
      ...entityEndpoints(rooms),
      ...aliasEndpoints(rooms),
      ...groupEndpoints(rooms),
      ...lookupEndpoints(rooms),
      ...keyEndpoints(rooms),
      ...tokenEndpoints(rooms),
    ],
    async onDue(name, view) {
      if (name.startsWith('oidc/')) await onKeyDue(name.slice('oidc/'.length), view, rooms);
    },
  };
}
