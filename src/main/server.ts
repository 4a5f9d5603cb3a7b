/** A server: a node and its listeners, over memory (`--dev`) or a data directory. */
import { systemClock } from '../clock.ts';
import type { Live } from '../config/live.ts';
import type { Places } from '../config/paths.ts';
import type { BackupSettings, LeaseSettings, LimitSettings, ListenerSettings } from '../config/settings.ts';
import { type ScheduledBackupsOptions, startScheduledBackups } from '../core/backup/scheduled-backups.ts';
import { startScheduledDrills } from '../core/backup/scheduled-drills.ts';
import type { SystemTtls } from '../core/mount/entry.ts';
import type { Road } from '../core/request.ts';
import { systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { componentLog, type Logger } from '../log.ts';
import { readBoot } from '../seal/boot.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import type { Seal } from '../seal/seal.ts';
import { MemoryStorage } from '../storage/memory/memory.ts';
import type { Storage } from '../storage/storage.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import type { NodeTelemetry } from '../telemetry/telemetry.ts';
import { AdvertisedAddress } from './advertised-address.ts';
import { scheduledPlace } from './backup-places.ts';
import { addressedSeals } from './catalog.ts';
import type { ConfiguredSeals } from './configured-seals.ts';
import { drillUnlock, largestDrill } from './drill-unlock.ts';
import { defaultKeyfile, type MadeStore, makeStore, refuseEarlierStore } from './first-start.ts';
import { type Companions, type Listeners, openListeners } from './listeners.ts';
import { migrationGate } from './migration-gate.ts';
import { auditDirectoryOf, type CofferNode, createNode, type NodeOptions } from './node.ts';
import { requirePrivateDirectories } from './private-place.ts';

export interface Server {
  readonly node: CofferNode;
  readonly listeners: Listeners;
  /** Lets running requests end, then closes everything. */
  close(): Promise<void>;
}

/** How long running requests have when the server is asked to stop, in milliseconds. */
const drainTime = 10_000;

/** How long a server that listens already waits for keys that are elsewhere before it says that it serves, in milliseconds. */
const firstTryPatience = 5_000;

/** What a server needs of its settings, whatever its store. */
export interface ServingOptions {
  readonly listeners: readonly ListenerSettings[];
  readonly limits: Live<LimitSettings>;
  /** The standard ones where absent. */
  readonly leases?: LeaseSettings;
  readonly log: Logger;
  /** Where clients reach this node; its first listener's address if absent. */
  readonly apiAddress?: string | undefined;
  readonly telemetry?: NodeTelemetry | undefined;
  /** What audit devices may reach, and what the server shows of itself. */
  readonly devicePlaces?: NodeOptions['devicePlaces'];
  readonly program?: NodeOptions['program'];
  /** Ways to tell people; all types, and nothing of AWS but its own addresses, if absent. */
  readonly notifiers?: NodeOptions['notifiers'];
  /** What can be mounted; all of it, and nothing of AWS but its own addresses, if absent. */
  readonly types?: NodeOptions['types'];
  /** The server's other processes, for one that is a worker. */
  readonly companions?: ServingCompanions | undefined;
}

export interface ServingCompanions extends Companions {
  /** Before anybody is served: brings the node to the state that the others have. */
  join(node: CofferNode): Promise<void>;
  /** The road as clients take it. */
  road(node: CofferNode): Road;
}

export interface DataServerOptions extends ServingOptions {
  /** The data directory, absolute: of the audit log, and of the store unless that is elsewhere. */
  readonly data: string;
  readonly storage: StoragePlace;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly places: Places;
  /** `store`: make a store where there is none. `api`: wait for `sys/init`. `never`: refuse an empty place. */
  readonly init: 'store' | 'api' | 'never';
  readonly keyfile: string | undefined;
  /** Keys that are not on this machine; a new store is made for them in place of a keyfile. */
  readonly seals: ConfiguredSeals;
  readonly rootTokenFile: string | undefined;
  readonly logIn: boolean;
  /** Scheduled backups; none without it, or without its directory. */
  readonly backup?: BackupSettings;
  /** Where the audit log is, and how long it stays; in the data directory and for ever, if absent. */
  readonly audit?: NodeOptions['auditLog'];
  /** Called when a store has been made: its owner has to know, whether or not it can be served then. */
  readonly onMade: (made: MadeStore) => void;
}

/**
 * Serves a data directory. Throws `store_unusable` for a place without a store unless told to make one, and for one that others may
 * reach.
 */
export async function startDataServer(options: DataServerOptions): Promise<Server> {
  const { data, log, places, storage: place, env } = options;
  const makes = options.init !== 'never';
  // Before anything is put there.
  requirePrivateDirectories(data);
  if (makes && !place.mayHoldStore()) await refuseEarlier(place, places);
  const storage = await place.open({
    create: makes,
    gate: migrationGate,
    env,
    log: (message, fields) => componentLog(log, 'storage').warn(message, fields),
  });
  let node: CofferNode | undefined;
  try {
    const address = new AdvertisedAddress();
    const boot = await readBoot(storage);
    if (boot.kind === 'empty' && !makes) throw noStore(place.name);
    if (boot.kind === 'empty') await refuseEarlier(place, places);
    node = createNode({
      storage,
      storePlace: place.name,
      auditDirectory: auditDirectoryOf(data),
      auditLog: options.audit,
      log: componentLog(log, 'core'),
      telemetry: options.telemetry,
      limits: () => options.limits.current,
      systemTtls: inSeconds(options.leases),
      unauthenticatedKeyOperations: openKeyOperations(options),
      ...programOf(options, address),
      seals: sealsOf(options),
      slotMakers: options.seals.makers,
    });
    if (boot.kind === 'empty' && options.init === 'store') options.onMade(await make(options, node));
    const firstTry = await node.state.begin();
    await options.companions?.join(node);
    const server = await serve(node, options, address);
    // It answers by now, that it is sealed if nothing else; who waits until it says that it serves may find it open.
    await firstTry.settled(firstTryPatience);
    await tellMissingSeals(options, storage, node);
    const backups = scheduleBackups(options, node);
    return { ...server, close: () => backups.stop().then(() => server.close()) };
  } catch (error) {
    await (node?.state ?? storage).close();
    throw error;
  }
}

/** The seals that open the store by themselves. */
function sealsOf({ keyfile, places, seals }: DataServerOptions): readonly Seal[] {
  return [
    {
      kind: 'keyfile',
      automatic: true,
      wrap: () => Promise.reject(new CofferError('internal', 'not used to wrap')),
      // Which keyfile is known only once the store's id is.
      unwrap: (body, place) =>
        new KeyfileSeal({
          path: keyfile ?? defaultKeyfile(places, place.storeId),
          random: systemRandom,
        }).unwrap(body, place),
    },
    ...seals.seals,
  ];
}

interface BackupWork {
  stop(): Promise<void>;
}

/** Scheduled backups, and restore drills of them. Throws `invalid_request` for an address that cannot be. */
function scheduleBackups(options: DataServerOptions, node: CofferNode): BackupWork {
  const { backup, env, log } = options;
  const place = backup === undefined ? undefined : scheduledPlace(backup, env);
  if (backup === undefined || place === undefined) return { stop: () => Promise.resolve() };
  const { every, keep, keepFor, drillEvery } = backup;
  const shared = {
    node: () => node.state.core,
    clock: systemClock,
    random: systemRandom,
    log: ((level, message, fields) =>
      componentLog(log, 'backup')[level](message, fields)) satisfies ScheduledBackupsOptions['log'],
  };
  const drills =
    drillEvery === undefined
      ? undefined
      : startScheduledDrills({
          ...shared,
          place,
          every: drillEvery,
          memory: () => new MemoryStorage(),
          unlock: drillUnlock(sealsOf(options), () => node.state.core?.barrier),
          largest: largestDrill,
        });
  const backups = startScheduledBackups({ ...shared, schedule: { place, every, keep, keepFor } });
  return { stop: () => Promise.all([drills?.stop(), backups.stop()]).then(() => undefined) };
}

/** What ends with its process leaves keyfiles behind that nobody misses. */
async function refuseEarlier(place: StoragePlace, places: Places): Promise<void> {
  if (place.lasting) await refuseEarlierStore(places, place.name);
}

/** A node whose settings name no key of a kind that the store has slots of says so, where that keeps it sealed. */
async function tellMissingSeals(
  { seals, log }: DataServerOptions,
  storage: Storage,
  node: CofferNode,
): Promise<void> {
  if (node.state.core !== undefined) return;
  const boot = await readBoot(storage);
  if (boot.kind === 'empty') return;
  for (const { kind } of addressedSeals) {
    const named = seals.seals.some((seal) => seal.kind === kind);
    const keys = boot.slots.filter((slot) => slot.kind === kind).map(({ body }) => body['key']);
    if (named || keys.length === 0) continue;
    componentLog(log, 'core').warn('the store has slots that these settings name no key for: say --seal', {
      kind,
      keys,
    });
  }
}

function make(options: DataServerOptions, node: CofferNode): Promise<MadeStore> {
  const { data, storage, places, keyfile, rootTokenFile, logIn } = options;
  return makeStore({
    state: node.state,
    random: systemRandom,
    places,
    data,
    storePlace: storage.name,
    keyfile,
    seals: options.seals.seals,
    rootTokenFile,
    logIn,
  });
}

function noStore(place: string): CofferError {
  return new CofferError(
    'store_unusable',
    `there is no store in ${place}. Is a volume not mounted? To make a new store there, say --init`,
  );
}

export interface DevServer extends Server {
  readonly unsealKey: string;
  readonly rootToken: string;
}

/** Serves a store in memory, unsealed, without an audit log: for trying things out. */
export async function startDevServer(
  options: ServingOptions & { readonly rootToken: string | undefined },
): Promise<DevServer> {
  const { log } = options;
  const address = new AdvertisedAddress();
  const node = createNode({
    storage: new MemoryStorage(),
    auditDirectory: undefined,
    seals: [],
    log: componentLog(log, 'core'),
    telemetry: options.telemetry,
    limits: () => options.limits.current,
    systemTtls: inSeconds(options.leases),
    unauthenticatedKeyOperations: openKeyOperations(options),
    ...programOf(options, address),
  });
  const made = await node.state.initialize({ shares: 1, threshold: 1 }, options.rootToken, true);
  const unsealKey = made.shares[0]?.toString('base64') ?? '';
  await node.state.submitKey(unsealKey);
  const server = await serve(node, options, address);
  return { ...server, unsealKey, rootToken: made.rootToken };
}

async function serve(node: CofferNode, options: ServingOptions, address: AdvertisedAddress): Promise<Server> {
  const { listeners: settings, limits, log, telemetry, companions } = options;
  const road = companions?.road(node) ?? node.road;
  const listeners = await openListeners({ road, settings, limits, log, telemetry, companions });
  address.set(options.apiAddress, listeners.addresses[0]);
  // The others need not wait for the next record to know where this node is.
  void node.state.core?.nodes.beat();
  let closing: Promise<void> | undefined;
  return {
    node,
    listeners,
    close() {
      // They would have the listeners wait for readers that wait for the server.
      node.state.core?.surroundings.monitors.end();
      closing ??= listeners
        .close({ withinMilliseconds: drainTime })
        .then(() => node.state.close())
        .finally(() => telemetry?.close());
      return closing;
    },
  };
}

function programOf(
  { devicePlaces, notifiers, program, types }: ServingOptions,
  address: AdvertisedAddress,
): Pick<NodeOptions, 'devicePlaces' | 'notifiers' | 'program' | 'types'> {
  return {
    ...(types === undefined ? {} : { types }),
    ...(devicePlaces === undefined ? {} : { devicePlaces }),
    ...(notifiers === undefined ? {} : { notifiers }),
    program: { ...program, address: address.get },
  };
}

/** The configuration says it for all listeners or for none. */
function openKeyOperations({ listeners }: ServingOptions): boolean {
  const own = listeners.filter(({ dialect }) => dialect === 'vault');
  return own.length > 0 && own.every(({ unauthenticatedKeyOperations }) => unauthenticatedKeyOperations);
}

function inSeconds(leases: LeaseSettings | undefined): SystemTtls | undefined {
  if (leases === undefined) return undefined;
  return { default: Math.ceil(leases.defaultTtl / 1_000), max: Math.ceil(leases.maxTtl / 1_000) };
}
