/** What a node's seal state is made of. */
import type { Barrier } from '../barrier/barrier.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../crypto/random.ts';
import type { Formats } from '../engine/engine.ts';
import type { JsonObject } from '../json.ts';
import type { ManualSeal } from '../seal/collector.ts';
import type { Seal, SlotPlace } from '../seal/seal.ts';
import type { SlotMaker } from '../seal/slot-maker.ts';
import type { Storage } from '../storage/storage.ts';
import type { AuditLog } from './audit/audit.ts';
import type { JobType } from './job/job.ts';
import type { Manner } from './manner.ts';
import type { Telemetry } from './meter.ts';
import type { SystemTtls } from './mount/entry.ts';
import type { MountTypes } from './mount/mounts.ts';
import type { NodeLimits } from './quota/limits.ts';
import type { Surroundings } from './surroundings.ts';

export type Log = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface SealStateOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly types: MountTypes;
  /** As of now: they may change while the server runs. */
  readonly limits?: () => NodeLimits;
  /** The lives of tokens and leases where a mount names none. */
  readonly systemTtls?: SystemTtls | undefined;
  /** Kinds of long work besides the core's own. */
  readonly jobTypes?: readonly JobType[];
  /** Seals tried without a person, in order. */
  readonly seals: readonly Seal[];
  readonly manualSeals: readonly ManualSeal[];
  readonly slotMakers: readonly SlotMaker[];
  /** The directory or address of the data, one line: for people. */
  readonly dataPlace: string;
  /** Rekeying and making root tokens are open to everybody, as in Vault. */
  readonly unauthenticatedKeyOperations: boolean;
  /** Makes a slot that opens with shares, for stores made through `sys/init`. */
  readonly splitSlot: SplitSlot;
  readonly openAudit: (barrier: Barrier) => Promise<AuditLog>;
  readonly telemetry?: Telemetry | undefined;
  /** What of stored formats this program reads and writes. */
  readonly formats?: Formats;
  readonly surroundings?: Surroundings;
  /** As with the core. */
  readonly manner?: Manner | undefined;
  readonly log: Log;
}

export type SplitSlot = (
  rootKey: Buffer,
  split: { readonly shares: number; readonly threshold: number },
  place: SlotPlace,
) => Promise<{ readonly body: JsonObject; readonly shares: readonly Buffer[] }>;
