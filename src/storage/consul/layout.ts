/** What lies where below the prefix of a store, and how the parts of a store in Consul find it. */
import type { Clock } from '../../clock.ts';
import type { CofferError } from '../../errors.ts';
import type { StorageKey } from '../storage.ts';
import type { ConsulAgent } from './agent.ts';
import { nameOf } from './key-name.ts';

export interface Layout {
  /** One record: that the keys are Coffer's, and of which format. */
  readonly format: string;
  /** What names of records begin with. */
  readonly records: string;
  /** What names of lanes begin with: see `commits.ts`. */
  readonly lanes: string;
  /** What names of openings begin with: see `presence.ts`. */
  readonly openings: string;
}

export function layoutOf(prefix: string): Layout {
  return {
    format: `${prefix}/format`,
    records: `${prefix}/record/`,
    lanes: `${prefix}/lane/`,
    openings: `${prefix}/open/`,
  };
}

/** What keeps everybody out who comes: it is part of every call, so nobody goes on once it stands. */
export interface Barred {
  readonly key: string;
  refusal(value: Buffer): CofferError;
}

/** What every part of one opened store shares. */
export interface Ways {
  readonly agent: ConsulAgent;
  readonly layout: Layout;
  readonly clock: Clock;
  /** By its name in Consul. */
  readonly gate: Barred | undefined;
}

export function recordName({ records }: Layout, key: StorageKey | string): string {
  return records + nameOf(key);
}
