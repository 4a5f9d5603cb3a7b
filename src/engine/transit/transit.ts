/** The transit engine: encryption, signatures and HMACs with keys that never leave, unless they were made to. */
import { CofferError } from '../../errors.ts';
import type { Engine, EngineEnvironment, EngineType } from '../engine.ts';
import { backupEndpoints } from './backup-endpoints.ts';
import { cacheEndpoint } from './cache-endpoint.ts';
import { encryptEndpoints } from './encrypt-endpoints.ts';
import type { Rooms } from './environment.ts';
import { exportEndpoints } from './export-endpoints.ts';
import { hmacEndpoints } from './hmac-endpoints.ts';
import { importEndpoints } from './import-endpoints.ts';
import { keyEndpoints } from './key-endpoints.ts';
import { Keys } from './keys.ts';
import { onRemovalDue } from './removal.ts';
import { onRotationDue } from './rotate.ts';
import { settingsEndpoints } from './settings-endpoints.ts';
import { signEndpoints } from './sign-endpoints.ts';
import { toolEndpoints } from './tool-endpoints.ts';

export const transit: EngineType = {
  type: 'transit',
  summary: 'encryption, signatures and HMACs with keys that stay here',
  parseOptions(options) {
    const [name] = Object.keys(options);
    if (name === undefined) return {};
    throw new CofferError('invalid_request', `transit has no option "${name.slice(0, 60)}"`);
  },
  create: transitEngine,
};

function transitEngine(environment: EngineEnvironment): Engine {
  const rooms: Rooms = { environment, keys: new Keys() };
  return {
    endpoints: [
      ...keyEndpoints(rooms),
      ...settingsEndpoints(rooms),
      ...encryptEndpoints(rooms),
      ...signEndpoints(rooms),
      ...hmacEndpoints(rooms),
      ...toolEndpoints(environment.random),
      ...exportEndpoints(rooms),
      ...backupEndpoints(rooms),
      ...importEndpoints(rooms),
      cacheEndpoint(),
    ],
    onDue: async (name, view) => {
      if (await onRemovalDue(view, name)) return;
      await onRotationDue(rooms, view, name);
    },
  };
}
