/** What the endpoints of one mount work with. */
import type { EngineEnvironment } from '../engine.ts';
import type { Keys } from './keys.ts';

export interface Rooms {
  readonly environment: EngineEnvironment;
  readonly keys: Keys;
}

export const noKey = 'encryption key not found';
