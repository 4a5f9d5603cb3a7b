/** What the parts of the method share. */
import type { Lockout } from '../../core/lockout/lockout.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import type { DeriveCode } from './codes.ts';
import type { Seed } from './seed.ts';

export interface TotpRooms {
  readonly environment: EngineEnvironment;
  readonly lockout: Lockout;
  readonly derive: DeriveCode;
  /** Stands in for devices that are not there: never right, and as much work. */
  readonly decoy: Seed;
}
