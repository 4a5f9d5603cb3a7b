/** What the core's own endpoints may reach: the rooms of one unsealed node. */
import type { BarrierStore, SealedRecord } from '../barrier/store.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../crypto/random.ts';
import type { Approvals } from './approval/approvals.ts';
import type { AuditLog } from './audit/audit.ts';
import type { AuditDevices } from './audit-device/devices.ts';
import type { Epoch } from './epoch.ts';
import type { Identities } from './identity/identities.ts';
import type { Jobs } from './job/jobs.ts';
import type { Rotation } from './key/rotation.ts';
import type { Leases } from './lease/leases.ts';
import type { Meter } from './meter.ts';
import type { Mfa } from './mfa/mfa.ts';
import type { Mounts } from './mount/mounts.ts';
import type { ClockWatch } from './node/clock-watch.ts';
import type { FormatGate } from './node/formats.ts';
import type { Nodes } from './node/nodes.ts';
import type { Outbox } from './notice/outbox.ts';
import type { PasswordPolicies } from './password-policy/store.ts';
import type { PolicyStore } from './policy/store.ts';
import type { Ceilings } from './quota/ceilings.ts';
import type { Quotas } from './quota/quotas.ts';
import type { ServerSettings } from './server/settings.ts';
import type { BatchTokens } from './token/batch.ts';
import type { TokenReader } from './token/reader.ts';
import type { Tokens } from './token/tokens.ts';
import type { View } from './view.ts';
import type { Wrappings } from './wrapping/wrappings.ts';

export interface CoreRooms {
  readonly store: BarrierStore;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly random: Random;
  readonly tokens: Tokens;
  readonly batchTokens: BatchTokens;
  readonly tokenReader: TokenReader;
  readonly identities: Identities;
  readonly mfa: Mfa;
  readonly mounts: Mounts;
  readonly leases: Leases;
  readonly policies: PolicyStore;
  readonly jobs: Jobs;
  readonly rotation: Rotation;
  readonly wrappings: Wrappings;
  readonly approvals: Approvals;
  readonly quotas: Quotas;
  readonly ceilings: Ceilings;
  readonly devices: AuditDevices;
  readonly settings: ServerSettings;
  readonly passwordPolicies: PasswordPolicies;
  readonly clockWatch: ClockWatch;
  readonly formats: FormatGate;
  readonly nodes: Nodes;
  readonly notices: Outbox;
  /** Has the node look for work at once, where it would else wait for the next pass. */
  workOnJobs(): void;
  /** A mount's view outside of any request. */
  view(uuid: string): View;
  /** Brings mounts, policies and keyring to the epoch as just read, for work outside of a request. */
  at(epoch: SealedRecord | undefined): Promise<Epoch>;
  /** As of the last request. */
  epoch(): Epoch;
}
