/** One node: a store, its seal state, and the road, wired together. Listeners come on top. */
import { dirname, join } from 'node:path';
import { type DevicePlaces, noPlaces } from '../audit-device/audit-device.ts';
import { noAwsPlaces } from '../aws/aws-places.ts';
import type { Barrier } from '../barrier/barrier.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { AuditSettings } from '../config/settings.ts';
import type { AuditLog } from '../core/audit/audit.ts';
import { nullAuditLog } from '../core/audit/null-log.ts';
import { currentProcess, isSurelyGone, type ProcessIdentity } from '../core/audit/process-identity.ts';
import type { ChainFinding } from '../core/audit/recover.ts';
import { openStoredLog, type StoredLogOptions } from '../core/audit/stored-log.ts';
import type { JobType } from '../core/job/job.ts';
import type { Manner } from '../core/manner.ts';
import type { SystemTtls } from '../core/mount/entry.ts';
import type { MountTypes } from '../core/mount/mounts.ts';
import { decodeNode, nodePrefix } from '../core/node/record.ts';
import type { NotifierKinds } from '../core/notice/notifiers.ts';
import { allItems } from '../core/pages.ts';
import { defaultLimits, type NodeLimits } from '../core/quota/limits.ts';
import type { Road } from '../core/request.ts';
import { createRoad } from '../core/road.ts';
import { SealState } from '../core/seal-state.ts';
import { noLogs } from '../core/server/log-control.ts';
import { Monitors } from '../core/server/monitor.ts';
import { noSurroundings, type Surroundings } from '../core/surroundings.ts';
import { type Random, systemRandom } from '../crypto/random.ts';
import type { Formats } from '../engine/engine.ts';
import type { CofferError } from '../errors.ts';
import { encodeAnswer } from '../http/encode.ts';
import { componentLog, type Logger } from '../log.ts';
import type { Seal } from '../seal/seal.ts';
import { createShamirSlot } from '../seal/shamir/shamir.ts';
import type { SlotMaker } from '../seal/slot-maker.ts';
import { withRoom } from '../storage/room.ts';
import type { Storage } from '../storage/storage.ts';
import type { NodeTelemetry } from '../telemetry/telemetry.ts';
import { auditDeviceTypes, manualSeals, mountTypes, notifierTypesFor } from './catalog.ts';
import { openConfiguredSeals } from './configured-seals.ts';
import { isUrgent, isUrgentRequest } from './urgent.ts';

export interface NodeOptions {
  readonly storage: Storage;
  /** The store's place as new keyfiles name it; by default the folder that the audit log is in. */
  readonly storePlace?: string;
  /** Directory of the audit log; undefined keeps none, which is for `--dev` only. */
  readonly auditDirectory: string | undefined;
  /** Where the log is in place of that directory, and how long closed parts of it stay; in the directory and for ever, if absent. */
  readonly auditLog?: Pick<AuditSettings, 'log' | 'keep'> | undefined;
  readonly seals: readonly Seal[];
  /** Kinds of slots that can be added; those that need no settings if absent. */
  readonly slotMakers?: readonly SlotMaker[];
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly types?: MountTypes | undefined;
  /** As of now: they may change while the server runs. */
  readonly limits?: () => NodeLimits;
  /** The lives of tokens and leases where a mount names none. */
  readonly systemTtls?: SystemTtls | undefined;
  /** Kinds of long work besides the core's own. */
  readonly jobTypes?: readonly JobType[];
  /** What counts and traces; without it nothing does. */
  readonly telemetry?: NodeTelemetry | undefined;
  /** Ways to tell people, and the notifiers of the configuration; all types, and nothing of AWS but its own addresses, if absent. */
  readonly notifiers?: NotifierKinds | undefined;
  /** What audit devices may reach; nothing if absent. */
  readonly devicePlaces?: Omit<DevicePlaces, 'clock'>;
  /** The program's log, its configuration and how it is read again; a node without them shows none. */
  readonly program?: Partial<
    Pick<Surroundings, 'logs' | 'configuration' | 'reload' | 'address' | 'process' | 'peers'>
  >;
  /** What of stored formats this node reads and writes; all that its mounts' types declare, if absent. */
  readonly formats?: Formats;
  /** It stays if absent. */
  readonly manner?: Manner | undefined;
  /** Of a log in the store. */
  readonly auditUpkeep?: StoredLogOptions['upkeep'];
  /** `sys/rekey` and `sys/generate-root` are open to everybody, as Vault's clients know them. Not unless told. */
  readonly unauthenticatedKeyOperations?: boolean;
}

export interface CofferNode {
  readonly state: SealState;
  readonly road: Road;
}

export function createNode(options: NodeOptions): CofferNode {
  const { log, seals, telemetry } = options;
  const storage = telemetry?.storage(options.storage) ?? options.storage;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const limits = options.limits ?? (() => defaultLimits);
  const surroundings: Surroundings = {
    ...surroundingsOf(options, clock),
    handle: (request) => road.handle(request),
  };
  const types = options.types ?? mountTypes;
  const state = new SealState({
    storage,
    surroundings,
    clock,
    random,
    types,
    formats: options.formats ?? formatsOf(types),
    jobTypes: options.jobTypes ?? [],
    limits,
    systemTtls: options.systemTtls,
    seals,
    manualSeals,
    slotMakers: options.slotMakers ?? openConfiguredSeals([], {}, random).makers,
    dataPlace: storePlaceOf(options),
    unauthenticatedKeyOperations: options.unauthenticatedKeyOperations ?? false,
    splitSlot: (rootKey, split, place) => createShamirSlot(rootKey, split, place, random),
    openAudit: async (barrier) => {
      const audit = await openNodeAudit(options, barrier, clock, random);
      return telemetry?.audit(audit) ?? audit;
    },
    telemetry,
    manner: options.manner,
    log: (message, fields) => log.error(message, fields),
  });
  const road = createRoad({
    state,
    clock,
    log: (message, fields) => log.error(message, fields),
    encode: encodeAnswer,
    limits,
    isUrgent: isUrgentRequest,
    telemetry,
    inFlight: surroundings.inFlight,
    peers: surroundings.peers,
  });
  return { state, road: telemetry?.road(road) ?? road };
}

function storePlaceOf({ storePlace, auditDirectory, storage }: NodeOptions): string {
  return storePlace ?? (auditDirectory === undefined ? storage.kind : dirname(auditDirectory));
}

function surroundingsOf({ devicePlaces, notifiers, program = {} }: NodeOptions, clock: Clock): Surroundings {
  const { logs = noLogs } = program;
  return {
    ...noSurroundings(clock),
    ...program,
    devices: { types: auditDeviceTypes, places: { ...noPlaces, ...devicePlaces, clock } },
    notifiers: notifiers ?? { types: notifierTypesFor(noAwsPlaces), configured: [] },
    monitors: new Monitors(logs, clock),
  };
}

/** What all engines and auth methods declare. */
export function formatsOf({ engines, authMethods }: MountTypes): Formats {
  const all = [...engines.values(), ...authMethods.values()];
  return Object.assign({}, ...all.map(({ formats }) => formats ?? {})) as Formats;
}

/** Where a data directory keeps its audit log. */
export function auditDirectoryOf(data: string): string {
  return join(data, 'audit');
}

/** Where a data directory keeps its store. */
export function storeDirectoryOf(data: string): string {
  return join(data, 'store');
}

async function openNodeAudit(
  options: NodeOptions,
  barrier: Barrier,
  clock: Clock,
  random: Random,
): Promise<AuditLog> {
  const digestKey = barrier.purposeKey('audit-digest');
  const { auditDirectory: directory, auditLog } = options;
  const log = componentLog(options.log, 'audit');
  if (directory === undefined && auditLog?.log !== 'store') return nullAuditLog(digestKey);
  const tell = ({ kind, chainId, seq, error }: ChainFinding) => {
    if (kind === 'damaged')
      log.error('the audit log of an earlier process is damaged', { chain: chainId, seq, error });
    else log.info('closed the audit chain of an earlier process', { chain: chainId, kind, seq });
  };
  const shared = {
    store: barrier,
    digestKey,
    signingSeed: barrier.purposeKey('audit-signing').export(),
    clock,
    random,
    isUrgent,
    keep: auditLog?.keep,
    onFailure: (error: CofferError) => log.error('the audit log fails; requests are refused', { error }),
  };
  const audit =
    directory === undefined || auditLog?.log === 'store'
      ? await openStoredLog({ ...shared, ...ofStore(options, barrier), onFinding: tell })
      : await (await import('../core/audit/log.ts')).openAuditLog({ ...shared, directory });
  for (const finding of audit.findings) tell(finding);
  return audit;
}

/** What a log in the store asks of the program around it. */
function ofStore({ storage, program, auditUpkeep }: NodeOptions, barrier: Barrier) {
  const room = withRoom(storage);
  const own = program?.process;
  return {
    isShort: () => room?.isShort() === true,
    nodes: () => livingProcesses(barrier, own ?? currentProcess()),
    ...(own === undefined ? {} : { process: own }),
    upkeep: auditUpkeep,
  };
}

/** The processes of all nodes that tell of themselves, those apart that ran on this machine and have ended. */
async function livingProcesses(barrier: Barrier, self: ProcessIdentity): Promise<readonly ProcessIdentity[]> {
  const records = await allItems((page) => barrier.range(nodePrefix, page));
  const processes = records.map((record) => decodeNode(record.open()).process);
  return processes.filter((each) => !isSurelyGone(each, self));
}
