/** What the core of one unsealed node is made of. */
import type { Barrier } from '../barrier/barrier.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../crypto/random.ts';
import type { Formats } from '../engine/engine.ts';
import type { ManualSeal } from '../seal/collector.ts';
import type { RoomKeepingStorage } from '../storage/room.ts';
import type { SnapshotStorage } from '../storage/snapshot.ts';
import type { AuditLog } from './audit/audit.ts';
import type { JobType } from './job/job.ts';
import type { KeySlots } from './key/key-slots.ts';
import type { Manner } from './manner.ts';
import type { Telemetry } from './meter.ts';
import type { SystemTtls } from './mount/entry.ts';
import type { MountTypes } from './mount/mounts.ts';
import type { NodeLimits } from './quota/limits.ts';
import type { SealControl } from './seal-control.ts';
import type { Surroundings } from './surroundings.ts';

export interface CoreOptions {
  readonly barrier: Barrier;
  /** What backups are taken from; undefined where the storage gives no snapshots. */
  readonly snapshots: SnapshotStorage | undefined;
  /** What knows whether the disk is full; undefined where the storage keeps no room. */
  readonly room?: RoomKeepingStorage | undefined;
  readonly storeId: string;
  readonly audit: AuditLog;
  readonly types: MountTypes;
  /** The lives of tokens and leases where a mount names none. */
  readonly systemTtls?: SystemTtls | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly seal: SealControl;
  readonly slots: KeySlots;
  readonly manualSeals: readonly ManualSeal[];
  /** Rekeying and making root tokens are open to everybody, as in Vault. */
  readonly unauthenticatedKeyOperations: boolean;
  /** As of now: they may change while the server runs. */
  readonly limits?: () => NodeLimits;
  /** Kinds of long work besides the core's own. */
  readonly jobTypes?: readonly JobType[];
  readonly telemetry?: Telemetry;
  readonly surroundings?: Surroundings;
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** What of stored formats this program reads and writes. */
  readonly formats?: Formats;
  /** It stays if absent. */
  readonly manner?: Manner | undefined;
  /** Called when the store holds by now what this program does not read. */
  readonly onUnfit?: (error: unknown) => void;
  /** Called when the epoch says that another node sealed the store; throws `sealed` when that still holds. */
  readonly onSealedElsewhere: () => Promise<void>;
}
